/* long double: exact arithmetic, conversions to and from integers, as argument, in structures, in arrays, compared. */
#include "check.h"
#include <float.h>
#include <stdint.h>

struct sample { char tag; long double value; short n; };

__attribute__((noinline)) long double long_double_horner(const long double *c, int n, long double x) {
  long double sum = 0;
  while (n--) sum = sum * x + c[n];
  return sum;
}

static struct sample scaled(struct sample s, long double by) {
  s.value *= by;
  s.n++;
  return s;
}

__attribute__((noinline)) static long double many(int a, long double b, double c, long double d, float e, int f, long double g) {
  return a + b * 2 - c + d / 4 + e * f - g;
}

static int order(long double a, long double b) { return a < b ? -1 : a > b ? 1 : a == b ? 0 : 9; }

/* An extended mantissa shows here; with 53 bits the same number comes out as with 64. */
static long double power(long double x, int n) {
  long double result = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) result *= x;
  return result;
}

int main(void) {
  const long double c[] = {1.0L, -2.5L, 0.75L, 4.0L};
  long double x = opaque(3);
  long double h = long_double_horner(c, opaque(4), x);
  printf("%.3Lf\n", h);
  CHECK(h == 1 - 7.5L + 6.75L + 108);
  struct sample s = {'s', 1.125L, 6};
  for (int i = 0; i < opaque(5); ++i) s = scaled(s, -2);
  printf("%c %.3Lf %d\n", s.tag, s.value, s.n);
  CHECK(s.value == -36 && s.n == 11 && s.tag == 's');
  CHECK(many(opaque(1), 2, 3, 4, 5, opaque(6), 7) == 1 + 4 - 3 + 1 + 30 - 7);
  long double big = power(opaque(2), opaque(40)), one_more = big + 1;
  CHECK((int64_t)one_more == (INT64_C(1) << 40) + 1 && one_more - big == 1 && (double)big == 1099511627776.0);
  uint64_t top = (uint64_t)power(2, opaque(63));
  CHECK(top == UINT64_C(1) << 63 && (long double)top == power(2, 63));
  CHECK((int)(-x / 2) == -1 && (unsigned char)(x * 85) == 255 && (long double)(float)0.25L == 0.25L);
  volatile long double nan = (long double)__builtin_nan(""), zero = 0;
  CHECK(order(x, 4) == -1 && order(x, -x) == 1 && order(x, 3) == 0 && order(nan, x) == 9 && order(zero, -zero) == 0);
  CHECK(__builtin_signbit(-zero) && !__builtin_signbit(zero) && 1 / (-zero - 0) < 0);
  CHECK(LDBL_MANT_DIG >= 53 && LDBL_EPSILON > 0 && 1 + LDBL_EPSILON * (long double)opaque(1) > 1);
  volatile long double half = LDBL_EPSILON / 2;
  long double sum = 1 + half;
  CHECK(sum == 1);
  long double table[4];
  for (int i = 0; i < 4; ++i) table[i] = power(opaque(i + 2), 3) / 8;
  printf("%.3Lf %.3Lf %.3Lf %.3Lf\n", table[0], table[1], table[2], table[3]);
  CHECK(table[0] == 1 && table[1] == 3.375L && table[2] == 8 && table[3] == 15.625L);
  return failures != 0;
}
