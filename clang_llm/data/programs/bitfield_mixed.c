/* Bit-fields of mixed types: signed ones, ones across units, packed, volatile, in unions, and what assignments yield. */
#include "check.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct fields {
  signed int a : 3;
  unsigned int b : 13;
  uint64_t c : 37;
  bool d : 1;
  int : 0;
  signed char e : 5;
  int64_t f : 33;
};
struct __attribute__((packed)) tight {
  unsigned a : 7;
  uint64_t b : 41;
  signed c : 11;
  unsigned d : 5;
};
struct device { volatile unsigned ready : 1, mode : 3, level : 12, rest : 16; };
union both { struct { unsigned low : 4, high : 28; } part; unsigned whole; };

static struct device device;

static int set_all(struct fields *p, int x) {
  int yielded = 0;
  yielded += (p->a = x & 3);
  yielded += (int)(p->b = (unsigned)x * 17 & 0x1fff);
  p->c = (uint64_t)x << 20;
  yielded += p->d = x != 0;
  p->e = (signed char)(x % 16);
  p->f = -(int64_t)x * 1000003;
  return yielded;
}

unsigned bitfield_mixed_step(struct device *d, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    d->level += 3;
    d->mode ^= (unsigned)i & 7;
    if (d->level > 100) d->ready = 1;
  }
  return d->level;
}

static uint64_t mix(const struct tight *t, int n) {
  uint64_t h = 7;
  for (int i = 0; i < n; ++i) h = (h ^ t[i].a ^ t[i].b ^ (uint64_t)t[i].c ^ t[i].d) * 1099511628211u;
  return h;
}

int main(void) {
  struct fields f;
  memset(&f, 0xff, sizeof f);
  CHECK(f.a == -1 && f.e == -1 && f.f == -1 && f.b == 0x1fff && f.d);
  int yielded = set_all(&f, opaque(1001));
  printf("%d %d %u %llu %d %d %lld\n", yielded, f.a, f.b, (unsigned long long)f.c, f.d, f.e, (long long)f.f);
  CHECK(yielded == 1 + (17017 & 0x1fff) + 1 && f.c == (1001ull << 20) && f.e == 9 && f.f == -1001ll * 1000003);
  f.a = (signed)(opaque(2) + 1);
  f.b++;
  f.c -= 1;
  f.e = (signed char)-f.e;
  CHECK(f.a == 3 && f.b == (17018 & 0x1fff) && f.c == (1001ull << 20) - 1 && f.e == -9 && f.d && f.f == -1001ll * 1000003);
  struct tight t[5];
  for (int i = 0; i < 5; ++i) {
    unsigned x = (unsigned)opaque(i);
    t[i] = (struct tight){x * 31 & 127, ((uint64_t)x + 1) * 123456789u, (signed)x * 100 - 250, (x * 9) & 31};
  }
  t[2].b ^= (uint64_t)opaque(1) << 40;
  t[3].c /= 2;
  t[4].d -= 1;
  printf("%llx\n", (unsigned long long)mix(t, 5));
  CHECK(sizeof t[0] == 8 && t[2].b == ((370370367ull) ^ (1ull << 40)) && t[3].c == 25 && t[4].d == 3 && t[1].c == -150);
  CHECK(bitfield_mixed_step(&device, opaque(50)) == 150 && device.ready && device.rest == 0);
  device.rest = (unsigned)opaque(0xabc);
  CHECK(device.level == 150 && device.rest == 0xabc);
  printf("%u\n", device.mode);
  union both u;
  u.whole = 0;
  u.part.low = (unsigned)opaque(5);
  u.part.high = 0x123;
  CHECK(u.part.low == 5 && u.part.high == 0x123 && u.whole != 0);
  return failures != 0;
}
