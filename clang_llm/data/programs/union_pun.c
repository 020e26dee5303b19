/* Unions read through another member: tagged values, numbers by their bytes, nested and anonymous unions. */
#include "check.h"
#include <stdint.h>
#include <string.h>

union word {
  uint32_t whole;
  uint16_t half[2];
  uint8_t byte[4];
  float real;
  struct { uint32_t low : 12, middle : 8, high : 12; } field;
};

enum tag { INT, REAL, TEXT, PAIR };

struct value {
  enum tag tag;
  union {
    long integer;
    double real;
    char text[12];
    struct { short first, second; } pair;
  };
};

static uint32_t swap(uint32_t x) {
  union word w = {.whole = x}, r;
  for (int i = 0; i < 4; ++i) r.byte[i] = w.byte[3 - i];
  return r.whole;
}

/* Writes one member between two reads of another; a cached first read would be wrong. */
static int reload(union word *w) {
  uint32_t before = w->whole;
  w->half[1] ^= 0xffff;
  w->byte[0] += 1;
  uint32_t after = w->whole;
  return (int)((before ^ after) >> 16);
}

long union_pun_total(struct value v) {
  switch (v.tag) {
    case INT: return v.integer;
    case REAL: return (long)(v.real * 10);
    case TEXT: return (long)strlen(v.text);
    case PAIR: return v.pair.first * 1000L + v.pair.second;
  }
  return -1;
}

int main(void) {
  union word w = {.real = 1.5f * (float)opaque(1)};
  printf("%08x %04x %u\n", w.whole, w.half[1], w.field.high);
  CHECK(w.whole == 0x3fc00000);
  w.whole |= 0x80000000u;
  CHECK(w.real == -1.5f);
  CHECK(swap(0x12345678u + (uint32_t)opaque(0)) == 0x78563412u);
  w.whole = 0x00ff00feu;
  CHECK(reload(&w) == 0xffff && w.byte[0] == 0xff);
  w.field.middle = 0x5a;
  printf("%08x\n", w.whole);
  CHECK((w.whole >> 12 & 0xff) == 0x5a);
  struct value values[] = {{INT, {.integer = -7}}, {REAL, {.real = 2.25}}, {TEXT, {.text = "eleven"}},
                           {PAIR, {.pair = {3, -4}}}};
  long sum = 0;
  for (int i = 0; i < opaque(4); ++i) {
    long total = union_pun_total(values[i]);
    printf("%ld\n", total);
    sum = sum * 3 + total;
  }
  CHECK(sum == -189 + 198 + 18 + 2996);
  return failures != 0;
}
