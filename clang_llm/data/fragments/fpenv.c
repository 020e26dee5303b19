// needs: fenv
// options: -frounding-math -ffp-exception-behavior=strict
#include <fenv.h>
static NOINLINE double third@(double a, double b) { return a / b; }
static NOINLINE u32 modes@(u32 x) {
  static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  u32 h = x;
  for (int i = 0; i < 4; ++i) {
    fesetround(modes[(i + $[0..3]) & 3]);
    double q = third@((double)(x & 1023) + $[1..9], $[3..11]);
    float f = (float)(q * $[3..9]);
    u64 v; memcpy(&v, &q, 8);
    u32 w; memcpy(&w, &f, 4);
    h = fold(fold(h, v), w);
  }
  fesetround(FE_TONEAREST);
  feclearexcept(FE_ALL_EXCEPT);
  volatile double zero = 0, r = third@($[1..5], zero);
  (void)r;
  return h + (fetestexcept(FE_DIVBYZERO) ? 16u : 0u) + (fetestexcept(FE_INEXACT) ? 1u : 0u);
}
u32 run@(u32 x) { return modes@(x) ^ modes@(x + $[1..9]); }
