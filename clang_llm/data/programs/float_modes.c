/* The floating-point environment: rounding in all directions, exceptions raised and cleared, saved and restored. */
#include "check.h"
#include <fenv.h>
#include <string.h>
#pragma STDC FENV_ACCESS ON

/* Operands and results go through volatile objects: no operation may move over a change of the mode. */
static volatile double left, right, result;
static volatile float narrow;
static volatile long whole;

__attribute__((noinline)) static double quotient(double a, double b) {
  left = a;
  right = b;
  result = left / right;
  return result;
}
__attribute__((noinline)) static double sum(double a, double b) {
  left = a;
  right = b;
  result = left + right;
  return result;
}
__attribute__((noinline)) static float narrowed(double a) {
  left = a;
  narrow = (float)left;
  return narrow;
}

static unsigned long long bits(double x) {
  unsigned long long b;
  memcpy(&b, &x, sizeof b);
  return b;
}

/* A computation that has to come out twice: the mode must be the caller's again afterwards. */
__attribute__((noinline)) int float_modes_interval(double *low, double *high, double a, double b) {
  int before = fegetround();
  fesetround(FE_DOWNWARD);
  *low = quotient(a, b);
  fesetround(FE_UPWARD);
  *high = quotient(a, b);
  fesetround(before);
  return fegetround() == before;
}

int main(void) {
  static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  double third[4], negative[4], tiny[4];
  float single[4];
  for (int i = 0; i < 4; ++i) {
    if (fesetround(modes[i]) != 0) {
      puts("no such mode");
      return 0;
    }
    third[i] = quotient(opaque(1), opaque(3));
    negative[i] = quotient(opaque(-1), opaque(3));
    tiny[i] = sum(1, 1e-30);
    single[i] = narrowed(0.1);
  }
  fesetround(FE_TONEAREST);
  for (int i = 0; i < 4; ++i) printf("%llx %llx %llx %a\n", bits(third[i]), bits(negative[i]), bits(tiny[i]), (double)single[i]);
  CHECK(third[1] < third[2] && third[3] == third[1] && bits(third[2]) == bits(third[1]) + 1);
  CHECK(negative[1] < negative[2] && negative[3] == negative[2] && negative[1] == -third[2]);
  CHECK(tiny[0] == 1 && tiny[1] == 1 && tiny[3] == 1 && bits(tiny[2]) == bits(1.0) + 1);
  CHECK(single[1] < single[2] && (single[0] == single[1] || single[0] == single[2]) && single[3] == single[1]);
  double low, high;
  CHECK(float_modes_interval(&low, &high, opaque(2), opaque(7)) && low < high && bits(low) + 1 == bits(high));
  feclearexcept(FE_ALL_EXCEPT);
  quotient(opaque(6), opaque(3));
  CHECK(!fetestexcept(FE_INEXACT | FE_DIVBYZERO | FE_INVALID));
  quotient(opaque(1), opaque(3));
  CHECK(fetestexcept(FE_INEXACT) && !fetestexcept(FE_DIVBYZERO));
  quotient(opaque(1), opaque(0));
  CHECK(fetestexcept(FE_DIVBYZERO) && result > 1e308);
  feclearexcept(FE_DIVBYZERO | FE_INEXACT);
  quotient(opaque(0), opaque(0));
  CHECK(fetestexcept(FE_ALL_EXCEPT) == FE_INVALID && result != result);
  fenv_t kept;
  feholdexcept(&kept);
  CHECK(!fetestexcept(FE_INVALID));
  quotient(opaque(1), opaque(3));
  feupdateenv(&kept);
  CHECK(fetestexcept(FE_INVALID) && fetestexcept(FE_INEXACT));
  feclearexcept(FE_ALL_EXCEPT);
  return failures != 0;
}
