/* setjmp on paths that are hardly taken, with values that live in locals over it, and jumps back from deep calls. */
#include "check.h"
#include <setjmp.h>

static jmp_buf again, other;
static int tries;

__attribute__((cold, noinline)) static void note(const char *what, int n) { printf("%s %d\n", what, n); }

__attribute__((noinline)) static void deep(int n) {
  volatile char pad[256];
  pad[n & 255] = (char)n;
  if (++tries < 4) longjmp(again, tries);
  pad[0] = 1;
}

/* Nothing local changes after setjmp, so everything keeps its value. */
__attribute__((noinline)) int setjmp_cold_work(int n) {
  int a = n * 3, b = n ^ 5, c = n + 1000;
  if (n > 100) {
    note("slow", n);
    note("way", n + 1);
    if (setjmp(again) == 0) note("first", a);
    note("again", tries + b);
  }
  deep(n);
  return a + b * 2 + c + tries;
}

__attribute__((cold, noinline)) static void fail(int code) {
  note("fail", code);
  longjmp(other, code);
}

/* The handler is cold, what it cleans up is not. */
int setjmp_cold_parse(const char *text) {
  volatile int at = 0;
  int code = setjmp(other);
  if (__builtin_expect(code != 0, 0)) {
    note("position", at);
    note("code", code);
    return -code * 100 - at;
  }
  int sum = 0;
  for (; text[at]; at = at + 1) {
    if (text[at] < '0') fail(3);
    if (text[at] > '9') fail(text[at] - 'a' + 1);
    sum = sum * 10 + text[at] - '0';
  }
  return sum;
}

static int outer_rounds(int limit) {
  static jmp_buf here;
  volatile int round = 0, sum = 0;
  const int step = limit * 7;
  int code = setjmp(here);
  round = round + 1;
  sum = sum + code * step;
  if (round < limit) {
    if (round % 2) longjmp(here, round);
    else longjmp(here, 0); /* becomes 1 */
  }
  return sum;
}

int main(void) {
  int r = setjmp_cold_work(opaque(201));
  printf("%d\n", r);
  CHECK(r == 603 + (201 ^ 5) * 2 + 1201 + 4 && tries == 4);
  CHECK(setjmp_cold_work(opaque(7)) == 21 + 2 * 2 + 1007 + 5);
  CHECK(setjmp_cold_parse("1234") == 1234 && setjmp_cold_parse("12c4") == -302 && setjmp_cold_parse("+") == -300);
  r = outer_rounds(opaque(6));
  printf("%d\n", r);
  CHECK(r == (1 + 1 + 3 + 1 + 5) * 42);
  return failures != 0;
}
