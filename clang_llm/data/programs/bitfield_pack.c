/* Bit-fields, signed and unsigned, changed side by side: every store is a read, a mask and a write. */
#include "check.h"
#include <stdint.h>
#include <string.h>

struct flags {
  unsigned ready : 1;
  signed level : 4;
  unsigned kind : 3;
  unsigned : 0;
  _Bool open : 1;
  signed delta : 7;
  unsigned rest : 24;
};

struct time {
  uint64_t year : 12, month : 4, day : 5, hour : 5, minute : 6, second : 6, nanos : 26;
};

static struct flags table[8];

static int turn(struct flags *f, int by) {
  f->level += by;
  f->delta = (signed char)(f->delta ^ by) % 64;
  f->kind++;
  f->rest -= (unsigned)by;
  f->ready ^= 1;
  f->open = f->rest & 0x80;
  return f->level;
}

int bitfield_pack_before(struct time a, struct time b) {
  if (a.year != b.year) return a.year < b.year;
  if (a.month != b.month) return a.month < b.month;
  if (a.day != b.day) return a.day < b.day;
  if (a.hour != b.hour) return a.hour < b.hour;
  return a.nanos < b.nanos;
}

int main(void) {
  int levels = 0;
  for (int round = 0; round < 12; ++round) {
    struct flags *f = &table[opaque(round) & 7];
    int by = opaque(round % 5 - 2);
    if (f->level + by > 7 || f->level + by < -8) by = 0;
    levels = levels * 3 + turn(f, by);
    printf("%u %d %u %d %d %u\n", f->ready, f->level, f->kind, f->open, f->delta, f->rest);
  }
  CHECK(table[0].kind == 2 && table[5].kind == 1 && table[1].ready == 0 && table[7].ready == 1);
  struct flags copy = table[2];
  copy.level = -8;
  CHECK(copy.level == -8 && copy.kind == table[2].kind && copy.rest == table[2].rest);
  copy.kind = (unsigned)opaque(13);
  CHECK(copy.kind == 5 && copy.level == -8 && copy.ready == table[2].ready);
  struct time t = {2024, 2, 29, 23, 59, 60, 66999999}, u = t;
  printf("%u-%u-%u %u\n", (unsigned)t.year, (unsigned)t.month, (unsigned)t.day, (unsigned)t.nanos);
  u.month = (uint64_t)opaque(3);
  CHECK(bitfield_pack_before(t, u) && !bitfield_pack_before(u, t));
  u = t;
  u.nanos -= 1;
  CHECK(bitfield_pack_before(u, t) && u.second == 60 && u.year == 2024);
  t.second = (uint64_t)opaque(127);
  CHECK(t.second == 63 && t.nanos == 66999999 && t.minute == 59);
  CHECK(sizeof(struct time) == 8);
  printf("%d\n", levels);
  return failures != 0;
}
