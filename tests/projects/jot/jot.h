/* Values, documents and expressions of jot. */
#ifndef JOT_H
#define JOT_H

#include <stdbool.h>
#include <stddef.h>

enum kind { NIL, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT };

struct value;

struct array {
  struct value **items;
  size_t count, room;
};

/* Open addressing with linear probing; removed entries leave a tombstone. */
struct slot {
  char *key;
  struct value *value;
  unsigned hash;
  bool removed;
};

struct map {
  struct slot *slots;
  size_t count, used, room;
};

struct value {
  enum kind kind;
  int references;
  union {
    bool boolean;
    double number;
    struct {
      char *bytes;
      size_t length;
    } string;
    struct array array;
    struct map map;
  } as;
};

/* A growing string. */
struct text {
  char *bytes;
  size_t length, room;
};

struct value *value_nil(void);
struct value *value_boolean(bool boolean);
struct value *value_number(double number);
struct value *value_string(const char *bytes, size_t length);
struct value *value_array(void);
struct value *value_object(void);
struct value *value_keep(struct value *value);
void value_drop(struct value *value);
bool value_true(const struct value *value);
int value_compare(const struct value *left, const struct value *right);
void array_push(struct value *array, struct value *item);
void array_sort(struct value *array);

struct value *map_get(const struct map *map, const char *key, size_t length);
void map_set(struct map *map, const char *key, size_t length, struct value *value);
bool map_remove(struct map *map, const char *key, size_t length);
void map_free(struct map *map);

/* Parses JSON; on failure returns NULL and points `error` to a message. */
struct value *parse_json(const char *text, size_t length, const char **error);

void text_add(struct text *text, const char *bytes, size_t length);
void text_format(struct text *text, const char *format, ...);
void print_value(struct text *text, const struct value *value);

/* Evaluates an expression over the variables in `scope`; NULL and a message on failure. */
struct value *evaluate(const char *text, const struct map *scope, const char **error);

void *jot_alloc(void *old, size_t size);

#endif
