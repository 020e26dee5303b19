/* Unsigned wrap-around, overflow builtins, shifts by variable amounts, narrow types that promote. */
#include "check.h"
#include <limits.h>
#include <stdint.h>

static uint32_t mix(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ h >> 16;
}

static uint8_t narrow_add(uint8_t a, uint8_t b) { return (uint8_t)(a + b); }
static int16_t narrow_shift(int16_t a, unsigned n) { return (int16_t)((uint16_t)a << (n & 15)); }
static unsigned average(unsigned a, unsigned b) { return (a & b) + ((a ^ b) >> 1); }
static int32_t arithmetic(int32_t x, unsigned n) { return x >> (n & 31); }
static uint64_t rotate(uint64_t x, unsigned n) { return x << (n & 63) | x >> (-n & 63); }

int int_wrap_saturating_add(int a, int b) {
  int sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT_MIN : INT_MAX;
}

static int64_t checked_power(int64_t base, unsigned n, int *overflowed) {
  int64_t result = 1;
  *overflowed = 0;
  while (n--) *overflowed |= __builtin_mul_overflow(result, base, &result);
  return result;
}

/* True for every pair without wrap-around; an optimiser may only assume that for signed types. */
static int grows(unsigned x) { return x + 1 > x; }

static int divide_floor(int a, int b) {
  int q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

int main(void) {
  uint32_t h = (uint32_t)opaque(1);
  for (int i = 0; i < 1000; ++i) h = mix(h + (uint32_t)i);
  printf("%08x %u %d\n", h, narrow_add(200, (uint8_t)opaque(100)), narrow_shift(-3, 14));
  CHECK(narrow_add(200, (uint8_t)opaque(100)) == 44 && narrow_shift(1, (unsigned)opaque(15)) == INT16_MIN);
  CHECK(average(UINT_MAX, (unsigned)opaque(1)) == 0x80000000u);
  CHECK(arithmetic(opaque(-8), 1) == -4 && arithmetic(opaque(INT_MIN), 31) == -1);
  CHECK(rotate(UINT64_C(0x8000000000000001), (unsigned)opaque(1)) == 3 && rotate(5, (unsigned)opaque(0)) == 5);
  CHECK(int_wrap_saturating_add(INT_MAX, opaque(1)) == INT_MAX && int_wrap_saturating_add(INT_MIN, opaque(-5)) == INT_MIN);
  CHECK(int_wrap_saturating_add(opaque(40), 2) == 42);
  int overflowed;
  printf("%lld %d ", (long long)checked_power(3, (unsigned)opaque(39), &overflowed), overflowed);
  CHECK(!overflowed);
  printf("%lld %d\n", (long long)checked_power(3, (unsigned)opaque(41), &overflowed), overflowed);
  CHECK(overflowed);
  CHECK(grows((unsigned)opaque(7)) && !grows((unsigned)opaque(-1)));
  const int cases[][3] = {{7, 2, 3}, {-7, 2, -4}, {7, -2, -4}, {-7, -2, 3}, {6, -3, -2}, {0, 5, 0}};
  for (int i = 0; i < 6; ++i) CHECK(divide_floor(opaque(cases[i][0]), opaque(cases[i][1])) == cases[i][2]);
  signed char c = (signed char)opaque(-1);
  CHECK((unsigned char)c == 255 && (unsigned)c == UINT_MAX && c >> 1 == -1 && (unsigned char)c >> 1 == 127);
  return failures != 0;
}
