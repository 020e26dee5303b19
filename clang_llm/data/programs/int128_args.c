/* 128-bit integers in argument lists between registers and stack, in structures, with overflow, shifted, converted. */
#include "check.h"
#include <stdint.h>

#ifdef __SIZEOF_INT128__
typedef __int128 wide;
typedef unsigned __int128 uwide;
#define W(high, low) ((wide)(((uwide)(uint64_t)(high) << 64) | (uint64_t)(low)))

static int is(wide x, int64_t high, uint64_t low) { return (int64_t)(x >> 64) == high && (uint64_t)x == low; }

__attribute__((noinline)) wide int128_args_straddle(int a, wide b, int c, wide d, int e, wide f, int g, wide h) {
  return b * a + d * c + f * e + h * g;
}
struct holder { char c; wide w; int n; };
__attribute__((noinline)) static struct holder pass(struct holder h, wide add) {
  h.w += add;
  h.n ^= (int)(h.w >> 60);
  return h;
}
__attribute__((noinline)) wide int128_args_divide(wide a, wide b) { return a / b * 2 + a % b; }

static unsigned ones(uwide x) {
  unsigned n = 0;
  while (x) x &= x - 1, ++n;
  return n;
}
static uwide rotate(uwide x, unsigned by) { return x << (by & 127) | x >> (-by & 127); }

static int add_overflows(wide a, wide b, wide *sum) { return __builtin_add_overflow(a, b, sum); }
static int mul_overflows(uint64_t a, uint64_t b, uint64_t *p) { return __builtin_mul_overflow(a, b, p); }

int main(void) {
  wide a = W(opaque(1), 2), b = W(3, UINT64_MAX), c = W(-1, 5), d = W(0, 7);
  wide r = int128_args_straddle(opaque(2), a, 3, b, 5, c, opaque(-1), d);
  printf("%llx %llx\n", (unsigned long long)(r >> 64), (unsigned long long)r);
  CHECK(r == a * 2 + b * 3 + c * 5 - d && is(r, 9, 19));
  struct holder h = {'h', W(-2, 9), 3};
  for (int i = 0; i < opaque(4); ++i) h = pass(h, a);
  printf("%c %d\n", h.c, h.n);
  CHECK(h.c == 'h' && is(h.w, 2, 17));
  CHECK(int128_args_divide(W(0, 1000), opaque(7)) == 142 * 2 + 6 && int128_args_divide(W(-1, -1000), opaque(7)) == -142 * 2 - 6);
  CHECK(int128_args_divide(b, W(2, 0)) == 2 + W(1, UINT64_MAX));
  for (unsigned by = 0; by < 128; by += 9) {
    uwide x = (uwide)W(0x123456789abcdef0, 0x0fedcba987654321);
    unsigned n = (unsigned)opaque((int)by);
    CHECK(rotate(rotate(x, n), 128 - n) == x && ones(rotate(x, n)) == ones(x));
    CHECK((uwide)((wide)x >> n) == x >> n);
  }
  wide most = (wide)(~(uwide)0 >> 1), sum;
  CHECK(add_overflows(most, opaque(1), &sum) && sum == -most - 1 && !add_overflows(most, -1, &sum));
  uint64_t product;
  CHECK(mul_overflows(UINT64_C(1) << 32, UINT64_C(1) << (unsigned)opaque(32), &product) && product == 0);
  CHECK((double)W(1, 0) == 18446744073709551616.0 && (float)W(0, 1 << 20) == 1048576.0f && (wide)-3.75 == -3);
  volatile double large = 1e30;
  wide from = (wide)large;
  printf("%llx %llx\n", (unsigned long long)(from >> 64), (unsigned long long)from);
  CHECK((double)from == 1e30 && (uwide)from > (uwide)W(1, 0));
  CHECK(a < b && c < a && (uwide)c > (uwide)a && !(a == b));
#else
int main(void) {
  puts("no 128-bit integers");
#endif
  return failures != 0;
}
