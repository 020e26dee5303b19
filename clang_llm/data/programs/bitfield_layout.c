/* Packed bit-fields across storage units, seen as bytes; fields beside ordinary members; arrays of them. */
#include "check.h"
#include <stdint.h>
#include <string.h>

#pragma pack(push, 1)
struct header {
  uint8_t version : 4, length : 4;
  uint16_t flags : 13;
  uint32_t offset : 19;
  uint16_t checksum;
};
struct crossing { uint32_t a : 7, b : 18, c : 23; uint8_t tail; };
#pragma pack(pop)

struct mixed { char first; int low : 5; int high : 11; char last; long far : 40; };

static void dump(const char *name, const void *data, size_t size) {
  const unsigned char *p = data;
  printf("%s:", name);
  while (size--) printf(" %02x", *p++);
  printf("\n");
}

uint32_t bitfield_layout_get(const struct crossing *c, int which) {
  switch (which) {
    case 0: return c->a;
    case 1: return c->b;
    case 2: return c->c;
    default: return c->tail;
  }
}

static void set(struct crossing *c, int which, uint32_t value) {
  switch (which) {
    case 0: c->a = value & 0x7f; break;
    case 1: c->b = value & 0x3ffff; break;
    case 2: c->c = value & 0x7fffff; break;
    default: c->tail = (uint8_t)value;
  }
}

int main(void) {
  struct header h;
  memset(&h, 0, sizeof h);
  h.version = (unsigned)opaque(4) & 15;
  h.length = 5;
  h.flags = 0x1abc;
  h.offset = 0x7ffff;
  h.checksum = 0xbeef;
  dump("header", &h, sizeof h);
  CHECK(sizeof h == 7);
  h.offset = 0;
  CHECK(h.flags == 0x1abc && h.checksum == 0xbeef && h.version == 4);
  struct crossing c[3];
  memset(c, 0, sizeof c);
  for (int i = 0; i < 3; ++i)
    for (int which = 0; which < 4; ++which) set(&c[i], opaque(which), 0x2b5f3a91u >> (i * 5 + which));
  dump("crossing", c, sizeof c);
  uint32_t sum = 0;
  for (int i = 0; i < 3; ++i)
    for (int which = 0; which < 4; ++which) sum = sum * 7 + bitfield_layout_get(&c[i], opaque(which));
  for (int bit = 0; bit < 23; ++bit) {
    set(&c[1], 2, 1u << bit);
    CHECK(c[1].c == 1u << bit && c[1].b == (0x2b5f3a91u >> 6 & 0x3ffff) && c[1].tail == (uint8_t)(0x2b5f3a91u >> 8));
  }
  printf("%u\n", sum);
  struct mixed m = {'x', -16, 1023, 'y', -1};
  m.low += opaque(15);
  m.high = -1024;
  m.far = ((long)1 << 39) - opaque(1);
  printf("%c %d %d %c %ld\n", m.first, m.low, m.high, m.last, (long)m.far);
  CHECK(m.low == -1 && m.high == -1024 && m.first == 'x' && m.last == 'y' && m.far == 549755813887L);
  return failures != 0;
}
