/* The bits of NaNs: copied through structures, arrays, arguments and unions, their sign changed, never computed with. */
#include "check.h"
#include <stdint.h>
#include <string.h>

struct boxed { char tag; double value; float small; };
union bits { double value; uint64_t whole; };

static double from(uint64_t b) {
  double x;
  memcpy(&x, &b, sizeof x);
  return x;
}
static uint64_t to(double x) {
  uint64_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

/* Quiet ones only: a copy in a register of the x87 would make a signalling one quiet. */
enum { COUNT = 5 };
static const uint64_t patterns[COUNT] = {UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff8dead0000beef), UINT64_C(0xfff8000000000001),
                                         UINT64_C(0xffffffffffffffff), UINT64_C(0x7fffabcdef012345)};

__attribute__((noinline)) double nan_payload_choose(int way, double a, double b) { return way ? a : b; }
__attribute__((noinline)) static struct boxed boxed(struct boxed b, double value) {
  b.value = value;
  b.tag++;
  return b;
}
__attribute__((noinline)) static void reversed(double *to_, const double *from_, int n) {
  for (int i = 0; i < n; ++i) to_[n - 1 - i] = from_[i];
}
/* Ordered by their bits, which comparisons of the values could not do. */
static void sort(double *x, int n) {
  for (int i = 1; i < n; ++i)
    for (int j = i; j > 0 && to(x[j - 1]) > to(x[j]); --j) {
      double t = x[j];
      x[j] = x[j - 1];
      x[j - 1] = t;
    }
}
static double negated(double x) { return -x; }
static double absolute(double x) { return __builtin_fabs(x); }
static double with_sign(double x, double y) { return __builtin_copysign(x, y); }

int main(void) {
  double values[COUNT], back[COUNT];
  for (int i = 0; i < COUNT; ++i) values[i] = from(patterns[opaque(i)]);
  for (int i = 0; i < COUNT; ++i) {
    double other = opaque(i) * 1.5;
    CHECK(to(nan_payload_choose(opaque(1), values[i], other)) == patterns[i]);
    CHECK(to(nan_payload_choose(opaque(0), other, values[i])) == patterns[i] && values[i] != values[i]);
    CHECK(to(negated(values[i])) == (patterns[i] ^ UINT64_C(1) << 63));
    CHECK(to(absolute(values[i])) == (patterns[i] & ~(UINT64_C(1) << 63)));
    CHECK(to(with_sign(values[i], opaque(-1))) == (patterns[i] | UINT64_C(1) << 63));
    CHECK(with_sign(2.0, values[i]) == (patterns[i] >> 63 ? -2.0 : 2.0));
    struct boxed b = boxed((struct boxed){(char)('a' + i), 0, 1.5f}, values[i]);
    CHECK(to(b.value) == patterns[i] && b.tag == 'b' + i && b.small == 1.5f);
    union bits u = {values[i]};
    u.whole ^= 0x10;
    CHECK(to(u.value) == (patterns[i] ^ 0x10));
    printf("%016llx\n", (unsigned long long)to(values[i]));
  }
  reversed(back, values, opaque(COUNT));
  for (int i = 0; i < COUNT; ++i) CHECK(to(back[i]) == patterns[COUNT - 1 - i]);
  sort(back, COUNT);
  for (int i = 1; i < COUNT; ++i) CHECK(to(back[i - 1]) < to(back[i]));
  CHECK(memcmp(back, &patterns[0], sizeof patterns[0]) == 0);
  /* Signalling ones as bytes only. */
  uint32_t signalling[4] = {0x7f800001u, 0xff812345u, 0x7fbfffffu, 0x7f800001u}, copied[4];
  memcpy(copied, signalling, sizeof copied);
  copied[1] ^= (uint32_t)opaque(0);
  CHECK(memcmp(copied, signalling, sizeof copied) == 0);
  return failures != 0;
}
