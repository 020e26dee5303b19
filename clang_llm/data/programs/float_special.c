/* NaN, infinities and signed zeros: what a fast-math rewrite or a careless select would lose. */
#include "check.h"
#include <math.h>

static const char *kind(double x) {
  if (x != x) return "nan";
  if (x > 1.7e308) return "inf";
  if (x < -1.7e308) return "-inf";
  if (x == 0) return signbit(x) ? "-0" : "0";
  return x < 0 ? "negative" : "positive";
}

static double smaller(double a, double b) { return a < b ? a : b; }
static double larger_or_second(double a, double b) { return a > b ? a : b; }
static int unordered(double a, double b) { return !(a < b) && !(a > b) && !(a == b); }

double float_special_pick(int choice) {
  switch (choice) {
    case 0: return 0.0;
    case 1: return -0.0;
    case 2: return INFINITY;
    case 3: return -INFINITY;
    case 4: return NAN;
    case 5: return 1.5;
    default: return -2.25;
  }
}

int main(void) {
  int unordered_pairs = 0, equal_pairs = 0;
  for (int i = 0; i < 7; ++i) {
    double x = float_special_pick(opaque(i));
    printf("%s: +0 %s, *0 %s, -x %s, x-x %s\n", kind(x), kind(x + 0.0), kind(x * 0.0), kind(-x), kind(x - x));
    for (int j = 0; j < 7; ++j) {
      double y = float_special_pick(opaque(j));
      unordered_pairs += unordered(x, y);
      equal_pairs += x == y;
      printf(" %s/%s", kind(smaller(x, y)), kind(larger_or_second(x, y)));
    }
    printf("\n");
  }
  CHECK(unordered_pairs == 13);
  CHECK(equal_pairs == 8);
  double negative_zero = float_special_pick(opaque(1));
  CHECK(negative_zero == 0.0 && signbit(negative_zero));
  CHECK(!signbit(negative_zero + 0.0));
  CHECK(signbit(negative_zero - 0.0));
  CHECK(1.0 / float_special_pick(opaque(2)) == 0.0);
  CHECK(signbit(1.0 / float_special_pick(opaque(3))));
  CHECK(isnan(float_special_pick(opaque(2)) - float_special_pick(opaque(2))));
  CHECK(copysign(3.0, negative_zero) == -3.0);
  CHECK(fabs(negative_zero) == 0.0 && !signbit(fabs(negative_zero)));
  return failures != 0;
}
