/* jot: reads lines `name = expression`, `print expression` and `forget name` from standard input. */
#include "jot.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool run_line(char *line, struct map *scope, const char **error) {
  char *name = line + strspn(line, " \t"), *end = name, *rest;
  struct value *value;
  while (isalnum((unsigned char)*end) || *end == '_') ++end;
  rest = end + strspn(end, " \t");
  if (!*name || *name == '#') return true;
  if (end - name == 5 && !memcmp(name, "print", 5)) {
    struct text text = {0};
    value = evaluate(rest, scope, error);
    if (!value) return false;
    print_value(&text, value);
    value_drop(value);
    puts(text.bytes ? text.bytes : "");
    free(text.bytes);
    return true;
  }
  if (end - name == 6 && !memcmp(name, "forget", 6)) {
    *error = "no such name";
    return map_remove(scope, rest, strcspn(rest, " \t"));
  }
  if (*rest != '=' || end == name) {
    *error = "expected name = expression";
    return false;
  }
  value = evaluate(rest + 1, scope, error);
  if (!value) return false;
  map_set(scope, name, (size_t)(end - name), value);
  return true;
}

int main(void) {
  struct map scope = {0};
  char line[4096];
  int number = 0, failures = 0;
  while (fgets(line, sizeof line, stdin)) {
    const char *error = NULL;
    ++number;
    line[strcspn(line, "\n")] = 0;
    if (run_line(line, &scope, &error)) continue;
    fprintf(stderr, "line %d: %s\n", number, error);
    ++failures;
  }
  map_free(&scope);
  return failures ? 1 : 0;
}
