/* Expressions: precedence climbing, evaluated while they are read. */
#include "jot.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  const char *at;
  const struct map *scope;
  const char *error;
  int depth;
};

struct operator {
  const char *name;
  int precedence;
  double (*number)(double, double);
};

static double add(double a, double b) { return a + b; }
static double subtract(double a, double b) { return a - b; }
static double multiply(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }

/* Longer names first where one begins another. */
static const struct operator operators[] = {
    {"||", 1, NULL}, {"&&", 2, NULL}, {"==", 3, NULL}, {"!=", 3, NULL},    {"<=", 4, NULL},    {">=", 4, NULL},  {"<", 4, NULL},
    {">", 4, NULL},  {"+", 5, add},   {"-", 5, subtract}, {"*", 6, multiply}, {"/", 6, divide}, {"%", 6, fmod},
};

static struct value *read_binary(struct reader *r, int lowest);

static void skip(struct reader *r) {
  while (isspace((unsigned char)*r->at)) ++r->at;
}

static struct value *fail(struct reader *r, const char *message) {
  if (!r->error) r->error = message;
  return value_nil();
}

static bool take(struct reader *r, char c) {
  skip(r);
  if (*r->at != c) return false;
  ++r->at;
  return true;
}

static struct value *call(struct reader *r, const char *name, size_t length, struct value *argument) {
  struct value *result = NULL;
  size_t i;
  double sum = 0;
#define IS(word) (length == sizeof word - 1 && !memcmp(name, word, length))
  if (IS("len")) {
    if (argument->kind == STRING) result = value_number((double)argument->as.string.length);
    else if (argument->kind == ARRAY) result = value_number((double)argument->as.array.count);
    else if (argument->kind == OBJECT) result = value_number((double)argument->as.map.count);
  } else if (IS("sqrt") && argument->kind == NUMBER) {
    result = value_number(sqrt(argument->as.number));
  } else if (IS("floor") && argument->kind == NUMBER) {
    result = value_number(floor(argument->as.number));
  } else if (IS("sum") && argument->kind == ARRAY) {
    for (i = 0; i < argument->as.array.count; ++i)
      if (argument->as.array.items[i]->kind == NUMBER) sum += argument->as.array.items[i]->as.number;
    result = value_number(sum);
  } else if (IS("sort") && argument->kind == ARRAY) {
    result = value_array();
    for (i = 0; i < argument->as.array.count; ++i) array_push(result, value_keep(argument->as.array.items[i]));
    array_sort(result);
  } else if (IS("keys") && argument->kind == OBJECT) {
    result = value_array();
    for (i = 0; i < argument->as.map.room; ++i)
      if (argument->as.map.slots[i].key)
        array_push(result, value_string(argument->as.map.slots[i].key, strlen(argument->as.map.slots[i].key)));
    array_sort(result);
  }
#undef IS
  value_drop(argument);
  return result ? result : fail(r, "unknown function or wrong argument");
}

static struct value *read_name(struct reader *r) {
  const char *start = r->at;
  size_t length;
  struct value *found;
  while (isalnum((unsigned char)*r->at) || *r->at == '_') ++r->at;
  length = (size_t)(r->at - start);
  if (take(r, '(')) {
    found = read_binary(r, 1);
    if (!take(r, ')')) r->error = r->error ? r->error : "expected )";
    return call(r, start, length, found);
  }
  if (length == 4 && !memcmp(start, "true", 4)) return value_boolean(true);
  if (length == 5 && !memcmp(start, "false", 5)) return value_boolean(false);
  if (length == 4 && !memcmp(start, "null", 4)) return value_nil();
  found = map_get(r->scope, start, length);
  return found ? value_keep(found) : fail(r, "unknown name");
}

/* Finds the end of a bracketed literal and hands it to the JSON parser. */
static struct value *read_literal(struct reader *r) {
  const char *start = r->at, *error = NULL;
  struct value *found;
  int depth = 0;
  bool quoted = false;
  do {
    if (!*r->at) return fail(r, "literal without an end");
    if (*r->at == '\\' && quoted && r->at[1]) ++r->at;
    else if (*r->at == '"') quoted = !quoted;
    else if (!quoted && (*r->at == '[' || *r->at == '{')) ++depth;
    else if (!quoted && (*r->at == ']' || *r->at == '}')) --depth;
    ++r->at;
  } while (depth > 0 || quoted);
  found = parse_json(start, (size_t)(r->at - start), &error);
  return found ? found : fail(r, error);
}

static struct value *read_primary(struct reader *r) {
  struct value *found;
  double number;
  char *stop;
  skip(r);
  if (*r->at == '[' || *r->at == '{' || *r->at == '"') return read_literal(r);
  if (take(r, '(')) {
    found = read_binary(r, 1);
    if (!take(r, ')') && !r->error) r->error = "expected )";
    return found;
  }
  if (take(r, '-')) {
    found = read_primary(r);
    if (found->kind != NUMBER) return value_drop(found), fail(r, "- needs a number");
    number = -found->as.number;
    value_drop(found);
    return value_number(number);
  }
  if (take(r, '!')) {
    bool truth;
    found = read_primary(r);
    truth = value_true(found);
    value_drop(found);
    return value_boolean(!truth);
  }
  if (isdigit((unsigned char)*r->at)) {
    number = strtod(r->at, &stop);
    r->at = stop;
    return value_number(number);
  }
  if (isalpha((unsigned char)*r->at) || *r->at == '_') return read_name(r);
  return fail(r, "expected a value");
}

static struct value *member(struct reader *r, struct value *owner, struct value *index) {
  struct value *found = NULL;
  if (owner->kind == ARRAY && index->kind == NUMBER) {
    double at = index->as.number < 0 ? index->as.number + (double)owner->as.array.count : index->as.number;
    if (at >= 0 && at < (double)owner->as.array.count) found = owner->as.array.items[(size_t)at];
  } else if (owner->kind == OBJECT && index->kind == STRING) {
    found = map_get(&owner->as.map, index->as.string.bytes, index->as.string.length);
  }
  found = found ? value_keep(found) : fail(r, "no such member");
  value_drop(owner);
  value_drop(index);
  return found;
}

static struct value *read_postfix(struct reader *r) {
  struct value *found = read_primary(r), *index;
  const char *start;
  while (!r->error) {
    if (take(r, '[')) {
      index = read_binary(r, 1);
      if (!take(r, ']') && !r->error) r->error = "expected ]";
    } else if (take(r, '.')) {
      skip(r);
      start = r->at;
      while (isalnum((unsigned char)*r->at) || *r->at == '_') ++r->at;
      index = value_string(start, (size_t)(r->at - start));
    } else {
      break;
    }
    found = member(r, found, index);
  }
  return found;
}

static struct value *apply(struct reader *r, const struct operator *o, struct value *left, struct value *right) {
  struct value *result;
  int sign;
  if (o->number) {
    if (left->kind == NUMBER && right->kind == NUMBER) {
      result = value_number(o->number(left->as.number, right->as.number));
    } else if (o->number == add && left->kind == STRING && right->kind == STRING) {
      struct text joined = {0};
      text_add(&joined, left->as.string.bytes, left->as.string.length);
      text_add(&joined, right->as.string.bytes, right->as.string.length);
      result = value_string(joined.bytes, joined.length);
      free(joined.bytes);
    } else {
      result = fail(r, "wrong operands");
    }
  } else if (o->precedence <= 2) {
    bool both = o->precedence == 2;
    result = value_boolean(both ? value_true(left) && value_true(right) : value_true(left) || value_true(right));
  } else {
    sign = value_compare(left, right);
    switch (o->name[0]) {
    case '=':
      result = value_boolean(sign == 0);
      break;
    case '!':
      result = value_boolean(sign != 0);
      break;
    case '<':
      result = value_boolean(o->name[1] ? sign <= 0 : sign < 0);
      break;
    default:
      result = value_boolean(o->name[1] ? sign >= 0 : sign > 0);
    }
  }
  value_drop(left);
  value_drop(right);
  return result;
}

static struct value *read_binary(struct reader *r, int lowest) {
  struct value *left;
  size_t i;
  if (++r->depth > 100) return --r->depth, fail(r, "nested too deeply");
  left = read_postfix(r);
again:
  skip(r);
  for (i = 0; i < sizeof operators / sizeof *operators && !r->error; ++i) {
    const struct operator *o = &operators[i];
    size_t length = strlen(o->name);
    if (o->precedence < lowest || strncmp(r->at, o->name, length)) continue;
    r->at += length;
    left = apply(r, o, left, read_binary(r, o->precedence + 1));
    goto again;
  }
  --r->depth;
  return left;
}

struct value *evaluate(const char *text, const struct map *scope, const char **error) {
  struct reader r = {0};
  struct value *found;
  r.at = text;
  r.scope = scope;
  found = read_binary(&r, 1);
  skip(&r);
  if (!r.error && *r.at) r.error = "text after the expression";
  if (r.error) {
    value_drop(found);
    *error = r.error;
    return NULL;
  }
  return found;
}
