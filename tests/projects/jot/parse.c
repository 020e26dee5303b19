/* JSON text to values. */
#include "jot.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 200

struct parser {
  const char *at, *end;
  const char *error;
  int depth;
};

static struct value *parse_value(struct parser *p);

static void skip(struct parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) ++p->at;
}

static struct value *fail(struct parser *p, const char *message) {
  if (!p->error) p->error = message;
  return NULL;
}

static bool take(struct parser *p, char c) {
  skip(p);
  if (p->at >= p->end || *p->at != c) return false;
  ++p->at;
  return true;
}

static int hex4(struct parser *p) {
  int code = 0, i;
  if (p->end - p->at < 4) return -1;
  for (i = 0; i < 4; ++i) {
    int c = (unsigned char)*p->at++;
    if (!isxdigit(c)) return -1;
    code = code * 16 + (isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
  }
  return code;
}

static void add_utf8(struct text *text, unsigned code) {
  char bytes[4];
  size_t count;
  if (code < 0x80) {
    bytes[0] = (char)code;
    count = 1;
  } else if (code < 0x800) {
    bytes[0] = (char)(0xc0 | code >> 6);
    bytes[1] = (char)(0x80 | (code & 63));
    count = 2;
  } else if (code < 0x10000) {
    bytes[0] = (char)(0xe0 | code >> 12);
    bytes[1] = (char)(0x80 | (code >> 6 & 63));
    bytes[2] = (char)(0x80 | (code & 63));
    count = 3;
  } else {
    bytes[0] = (char)(0xf0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 63));
    bytes[2] = (char)(0x80 | (code >> 6 & 63));
    bytes[3] = (char)(0x80 | (code & 63));
    count = 4;
  }
  text_add(text, bytes, count);
}

static bool escape(struct parser *p, struct text *text) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *found;
  int code, low;
  if (p->at >= p->end) return false;
  if (*p->at == 'u') {
    ++p->at;
    code = hex4(p);
    if (code < 0) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u') return false;
      p->at += 2;
      low = hex4(p);
      if (low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    add_utf8(text, (unsigned)code);
    return true;
  }
  found = memchr(from, *p->at, sizeof from - 1);
  if (!found) return false;
  ++p->at;
  text_add(text, &to[found - from], 1);
  return true;
}

static bool parse_string(struct parser *p, struct text *text) {
  while (p->at < p->end && *p->at != '"') {
    if (*p->at == '\\') {
      ++p->at;
      if (!escape(p, text)) return fail(p, "bad escape"), false;
    } else if ((unsigned char)*p->at < 0x20) {
      return fail(p, "control character in a string"), false;
    } else {
      text_add(text, p->at++, 1);
    }
  }
  if (p->at >= p->end) return fail(p, "string without an end"), false;
  ++p->at;
  return true;
}

static struct value *parse_number(struct parser *p) {
  char digits[64], *stop;
  size_t length = 0;
  double number;
  while (p->at + length < p->end && length < sizeof digits - 1 && strchr("+-.eE0123456789", p->at[length])) ++length;
  memcpy(digits, p->at, length);
  digits[length] = 0;
  number = strtod(digits, &stop);
  if (stop == digits || *stop) return fail(p, "bad number");
  p->at += length;
  return value_number(number);
}

static struct value *parse_array(struct parser *p) {
  struct value *array = value_array(), *item;
  if (take(p, ']')) return array;
  do {
    item = parse_value(p);
    if (!item) break;
    array_push(array, item);
  } while (take(p, ','));
  if (!p->error && !take(p, ']')) fail(p, "expected ] or ,");
  if (!p->error) return array;
  value_drop(array);
  return NULL;
}

static struct value *parse_object(struct parser *p) {
  struct value *object = value_object(), *item;
  if (take(p, '}')) return object;
  do {
    struct text key = {0};
    if (!take(p, '"')) {
      fail(p, "expected a key");
      break;
    }
    if (parse_string(p, &key) && !take(p, ':')) fail(p, "expected :");
    item = p->error ? NULL : parse_value(p);
    if (item) map_set(&object->as.map, key.bytes ? key.bytes : "", key.length, item);
    free(key.bytes);
    if (!item) break;
  } while (take(p, ','));
  if (!p->error && !take(p, '}')) fail(p, "expected } or ,");
  if (!p->error) return object;
  value_drop(object);
  return NULL;
}

static bool word(struct parser *p, const char *name) {
  size_t length = strlen(name);
  if ((size_t)(p->end - p->at) < length || memcmp(p->at, name, length)) return false;
  p->at += length;
  return true;
}

static struct value *parse_value(struct parser *p) {
  struct value *found = NULL;
  struct text text = {0};
  if (++p->depth > MAX_DEPTH) return fail(p, "nested too deeply");
  skip(p);
  if (p->at >= p->end) return fail(p, "unexpected end");
  switch (*p->at) {
  case '[':
    ++p->at;
    found = parse_array(p);
    break;
  case '{':
    ++p->at;
    found = parse_object(p);
    break;
  case '"':
    ++p->at;
    if (parse_string(p, &text)) found = value_string(text.bytes ? text.bytes : "", text.length);
    free(text.bytes);
    break;
  case 't':
    found = word(p, "true") ? value_boolean(true) : fail(p, "unknown word");
    break;
  case 'f':
    found = word(p, "false") ? value_boolean(false) : fail(p, "unknown word");
    break;
  case 'n':
    found = word(p, "null") ? value_nil() : fail(p, "unknown word");
    break;
  default:
    found = parse_number(p);
  }
  --p->depth;
  return found;
}

struct value *parse_json(const char *text, size_t length, const char **error) {
  struct parser p = {0};
  struct value *found;
  p.at = text;
  p.end = text + length;
  found = parse_value(&p);
  skip(&p);
  if (found && p.at != p.end) fail(&p, "text after the value");
  if (p.error) {
    value_drop(found);
    *error = p.error;
    return NULL;
  }
  return found;
}
