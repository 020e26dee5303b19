/* Values to JSON text, keys in order. */
#include "jot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add(struct text *text, const char *bytes, size_t length) {
  if (text->length + length + 1 > text->room) {
    text->room = (text->length + length + 1) * 2;
    text->bytes = jot_alloc(text->bytes, text->room);
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = 0;
}

void text_format(struct text *text, const char *format, ...) {
  char small[128];
  va_list arguments;
  int length;
  va_start(arguments, format);
  length = vsnprintf(small, sizeof small, format, arguments);
  va_end(arguments);
  if (length > 0) text_add(text, small, (size_t)length < sizeof small ? (size_t)length : sizeof small - 1);
}

static void print_string(struct text *text, const char *bytes, size_t length) {
  size_t i;
  text_add(text, "\"", 1);
  for (i = 0; i < length; ++i) {
    unsigned char c = (unsigned char)bytes[i];
    switch (c) {
    case '"':
      text_add(text, "\\\"", 2);
      break;
    case '\\':
      text_add(text, "\\\\", 2);
      break;
    case '\n':
      text_add(text, "\\n", 2);
      break;
    case '\t':
      text_add(text, "\\t", 2);
      break;
    default:
      if (c < 0x20) text_format(text, "\\u%04x", c);
      else text_add(text, bytes + i, 1);
    }
  }
  text_add(text, "\"", 1);
}

static int by_key(const void *left, const void *right) {
  return strcmp((*(struct slot *const *)left)->key, (*(struct slot *const *)right)->key);
}

static void print_object(struct text *text, const struct map *map) {
  struct slot **sorted = jot_alloc(NULL, map->count * sizeof *sorted);
  size_t i, count = 0;
  for (i = 0; i < map->room; ++i)
    if (map->slots[i].key) sorted[count++] = &map->slots[i];
  qsort(sorted, count, sizeof *sorted, by_key);
  text_add(text, "{", 1);
  for (i = 0; i < count; ++i) {
    if (i) text_add(text, ",", 1);
    print_string(text, sorted[i]->key, strlen(sorted[i]->key));
    text_add(text, ":", 1);
    print_value(text, sorted[i]->value);
  }
  text_add(text, "}", 1);
  free(sorted);
}

void print_value(struct text *text, const struct value *value) {
  size_t i;
  switch (value->kind) {
  case NIL:
    text_add(text, "null", 4);
    break;
  case BOOLEAN:
    text_format(text, "%s", value->as.boolean ? "true" : "false");
    break;
  case NUMBER:
    if (value->as.number == floor(value->as.number) && fabs(value->as.number) < 1e15)
      text_format(text, "%.0f", value->as.number);
    else text_format(text, "%.12g", value->as.number);
    break;
  case STRING:
    print_string(text, value->as.string.bytes, value->as.string.length);
    break;
  case ARRAY:
    text_add(text, "[", 1);
    for (i = 0; i < value->as.array.count; ++i) {
      if (i) text_add(text, ",", 1);
      print_value(text, value->as.array.items[i]);
    }
    text_add(text, "]", 1);
    break;
  case OBJECT:
    print_object(text, &value->as.map);
    break;
  }
}
