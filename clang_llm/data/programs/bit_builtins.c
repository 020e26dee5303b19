/* Population counts, leading and trailing zeros, byte swaps: builtins beside loops that mean the same. */
#include "check.h"
#include <stdint.h>

static int count_loop(uint64_t x) {
  int n = 0;
  while (x) {
    x &= x - 1;
    ++n;
  }
  return n;
}

static int zeros_loop(uint32_t x) {
  int n = 0;
  if (!x) return 32;
  for (; !(x >> 31); x <<= 1) ++n;
  return n;
}

static int trailing_loop(uint32_t x) {
  int n = 0;
  if (!x) return 32;
  for (; !(x & 1); x >>= 1) ++n;
  return n;
}

static uint32_t reverse(uint32_t x) {
  uint32_t r = 0;
  for (int i = 0; i < 32; ++i) r |= (x >> i & 1) << (31 - i);
  return r;
}

static uint32_t reverse_by_halves(uint32_t x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}

uint64_t bit_builtins_load_big(const unsigned char *p) {
  uint64_t x = 0;
  for (int i = 0; i < 8; ++i) x = x << 8 | p[i];
  return x;
}

static uint32_t next_power(uint32_t x) { return x < 2 ? 1 : 1u << (32 - __builtin_clz(x - 1)); }

static uint64_t morton(uint32_t x, uint32_t y) {
  uint64_t z = 0;
  for (int i = 0; i < 32; ++i) z |= (uint64_t)(x >> i & 1) << 2 * i | (uint64_t)(y >> i & 1) << (2 * i + 1);
  return z;
}

int main(void) {
  uint32_t x = (uint32_t)opaque(1);
  uint64_t sum = 0;
  for (int i = 0; i < 500; ++i) {
    x = x * 1664525u + 1013904223u;
    uint32_t y = x >> (i % 31);
    CHECK(__builtin_popcountll((uint64_t)y * x) == count_loop((uint64_t)y * x));
    CHECK((y ? __builtin_clz(y) : 32) == zeros_loop(y));
    CHECK((y ? __builtin_ctz(y) : 32) == trailing_loop(y));
    CHECK(reverse(y) == reverse_by_halves(y));
    CHECK(__builtin_parity(y) == (count_loop(y) & 1) && __builtin_ffs((int)y) == (y ? trailing_loop(y) + 1 : 0));
    sum = sum * 3 + morton(y, x) % 1009 + next_power(y >> 1 & 0x3fffffffu);
  }
  printf("%llu\n", (unsigned long long)sum);
  const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, (unsigned char)opaque(8), 9};
  CHECK(bit_builtins_load_big(bytes) == UINT64_C(0x0102030405060708));
  CHECK(bit_builtins_load_big(bytes + 1) == UINT64_C(0x0203040506070809));
  CHECK(__builtin_bswap64(bit_builtins_load_big(bytes)) == UINT64_C(0x0807060504030201));
  CHECK(next_power((uint32_t)opaque(17)) == 32 && next_power(16) == 16 && next_power((uint32_t)opaque(0)) == 1);
  CHECK(morton((uint32_t)opaque(-1), 0) == UINT64_C(0x5555555555555555));
  return failures != 0;
}
