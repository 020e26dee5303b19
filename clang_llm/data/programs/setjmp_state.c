/* Volatile locals over setjmp, several returns from one setjmp, jumps out of loops. */
#include "check.h"
#include <setjmp.h>

static jmp_buf again;
static int depth_seen;

__attribute__((noinline)) static void leave(int code) { longjmp(again, code); }

static int retry(int wanted) {
  volatile int attempts = 0;
  volatile int trace = 0;
  int code = 0;
  switch (setjmp(again)) {
    case 0: break;
    case 1: trace = trace * 10 + 1; break;
    case 2: trace = trace * 10 + 2; break;
    default: trace = trace * 10 + 9; break;
  }
  attempts = attempts + 1;
  if (attempts < wanted) leave(attempts % 3 + 1);
  code = attempts * 10000 + trace;
  return code;
}

static void dive(int n, jmp_buf *out) {
  volatile char frame[64];
  frame[n % 64] = (char)n;
  depth_seen = n;
  if (n == 0) longjmp(*out, 77);
  dive(n - 1, out);
  frame[0] = 1; /* never reached; keeps the call above from being the last thing */
}

int setjmp_state_search(const int *grid, int rows, int columns, int wanted) {
  jmp_buf found;
  volatile int steps = 0;
  if (setjmp(found)) return steps;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      steps = steps + 1;
      if (grid[r * columns + c] == wanted) longjmp(found, 1);
    }
  }
  return -steps;
}

int main(void) {
  int code = retry(opaque(6));
  printf("%d\n", code);
  CHECK(code == 60000 + 29129 - 0);
  jmp_buf deep;
  int landed = setjmp(deep);
  if (landed == 0) dive(opaque(40), &deep);
  CHECK(landed == 77 && depth_seen == 0);
  const int grid[] = {4, 8, 15, 16, 23, 42};
  for (int wanted = 15; wanted < 45; wanted += 9)
    printf("%d at %d\n", wanted, setjmp_state_search(grid, 2, 3, wanted));
  CHECK(setjmp_state_search(grid, 2, 3, opaque(23)) == 5);
  CHECK(setjmp_state_search(grid, 2, 3, opaque(99)) == -6);
  return failures != 0;
}
