/* 128-bit integers: products, quotients, shifts across the halves, as arguments and in structures. */
#include "check.h"
#include <stdint.h>

typedef unsigned __int128 wide;
typedef __int128 signed_wide;

struct range { char open; wide low, high; };

static void show(wide x) {
  char text[40];
  int at = 39;
  text[at] = 0;
  do text[--at] = (char)('0' + (int)(x % 10));
  while (x /= 10);
  puts(text + at);
}

static uint64_t multiply_modulo(uint64_t a, uint64_t b, uint64_t m) { return (uint64_t)((wide)a * b % m); }

static uint64_t power_modulo(uint64_t base, uint64_t n, uint64_t m) {
  uint64_t result = 1;
  for (; n; n >>= 1) {
    if (n & 1) result = multiply_modulo(result, base, m);
    base = multiply_modulo(base, base, m);
  }
  return result;
}

wide int_128_factorial(int n) { return n < 2 ? 1 : (wide)n * int_128_factorial(n - 1); }

static struct range shifted(struct range r, int by) {
  if (by >= 0) return (struct range){r.open, r.low << by, r.high << by};
  return (struct range){!r.open, r.low >> -by, r.high >> -by};
}

static int compare(signed_wide a, signed_wide b) { return a < b ? -1 : a > b; }

static unsigned bits(wide x) {
  unsigned n = 0;
  for (; x; x &= x - 1) ++n;
  return n;
}

int main(void) {
  wide f = int_128_factorial(opaque(33));
  show(f);
  CHECK(f / int_128_factorial(opaque(32)) == 33 && f % 1000003 == (wide)(uint64_t)(f % 1000003));
  for (int n = 33; n > 1; --n) {
    CHECK(f % (wide)n == 0);
    f /= (wide)n;
  }
  CHECK(f == 1);
  uint64_t prime = UINT64_C(18446744073709551557);
  printf("%llu\n", (unsigned long long)power_modulo(7, prime - 2, prime));
  CHECK(power_modulo((uint64_t)opaque(7), prime - 1, prime) == 1);
  CHECK(multiply_modulo(power_modulo(7, prime - 2, prime), 7, prime) == 1);
  struct range r = {1, 3, (wide)1 << 60};
  struct range up = shifted(r, opaque(66)), down = shifted(up, opaque(-66));
  CHECK(up.low >> 64 == 12 && (uint64_t)up.low == 0 && down.low == 3 && down.high == r.high && down.open == 0);
  CHECK(compare((signed_wide)opaque(-1), 0) == -1 && compare((signed_wide)1 << 100, (signed_wide)1 << 64) == 1);
  CHECK(compare(-((signed_wide)1 << 90), -((signed_wide)1 << 91)) == 1);
  CHECK(bits((wide)0 - (wide)opaque(1)) == 128 && bits(up.low) == 2);
  signed_wide negative = -(signed_wide)opaque(1000) * 1000000007 * 998244353;
  CHECK(negative >> 127 == -1 && negative / -1000 == (signed_wide)1000000007 * 998244353 && negative % 7 <= 0);
  show((wide)-negative);
  return failures != 0;
}
