/* Static initialisers: addresses of parts of other objects, tables in tables, constructors with priorities. */
#include "check.h"
#include <stddef.h>
#include <string.h>

struct entry { const char *key; const int *values; size_t count; const struct entry *next; };

static int storage[10] = {[3] = 33, [7] = 77, [9] = -9};
static int *const middle = &storage[5];
static int *last = storage + 9;
static const int primes[] = {2, 3, 5, 7, 11};
static const struct entry third, second = {"second", primes + 2, 3, &third}, first = {.next = &second, .key = "first"};
static const struct entry third = {&"third"[2], (const int[]){4, 5}, 2, NULL};
static const ptrdiff_t distance = offsetof(struct entry, next) - offsetof(struct entry, key);
static struct { const char *names[3]; int (*compare)(const char *, const char *); } tools = {{"a", "bb", 0}, strcmp};
static const struct entry *chain = &first;
int static_init_shared = 4 * sizeof primes / sizeof primes[0];
extern int *const static_init_pointer;
int *const static_init_pointer = &static_init_shared;

static int order[4], started;
static int derived;

__attribute__((constructor(202))) static void later(void) { order[started++] = 202; }
__attribute__((constructor(201))) static void earlier(void) {
  order[started++] = 201;
  derived = *static_init_pointer + *last;
}
__attribute__((constructor)) static void plain(void) { order[started++] = 1; }

static int next_id(void) {
  static int id = 100;
  static int *where = &id;
  return (*where)++;
}

static int counted(const char *word) {
  static const char *seen[8];
  static unsigned n;
  for (unsigned i = 0; i < n; ++i)
    if (strcmp(seen[i], word) == 0) return (int)i;
  seen[n] = word;
  return -(int)++n;
}

int main(void) {
  printf("%d %d %d %d\n", order[0], order[1], order[2], derived);
  CHECK(started == 3 && order[0] == 201 && order[1] == 202 && order[2] == 1);
  CHECK(derived == 20 - 9);
  CHECK(middle[2] == 77 && last[0] == -9 && last - middle == 4);
  middle[opaque(2)] = 78;
  CHECK(storage[7] == 78);
  int keys = 0, values = 0;
  for (const struct entry *e = chain; e; e = e->next) {
    keys += (int)strlen(e->key);
    for (size_t i = 0; i < e->count; ++i) values = values * 10 + e->values[i];
    printf("%s %d\n", e->key, values);
  }
  CHECK(keys == 5 + 6 + 3 && values == 58 * 1000 + 145);
  CHECK(distance == (ptrdiff_t)(3 * sizeof(void *)));
  CHECK(tools.compare(tools.names[0], tools.names[opaque(1)]) < 0 && !tools.names[2]);
  CHECK(next_id() == 100 && next_id() == 101 && next_id() == 102);
  CHECK(counted("x") == -1 && counted("y") == -2 && counted("x") == 0 && counted("y") == 1);
  *static_init_pointer += opaque(2);
  CHECK(static_init_shared == 22);
  return failures != 0;
}
