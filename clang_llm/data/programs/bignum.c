/* Numbers of many digits: carries that ripple, long division, digits of pi, a perfect power. */
#include "check.h"
#include <stdint.h>
#include <string.h>

enum { LIMBS = 24 };
struct number { uint32_t limb[LIMBS]; };

static struct number of(uint32_t x) { return (struct number){{x}}; }

static uint32_t add(struct number *a, const struct number *b) {
  uint64_t carry = 0;
  for (int i = 0; i < LIMBS; ++i) {
    carry += (uint64_t)a->limb[i] + b->limb[i];
    a->limb[i] = (uint32_t)carry;
    carry >>= 32;
  }
  return (uint32_t)carry;
}

static uint32_t subtract(struct number *a, const struct number *b) {
  uint32_t borrow = 0;
  for (int i = 0; i < LIMBS; ++i) {
    uint64_t d = (uint64_t)a->limb[i] - b->limb[i] - borrow;
    a->limb[i] = (uint32_t)d;
    borrow = (uint32_t)(d >> 32) & 1;
  }
  return borrow;
}

struct number bignum_multiply(struct number a, struct number b) {
  struct number p = of(0);
  for (int i = 0; i < LIMBS; ++i) {
    uint64_t carry = 0;
    for (int j = 0; i + j < LIMBS; ++j) {
      carry += (uint64_t)a.limb[i] * b.limb[j] + p.limb[i + j];
      p.limb[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
  }
  return p;
}

static uint32_t divide_small(struct number *a, uint32_t by) {
  uint64_t rest = 0;
  for (int i = LIMBS - 1; i >= 0; --i) {
    rest = rest << 32 | a->limb[i];
    a->limb[i] = (uint32_t)(rest / by);
    rest %= by;
  }
  return (uint32_t)rest;
}

static int is_zero(const struct number *a) {
  for (int i = 0; i < LIMBS; ++i)
    if (a->limb[i]) return 0;
  return 1;
}

static const char *text_of(struct number a, char *out) {
  int n = 0;
  do out[n++] = (char)('0' + divide_small(&a, 10));
  while (!is_zero(&a));
  for (int i = 0; i < n / 2; ++i) {
    char c = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = c;
  }
  out[n] = 0;
  return out;
}

/* scale * atan(1 / x), as a sum of fractions of the scale. */
static struct number arctangent(struct number scale, uint32_t x) {
  struct number sum = of(0);
  divide_small(&scale, x);
  for (uint32_t k = 1; !is_zero(&scale); k += 2) {
    struct number term = scale;
    divide_small(&term, k);
    if (k % 4 == 1) add(&sum, &term);
    else subtract(&sum, &term);
    divide_small(&scale, x * x);
  }
  return sum;
}

int main(void) {
  char text[300];
  struct number f = of(1), ten = of(10), scale = of(1), one = of(1);
  for (int i = 2; i <= opaque(60); ++i) f = bignum_multiply(f, of((uint32_t)i));
  puts(text_of(f, text));
  CHECK(strlen(text) == 82 && strncmp(text, "8320987112741390144276341183223364380754172606361245952449", 58) == 0);
  for (uint32_t i = 60; i > 1; --i) CHECK(divide_small(&f, i) == 0);
  CHECK(memcmp(&f, &one, sizeof f) == 0);
  for (int i = 0; i < opaque(60); ++i) scale = bignum_multiply(scale, ten);
  struct number a = arctangent(scale, 5), b = arctangent(scale, 239), pi = bignum_multiply(a, of(16));
  b = bignum_multiply(b, of(4));
  subtract(&pi, &b);
  puts(text_of(pi, text));
  CHECK(strncmp(text, "31415926535897932384626433832795028841971693993751058", 53) == 0);
  struct number zero = of(0);
  CHECK(subtract(&zero, &one) == 1 && zero.limb[LIMBS - 1] == 0xffffffffu);
  CHECK(add(&zero, &one) == 1 && is_zero(&zero));
  return failures != 0;
}
