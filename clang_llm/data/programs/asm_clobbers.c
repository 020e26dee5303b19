/* Inline assembly that overwrites every register that calls preserve: values that live over it must be saved. */
#include "check.h"

#if defined(__x86_64__)
#define WRECK()                                                                                      \
  __asm__ volatile("xorl %%ebx, %%ebx\n\tmovl $7, %%r12d\n\tmovl $7, %%r13d\n\tmovl $7, %%r14d\n\tmovl $7, %%r15d" ::: "rbx", \
                   "r12", "r13", "r14", "r15", "cc", "memory")
#elif defined(__i386__)
#define WRECK() __asm__ volatile("movl $7, %%esi\n\tmovl $7, %%edi" ::: "esi", "edi", "cc", "memory")
#elif defined(__aarch64__)
#define WRECK()                                                                                        \
  __asm__ volatile("mov x19, #7\n\tmov x20, #7\n\tmov x21, #7\n\tmov x22, #7\n\tmov x23, #7\n\tmov x24, #7\n\tmov x25, #7\n\t" \
                   "mov x26, #7\n\tmov x27, #7\n\tmov x28, #7\n\tfmov d8, #1.0\n\tfmov d9, #1.0\n\tfmov d15, #1.0" ::: "x19",   \
                   "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "d8", "d9", "d10", "d11", "d12",    \
                   "d13", "d14", "d15", "memory")
#elif defined(__arm__)
#define WRECK()                                                                                              \
  __asm__ volatile("mov r4, #7\n\tmov r5, #7\n\tmov r6, #7\n\tmov r8, #7\n\tmov r9, #7\n\tmov r10, #7" ::: "r4", "r5", "r6", \
                   "r8", "r9", "r10", "memory")
#elif defined(__riscv)
#define WRECK()                                                                                                     \
  __asm__ volatile("li s1, 7\n\tli s2, 7\n\tli s3, 7\n\tli s4, 7\n\tli s5, 7\n\tli s6, 7\n\tli s7, 7\n\tli s8, 7\n\tli s9, 7\n\t" \
                   "li s10, 7\n\tli s11, 7" ::: "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "memory")
#else
#define WRECK() __asm__ volatile("" ::: "memory")
#endif

static int calls;
__attribute__((noinline)) static int step(int x) { return ++calls, x * 3 + 1; }

/* Alone: the registers belong to the caller, which has values in them. */
__attribute__((noinline)) int asm_clobbers_leaf(int x) {
  WRECK();
  return x + 1;
}

__attribute__((noinline)) long asm_clobbers_live(int a, int b, int c, int d, int e, double f) {
  int p = a * b, q = c - d, r = e ^ a;
  double half = f / 2;
  long sum = step(a);
  WRECK();
  sum += step(p) + q;
  WRECK();
  return sum + r * 100 + (long)(half * 4) + a + b + c + d + e;
}

static long in_loop(const int *values, int n, int by) {
  long sum = 0, product = 1;
  for (int i = 0; i < n; ++i) {
    sum += values[i] * by;
    if (values[i] & 1) WRECK();
    product = product * 7 % 1009 + values[n - 1 - i];
    if (i == 4) sum += asm_clobbers_leaf(values[i]);
  }
  return sum * 10000 + product;
}

/* Only the rare way wrecks them: saving may be put off until there, not forgotten. */
__attribute__((noinline)) int asm_clobbers_rare(int x, int y) {
  int kept = x * y;
  if (__builtin_expect(x > 100, 0)) {
    WRECK();
    kept += step(y);
    WRECK();
    kept ^= x;
  }
  return kept + y;
}

static int recursive(int n) {
  int here = n * n;
  WRECK();
  if (n == 0) return 1;
  int below = recursive(n - 1);
  return below + here;
}

int main(void) {
  int values[10], a = opaque(3), b = opaque(4), c = opaque(50), d = opaque(8), e = opaque(9);
  for (int i = 0; i < 10; ++i) values[i] = opaque(i * i + 1);
  long live = asm_clobbers_live(a, b, c, d, e, 2.5), looped = in_loop(values, opaque(10), opaque(3));
  printf("%ld %ld %d\n", live, looped, calls);
  CHECK(live == 10 + 37 + 42 + 10 * 100 + 5 + 74 && a + b + c + d + e == 74);
  CHECK(looped / 10000 == (285 + 10) * 3 + 18);
  CHECK(asm_clobbers_rare(opaque(5), 6) == 36 && asm_clobbers_rare(opaque(101), opaque(2)) == ((202 + 7) ^ 101) + 2);
  CHECK(recursive(opaque(12)) == 651 && calls == 3);
  return failures != 0;
}
