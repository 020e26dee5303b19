/* _Complex of all widths: products and quotients by the library, in structures and as arguments, infinities, parts. */
#include "check.h"

typedef _Complex double cd;
typedef _Complex float cf;
typedef _Complex long double cl;

static cd make(double re, double im) { return __builtin_complex(re, im); }
static int is(cd z, double re, double im) { return __real__ z == re && __imag__ z == im; }

struct holder { char c; cf f; cd d; };

__attribute__((noinline)) cd complex_parts_product(cd a, cd b) { return a * b; }
__attribute__((noinline)) cd complex_parts_quotient(cd a, cd b) { return a / b; }
__attribute__((noinline)) cf complex_parts_float(cf a, float b, cf c) { return a * b + c; }
__attribute__((noinline)) static cl widest(cl a, int n, cl b) {
  cl sum = 0;
  while (n--) sum = sum * a + b;
  return sum;
}
static struct holder turned(struct holder h) {
  __real__ h.d = -__imag__ h.d;
  h.f = ~h.f; /* conjugate */
  h.c++;
  return h;
}
static cd power(cd z, unsigned n) {
  cd result = 1;
  for (; n; n >>= 1, z *= z)
    if (n & 1) result *= z;
  return result;
}
static int outside(double x) { return x > 1e308 || x < -1e308; }

int main(void) {
  double three = opaque(3);
  cd z = make(three, -2), w = make(1, three + 1);
  printf("%g %g\n", __real__(z * w), __imag__(z * w));
  CHECK(is(complex_parts_product(z, w), 11, 10) && is(z + w, 4, 2) && is(-z, -3, 2));
  CHECK(is(complex_parts_quotient(complex_parts_product(z, w), w), 3, -2) && is(z / 2, 1.5, -1));
  CHECK(is(power(make(0, 1), (unsigned)opaque(7)), 0, -1) && is(power(make(1, 1), (unsigned)opaque(8)), 16, 0));
  cf f = complex_parts_float(__builtin_complex(1.5f, 2.0f), (float)opaque(4), __builtin_complex(-1.0f, 0.5f));
  CHECK(__real__ f == 5 && __imag__ f == 8.5f);
  cl l = widest(__builtin_complex(0.0L, 2.0L), opaque(3), __builtin_complex(1.0L, 0.0L));
  printf("%Lg %Lg\n", __real__ l, __imag__ l);
  CHECK(__real__ l == -3 && __imag__ l == 2);
  struct holder h = {'h', __builtin_complex(1.0f, 2.0f), make(5, three)};
  h = turned(turned(h));
  printf("%c %g %g %g %g\n", h.c, __real__ h.f, __imag__ h.f, __real__ h.d, __imag__ h.d);
  CHECK(h.c == 'j' && __imag__ h.f == 2 && is(h.d, -3, 3));
  /* An infinite factor gives an infinite product, although one part of the usual formula is no number. */
  volatile double infinite = __builtin_inf(), zero = 0;
  cd product = complex_parts_product(make(infinite, zero), make(1, 1));
  CHECK(outside(__real__ product) || outside(__imag__ product));
  cd quotient = complex_parts_quotient(make(1, 1), make(infinite, infinite));
  CHECK(__real__ quotient == 0 && __imag__ quotient == 0);
  CHECK(z == make(3, -2) && z != ~z && (z == w) == 0);
  _Complex int n = 3 + 4i;
  n *= opaque(2);
  CHECK(__real__ n == 6 && __imag__ n == 8);
  return failures != 0;
}
