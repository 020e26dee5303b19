/* Complex arithmetic: pairs of floats in registers, a fast Fourier transform with an exact round trip. */
#include "check.h"
#include <complex.h>
#include <math.h>

enum { N = 16 };

/* C11's CMPLX, which not every libc offers to clang. */
static double complex make(double re, double im) { return __builtin_complex(re, im); }
static float complex make_float(float re, float im) { return __builtin_complex(re, im); }

/* Parts one by one, so that no library routine for NaN recovery is involved. */
static double complex times(double complex a, double complex b) {
  double re = creal(a) * creal(b) - cimag(a) * cimag(b);
  double im = creal(a) * cimag(b) + cimag(a) * creal(b);
  return make(re, im);
}

static void transform(double complex *x, int n, int stride, double complex *out, const double complex *roots, int sign) {
  if (n == 1) {
    out[0] = x[0];
    return;
  }
  transform(x, n / 2, stride * 2, out, roots, sign);
  transform(x + stride, n / 2, stride * 2, out + n / 2, roots, sign);
  for (int k = 0; k < n / 2; ++k) {
    double complex root = roots[k * stride];
    double complex twiddled = times(sign < 0 ? conj(root) : root, out[n / 2 + k]);
    double complex even = out[k];
    out[k] = even + twiddled;
    out[n / 2 + k] = even - twiddled;
  }
}

float complex float_complex_power(float complex z, unsigned n) {
  float complex result = 1;
  while (n--) {
    float re = crealf(result) * crealf(z) - cimagf(result) * cimagf(z);
    float im = crealf(result) * cimagf(z) + cimagf(result) * crealf(z);
    result = make_float(re, im);
  }
  return result;
}

int main(void) {
  double complex in[N], freq[N], back[N], roots[N];
  for (int i = 0; i < N; ++i) {
    in[i] = make((i * 7) % 5 - 2, opaque(i) % 3);
    double angle = -2 * 3.14159265358979323846 * i / N;
    roots[i] = make(cos(angle), sin(angle));
  }
  transform(in, N, 1, freq, roots, 1);
  transform(freq, N, 1, back, roots, -1);
  double worst = 0;
  for (int i = 0; i < N; ++i) {
    double error = fabs(creal(back[i]) / N - creal(in[i])) + fabs(cimag(back[i]) / N - cimag(in[i]));
    if (error > worst) worst = error;
    printf("%.6f %.6f\n", creal(freq[i]) + 1e-9, cimag(freq[i]) + 1e-9);
  }
  CHECK(worst < 1e-12);
  float complex p = float_complex_power(make_float(1, 1), (unsigned)opaque(8));
  CHECK(crealf(p) == 16 && cimagf(p) == 0);
  p = float_complex_power(make_float(0, -2), 5);
  printf("%g %g\n", crealf(p), cimagf(p));
  CHECK(crealf(p) == 0 && cimagf(p) == -32);
  return failures != 0;
}
