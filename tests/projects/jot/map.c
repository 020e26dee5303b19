/* The hash table behind objects and variables. */
#include "jot.h"

#include <stdlib.h>
#include <string.h>

static unsigned hash_of(const char *key, size_t length) {
  unsigned hash = 2166136261u;
  while (length--) hash = (hash ^ (unsigned char)*key++) * 16777619u;
  return hash;
}

static struct slot *find(const struct map *map, const char *key, size_t length, unsigned hash) {
  size_t at;
  struct slot *grave = NULL;
  if (!map->room) return NULL;
  for (at = hash & (map->room - 1);; at = (at + 1) & (map->room - 1)) {
    struct slot *slot = &map->slots[at];
    if (!slot->key) {
      if (!slot->removed) return grave ? grave : slot;
      if (!grave) grave = slot;
    } else if (slot->hash == hash && strlen(slot->key) == length && !memcmp(slot->key, key, length)) {
      return slot;
    }
  }
}

static void grow(struct map *map) {
  struct map bigger = {0};
  size_t i;
  bigger.room = map->count * 4 < 8 ? 8 : map->room * (map->count * 2 > map->room ? 2 : 1);
  bigger.slots = jot_alloc(NULL, bigger.room * sizeof *bigger.slots);
  memset(bigger.slots, 0, bigger.room * sizeof *bigger.slots);
  for (i = 0; i < map->room; ++i) {
    struct slot *old = &map->slots[i];
    if (!old->key) continue;
    *find(&bigger, old->key, strlen(old->key), old->hash) = *old;
    ++bigger.count;
  }
  bigger.used = bigger.count;
  free(map->slots);
  *map = bigger;
}

struct value *map_get(const struct map *map, const char *key, size_t length) {
  struct slot *slot = find(map, key, length, hash_of(key, length));
  return slot && slot->key ? slot->value : NULL;
}

void map_set(struct map *map, const char *key, size_t length, struct value *value) {
  unsigned hash = hash_of(key, length);
  struct slot *slot;
  if ((map->used + 1) * 4 > map->room * 3) grow(map);
  slot = find(map, key, length, hash);
  if (slot->key) {
    value_drop(slot->value);
    slot->value = value;
    return;
  }
  if (!slot->removed) ++map->used;
  slot->key = jot_alloc(NULL, length + 1);
  memcpy(slot->key, key, length);
  slot->key[length] = 0;
  slot->hash = hash;
  slot->value = value;
  slot->removed = false;
  ++map->count;
}

bool map_remove(struct map *map, const char *key, size_t length) {
  struct slot *slot = find(map, key, length, hash_of(key, length));
  if (!slot || !slot->key) return false;
  free(slot->key);
  value_drop(slot->value);
  slot->key = NULL;
  slot->value = NULL;
  slot->removed = true;
  --map->count;
  return true;
}

void map_free(struct map *map) {
  size_t i;
  for (i = 0; i < map->room; ++i) {
    if (!map->slots[i].key) continue;
    free(map->slots[i].key);
    value_drop(map->slots[i].value);
  }
  free(map->slots);
  memset(map, 0, sizeof *map);
}
