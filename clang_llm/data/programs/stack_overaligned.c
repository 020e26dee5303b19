/* Over-aligned locals beside alloca and variable arrays: frames that need a base register, in recursion and in loops. */
#include "check.h"
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static int misaligned;
static void need(const volatile void *p, uintptr_t alignment) {
  uintptr_t hidden = (uintptr_t)p + (uintptr_t)opaque(0); /* what the compiler knows of p it may not use */
  misaligned += (hidden & (alignment - 1)) != 0;
}

__attribute__((noinline)) long stack_overaligned_frame(int n, int a, int b, int c, int d, int e, int f, int g, int h) {
  alignas(64) unsigned char line[64];
  alignas(256) int wide[4] = {a, b, c, d};
  need(line, 64);
  need(wide, 256);
  unsigned char *moving = __builtin_alloca((unsigned)n + 1);
  memset(moving, a, (unsigned)n + 1);
  memset(line, b, sizeof line);
  int variable[n];
  for (int i = 0; i < n; ++i) variable[i] = i * e + wide[i & 3];
  long sum = f + g * h; /* those on the stack */
  for (int i = 0; i < n; ++i) sum += variable[i] + line[i & 63] + moving[i];
  return sum;
}

static long recursive(int depth) {
  alignas(128) long here[2] = {depth, depth * 2};
  need(here, 128);
  char *extra = __builtin_alloca((unsigned)(depth % 5 * 24 + 8));
  extra[0] = (char)depth;
  long below = depth ? recursive(depth - 1) : 0;
  need(here, 128);
  return below + here[0] + here[1] + extra[0];
}

struct alignas_block { alignas(32) char text[24]; };

static int in_loop(int rounds) {
  int sum = 0;
  for (int i = 0; i < rounds; ++i) {
    struct alignas_block block;
    char scratch[i + 1];
    need(&block, 32);
    memset(scratch, i, sizeof scratch);
    strcpy(block.text, i & 1 ? "odd" : "even");
    sum += (int)strlen(block.text) + scratch[i / 2];
  }
  return sum;
}

__attribute__((noinline)) static struct alignas_block made(int n) {
  struct alignas_block b;
  memset(&b, 0, sizeof b);
  for (int i = 0; i < n; ++i) b.text[i] = (char)('a' + i);
  return b;
}

static int passed(struct alignas_block b, int n, struct alignas_block c) {
  need(&b, 32);
  need(&c, 32);
  return b.text[n] * 3 - c.text[0];
}

int main(void) {
  long sum = stack_overaligned_frame(opaque(9), 1, 2, 3, 4, 5, 6, 7, 8);
  printf("%ld\n", sum);
  CHECK(sum == 6 + 56 + 36 * 5 + (1 + 2 + 3 + 4) * 2 + 1 + 9 * 2 + 9 * 1);
  sum = recursive(opaque(20));
  printf("%ld\n", sum);
  CHECK(sum == 210 * 4);
  CHECK(in_loop(opaque(10)) == 5 * 4 + 5 * 3 + 45);
  struct alignas_block b = made(opaque(5));
  CHECK(passed(b, opaque(2), made(opaque(1))) == 'c' * 3 - 'a');
  printf("%s %d\n", b.text, misaligned);
  CHECK(misaligned == 0);
  return failures != 0;
}
