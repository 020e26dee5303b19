/* Sums whose order matters: compensated, pairwise and plain addition give three different, known answers. */
#include "check.h"
#include <math.h>

enum { N = 1000 };
static float values[N];

static float plain(const float *x, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += x[i];
  return sum;
}

static float pairwise(const float *x, int n) {
  if (n == 1) return x[0];
  return pairwise(x, n / 2) + pairwise(x + n / 2, n - n / 2);
}

static float compensated(const float *x, int n) {
  float sum = 0, lost = 0;
  for (int i = 0; i < n; ++i) {
    float y = x[i] - lost, t = sum + y;
    lost = (t - sum) - y; /* zero, to an optimiser that reassociates */
    sum = t;
  }
  return sum;
}

double float_sum_newton(double a) {
  double x = a, previous = 0;
  for (int i = 0; i < 60 && x != previous; ++i) {
    previous = x;
    x = (x + a / x) / 2;
  }
  return x;
}

int main(void) {
  double exact = 0;
  for (int i = 0; i < N; ++i) {
    values[i] = 1.0f / (float)(i + opaque(1));
    exact += values[i];
  }
  float a = plain(values, N), b = pairwise(values, N), c = compensated(values, N);
  printf("%a %a %a %a\n", a, b, c, exact);
  CHECK(c == (float)exact);
  CHECK(fabs(a - exact) > fabs(b - exact));
  for (int i = 2; i < 8; ++i) printf("%a\n", float_sum_newton(i));
  CHECK(float_sum_newton(4) == 2 && float_sum_newton(6.25) == 2.5);
  float tiny = 1, eps = 1;
  while (1 + tiny / 2 != 1.0f) tiny /= 2;
  for (volatile float v = 1.5f; v != 1; v = 1 + eps) eps /= 2;
  printf("%a %a\n", tiny, eps);
  CHECK(tiny == 0x1p-23f && eps == 0x1p-24f);
  return failures != 0;
}
