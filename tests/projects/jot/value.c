/* Reference-counted values and their order. */
#include "jot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *jot_alloc(void *old, size_t size) {
  void *fresh = realloc(old, size ? size : 1);
  if (!fresh) {
    fputs("jot: out of memory\n", stderr);
    exit(70);
  }
  return fresh;
}

static struct value *make(enum kind kind) {
  struct value *value = jot_alloc(NULL, sizeof *value);
  memset(value, 0, sizeof *value);
  value->kind = kind;
  value->references = 1;
  return value;
}

struct value *value_nil(void) { return make(NIL); }
struct value *value_array(void) { return make(ARRAY); }
struct value *value_object(void) { return make(OBJECT); }

struct value *value_boolean(bool boolean) {
  struct value *value = make(BOOLEAN);
  value->as.boolean = boolean;
  return value;
}

struct value *value_number(double number) {
  struct value *value = make(NUMBER);
  value->as.number = number;
  return value;
}

struct value *value_string(const char *bytes, size_t length) {
  struct value *value = make(STRING);
  value->as.string.bytes = jot_alloc(NULL, length + 1);
  memcpy(value->as.string.bytes, bytes, length);
  value->as.string.bytes[length] = 0;
  value->as.string.length = length;
  return value;
}

struct value *value_keep(struct value *value) {
  ++value->references;
  return value;
}

void value_drop(struct value *value) {
  size_t i;
  if (!value || --value->references > 0) return;
  switch (value->kind) {
  case STRING:
    free(value->as.string.bytes);
    break;
  case ARRAY:
    for (i = 0; i < value->as.array.count; ++i) value_drop(value->as.array.items[i]);
    free(value->as.array.items);
    break;
  case OBJECT:
    map_free(&value->as.map);
    break;
  default:
    break;
  }
  free(value);
}

bool value_true(const struct value *value) {
  switch (value->kind) {
  case NIL:
    return false;
  case BOOLEAN:
    return value->as.boolean;
  case NUMBER:
    return value->as.number != 0;
  case STRING:
    return value->as.string.length > 0;
  case ARRAY:
    return value->as.array.count > 0;
  case OBJECT:
    return value->as.map.count > 0;
  }
  return false;
}

static int order(double left, double right) { return (left > right) - (left < right); }

int value_compare(const struct value *left, const struct value *right) {
  size_t i, shorter;
  int found;
  if (left->kind != right->kind) return order(left->kind, right->kind);
  switch (left->kind) {
  case NIL:
    return 0;
  case BOOLEAN:
    return order(left->as.boolean, right->as.boolean);
  case NUMBER:
    return order(left->as.number, right->as.number);
  case STRING:
    shorter = left->as.string.length < right->as.string.length ? left->as.string.length : right->as.string.length;
    found = memcmp(left->as.string.bytes, right->as.string.bytes, shorter);
    return found ? (found > 0) - (found < 0) : order((double)left->as.string.length, (double)right->as.string.length);
  case ARRAY:
    for (i = 0; i < left->as.array.count && i < right->as.array.count; ++i) {
      found = value_compare(left->as.array.items[i], right->as.array.items[i]);
      if (found) return found;
    }
    return order((double)left->as.array.count, (double)right->as.array.count);
  case OBJECT:
    return order((double)left->as.map.count, (double)right->as.map.count);
  }
  return 0;
}

void array_push(struct value *array, struct value *item) {
  struct array *a = &array->as.array;
  if (a->count == a->room) {
    a->room = a->room ? a->room * 2 : 4;
    a->items = jot_alloc(a->items, a->room * sizeof *a->items);
  }
  a->items[a->count++] = item;
}

/* Bottom-up merge sort: stable, and no recursion. */
void array_sort(struct value *array) {
  struct array *a = &array->as.array;
  struct value **from = a->items, **to = jot_alloc(NULL, a->count * sizeof *to), **spare;
  size_t width, low;
  for (width = 1; width < a->count; width *= 2) {
    for (low = 0; low < a->count; low += 2 * width) {
      size_t middle = low + width < a->count ? low + width : a->count;
      size_t high = low + 2 * width < a->count ? low + 2 * width : a->count;
      size_t i = low, j = middle, k = low;
      while (i < middle && j < high) to[k++] = value_compare(from[j], from[i]) < 0 ? from[j++] : from[i++];
      while (i < middle) to[k++] = from[i++];
      while (j < high) to[k++] = from[j++];
    }
    spare = from, from = to, to = spare;
  }
  a->items = from;
  a->room = a->count ? a->count : 1;
  free(to);
}
