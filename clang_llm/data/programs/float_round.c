/* Rounding, denormals and neighbours: results that are exact in binary64 and binary32. */
#include "check.h"
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float narrow(double x) { return (float)x; }

/* Halves the value until it is gone; counts the steps through the denormals. */
int float_round_steps(double x) {
  int steps = 0;
  while (x > 0) {
    x = x / 2;
    ++steps;
  }
  return steps;
}

static double horner(const double *c, int n, double x) {
  double sum = 0;
  for (int i = n - 1; i >= 0; --i) {
    double product = sum * x; /* separate statements: no contraction into a fused multiply-add */
    sum = product + c[i];
  }
  return sum;
}

int main(void) {
  const double halves[] = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.499999, 1e15 + 0.5};
  for (unsigned i = 0; i < sizeof halves / sizeof *halves; ++i) {
    double x = halves[i] * opaque(1);
    printf("%.6f: floor %.1f ceil %.1f trunc %.1f round %.1f rint %.1f\n", x, floor(x), ceil(x), trunc(x), round(x),
           rint(x));
  }
  CHECK(rint(2.5 * opaque(1)) == 2 && rint(1.5 * opaque(1)) == 2 && round(2.5 * opaque(1)) == 3);
  CHECK(float_round_steps(1.0) == 1075);
  CHECK(float_round_steps(DBL_MIN) == 53);
  CHECK(bits_of(nextafter(1.0, 2.0)) - bits_of(1.0) == 1);
  CHECK(narrow(16777217.0) == 16777216.0f && narrow(16777219.0) == 16777220.0f);
  CHECK(0.1 + 0.2 != 0.3 * opaque(1));
  CHECK((0.1f * (float)opaque(3)) - 0.3f < 1e-7f);
  const double c[] = {1, -3, 0.5, 0.25, 8};
  for (int i = -4; i <= 4; ++i) printf("p(%d/2) = %a\n", i, horner(c, 5, i / 2.0));
  int exponent;
  double fraction = frexp(opaque(40) * 0.7, &exponent);
  printf("%a 2^%d %a\n", fraction, exponent, ldexp(fraction, exponent));
  CHECK(ldexp(fraction, exponent) == 40 * 0.7);
  return failures != 0;
}
