/* Tests of jot's parts; prints what is wrong and exits with the number of failures. */
#include "jot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures, checks;

static void expect(const char *what, const char *found, const char *wanted) {
  ++checks;
  if (!strcmp(found, wanted)) return;
  ++failures;
  printf("%s: found %s, wanted %s\n", what, found, wanted);
}

static void round_trip(const char *json, const char *wanted) {
  const char *error = "";
  struct value *value = parse_json(json, strlen(json), &error);
  struct text text = {0};
  if (value) print_value(&text, value);
  expect(json, value ? text.bytes : error, wanted);
  free(text.bytes);
  value_drop(value);
}

static void calculate(const struct map *scope, const char *expression, const char *wanted) {
  const char *error = "";
  struct value *value = evaluate(expression, scope, &error);
  struct text text = {0};
  if (value) print_value(&text, value);
  expect(expression, value ? text.bytes : error, wanted);
  free(text.bytes);
  value_drop(value);
}

static void test_json(void) {
  static const char *const rows[][2] = {
      {"null", "null"},
      {" [ ] ", "[]"},
      {"{\"b\":1,\"a\":[true,false,null]}", "{\"a\":[true,false,null],\"b\":1}"},
      {"[1.5,-2,1e3,0.1]", "[1.5,-2,1000,0.1]"},
      {"\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n\""},
      {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
      {"[1,]", "bad number"},
      {"{\"a\" 1}", "expected :"},
      {"[1 2]", "expected ] or ,"},
      {"\"open", "string without an end"},
      {"\"\\x\"", "bad escape"},
      {"tru", "unknown word"},
      {"1 2", "text after the value"},
      {"", "unexpected end"},
  };
  size_t i;
  for (i = 0; i < sizeof rows / sizeof *rows; ++i) round_trip(rows[i][0], rows[i][1]);
}

static void test_expressions(void) {
  static const char *const rows[][2] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"10 - 4 - 3", "3"},
      {"7 % 4 + -1", "2"},
      {"\"ab\" + \"cd\"", "\"abcd\""},
      {"1 < 2 && 2 <= 2 && !(3 != 3)", "true"},
      {"[1,2,3][-1] + {\"k\":4}.k", "7"},
      {"sum([1,2,3.5]) / 2", "3.25"},
      {"sort([3,\"b\",1,\"a\",null])", "[null,1,3,\"a\",\"b\"]"},
      {"keys(doc)", "[\"name\",\"tags\"]"},
      {"doc.tags[1] == \"y\" || missing", "unknown name"},
      {"len(doc.name) * sqrt(16)", "12"},
      {"[1,2] < [1,3]", "true"},
      {"1 +", "expected a value"},
      {"len(3)", "unknown function or wrong argument"},
      {"1 + \"a\"", "wrong operands"},
      {"doc.none", "no such member"},
  };
  struct map scope = {0};
  const char *error = "", *json = "{\"name\":\"jot\",\"tags\":[\"x\",\"y\"]}";
  size_t i;
  map_set(&scope, "doc", 3, parse_json(json, strlen(json), &error));
  for (i = 0; i < sizeof rows / sizeof *rows; ++i) calculate(&scope, rows[i][0], rows[i][1]);
  map_free(&scope);
}

static void test_map(void) {
  struct map map = {0};
  char key[16], text[16];
  int i, found = 0;
  for (i = 0; i < 1000; ++i) map_set(&map, key, (size_t)sprintf(key, "key%d", i), value_number(i));
  for (i = 0; i < 1000; i += 2) map_remove(&map, key, (size_t)sprintf(key, "key%d", i));
  for (i = 0; i < 500; ++i) map_set(&map, key, (size_t)sprintf(key, "new%d", i), value_number(-i));
  for (i = 0; i < 1000; ++i) {
    struct value *value = map_get(&map, key, (size_t)sprintf(key, "key%d", i));
    found += value && value->as.number == i && i % 2;
  }
  sprintf(text, "%d/%d", found, (int)map.count);
  expect("map", text, "500/1000");
  map_free(&map);
}

static void test_sort(void) {
  struct value *array = value_array();
  unsigned state = 1, i, sorted = 0;
  for (i = 0; i < 257; ++i) {
    state = state * 1103515245u + 12345u;
    array_push(array, value_number(state >> 16 & 1023));
  }
  array_sort(array);
  for (i = 1; i < 257; ++i) sorted += value_compare(array->as.array.items[i - 1], array->as.array.items[i]) <= 0;
  expect("sort", sorted == 256 ? "sorted" : "not sorted", "sorted");
  value_drop(array);
}

int main(void) {
  test_json();
  test_expressions();
  test_map();
  test_sort();
  printf("%d checks, %d failures\n", checks, failures);
  return failures ? 1 : 0;
}
