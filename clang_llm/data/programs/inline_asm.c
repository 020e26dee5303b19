/* Inline assembly without instructions: values that it hides, memory that it clobbers, several outputs, goto out of it. */
#include "check.h"
#include <stdint.h>

#define HIDE(x) __asm__ volatile("" : "+r"(x))
#define BARRIER() __asm__ volatile("" ::: "memory")

static int plain, copy_of_plain;

static int read_twice(int *p) {
  int a = *p;
  BARRIER(); /* what p points to may be another now, as far as the compiler knows */
  int b = *p;
  return a == b;
}

/* The statement says that it writes the array although it does nothing: it must be kept, and the values too. */
static int through_memory(int n) {
  int values[8];
  for (int i = 0; i < 8; ++i) values[i] = i * n;
  __asm__ volatile("" : "+m"(values));
  return values[n & 7];
}

static long swap_by_constraint(long a, long b) {
  long x, y;
  __asm__("" : "=r"(x), "=r"(y) : "0"(b), "1"(a)); /* outputs are tied to the other's inputs */
  return x * 1000 + y;
}

int inline_asm_constant_time_equal(const uint8_t *a, const uint8_t *b, int n) {
  unsigned difference = 0;
  for (int i = 0; i < n; ++i) {
    difference |= (unsigned)(a[i] ^ b[i]);
    HIDE(difference);
  }
  return difference == 0;
}

static int jumps(int x) {
  __asm__ goto("" : : "r"(x) : : elsewhere);
  return x + 1;
elsewhere:
  return x - 1;
}

static double keeps_float(double x) {
  double y = x * 3;
  __asm__("" : "+m"(y));
  return y - x;
}

static unsigned loop(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < n; ++i) {
    unsigned step = i;
    HIDE(step);
    sum += step * step;
  }
  return sum;
}

int main(void) {
  int x = opaque(4);
  plain = x;
  copy_of_plain = plain;
  BARRIER();
  plain = x + 1;
  printf("%d %d %d %ld %u\n", plain, copy_of_plain, through_memory(x), swap_by_constraint(x, 7), loop(100));
  CHECK(plain == 5 && copy_of_plain == 4 && read_twice(&plain));
  CHECK(through_memory(opaque(3)) == 9);
  CHECK(swap_by_constraint(opaque(5), 6) == 6005);
  uint8_t a[] = "secret", b[] = "secreT";
  CHECK(inline_asm_constant_time_equal(a, b, opaque(5)) && !inline_asm_constant_time_equal(a, b, opaque(6)));
  CHECK(jumps(x) == 5 && keeps_float(2.5) == 5.0);
  CHECK(loop((unsigned)opaque(100)) == 328350 && loop(0) == 0);
  int zero = 0;
  HIDE(zero);
  CHECK(zero == 0 && x / (zero + 1) == x);
  return failures != 0;
}
