/* A hash table with open addressing that grows, deletes by tombstones and is walked through a callback. */
#include "check.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum slot_state { FREE, USED, GONE };
struct slot { char key[12]; int value; enum slot_state state; };
struct table { struct slot *slots; unsigned size, used, filled; uint32_t (*hash)(const char *); };

static uint32_t good(const char *s) {
  uint32_t h = 5381;
  while (*s) h = h * 33 ^ (unsigned char)*s++;
  return h;
}

static uint32_t awful(const char *s) { return (unsigned char)s[0] & 3; }

static struct slot *find(const struct table *t, const char *key) {
  struct slot *grave = NULL;
  for (uint32_t i = t->hash(key);; ++i) {
    struct slot *s = &t->slots[i & (t->size - 1)];
    if (s->state == FREE) return grave ? grave : s;
    if (s->state == GONE && !grave) grave = s;
    if (s->state == USED && strcmp(s->key, key) == 0) return s;
  }
}

static void grow(struct table *t);

int *hash_table_at(struct table *t, const char *key) {
  struct slot *s = find(t, key);
  if (s->state == USED) return &s->value;
  if (s->state == FREE && ++t->filled * 4 > t->size * 3) {
    grow(t);
    return hash_table_at(t, key);
  }
  ++t->used;
  strcpy(s->key, key);
  s->state = USED;
  s->value = 0;
  return &s->value;
}

static void grow(struct table *t) {
  struct table larger = {calloc(t->size * 2, sizeof(struct slot)), t->size * 2, 0, 0, t->hash};
  if (!larger.slots) abort();
  for (unsigned i = 0; i < t->size; ++i)
    if (t->slots[i].state == USED) *hash_table_at(&larger, t->slots[i].key) = t->slots[i].value;
  free(t->slots);
  *t = larger;
}

static int drop(struct table *t, const char *key) {
  struct slot *s = find(t, key);
  if (s->state != USED) return 0;
  s->state = GONE;
  --t->used;
  return 1;
}

static long walk(const struct table *t, long (*visit)(const struct slot *, long), long so_far) {
  for (unsigned i = 0; i < t->size; ++i)
    if (t->slots[i].state == USED) so_far = visit(&t->slots[i], so_far);
  return so_far;
}

static long add_up(const struct slot *s, long sum) { return sum + s->value; }
static long in_order(const struct slot *s, long h) { return (h * 131 + s->value * (long)strlen(s->key)) % 1000003; }

static long exercise(uint32_t (*hash)(const char *)) {
  struct table t = {calloc(8, sizeof(struct slot)), 8, 0, 0, hash};
  if (!t.slots) abort();
  char key[12];
  for (int i = 0; i < 300; ++i) {
    sprintf(key, "k%d", i * 7 % 90);
    *hash_table_at(&t, key) += i;
    if (i % 11 == 0) drop(&t, key);
  }
  long sum = walk(&t, add_up, 0), order = walk(&t, in_order, 1);
  printf("%u of %u, sum %ld, order %ld\n", t.used, t.size, sum, order);
  CHECK(!drop(&t, "absent") && *hash_table_at(&t, "absent") == 0);
  free(t.slots);
  return sum;
}

int main(void) {
  long a = exercise(opaque(1) ? good : awful), b = exercise(opaque(0) ? good : awful);
  CHECK(a == b);
  return failures != 0;
}
