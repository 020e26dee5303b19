/* Recursion with backtracking, arrays in frames, memo tables and functions passed to themselves. */
#include "check.h"
#include <string.h>

static int ackermann(int m, int n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static int queens(int n, int row, unsigned columns, unsigned left, unsigned right) {
  if (row == n) return 1;
  int count = 0;
  for (unsigned free = ~(columns | left | right) & ((1u << n) - 1); free; free &= free - 1) {
    unsigned bit = free & -free;
    count += queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return count;
}

static int moves;
static void hanoi(int n, int pegs[3][12], int heights[3], int from, int to) {
  if (n == 0) return;
  int other = 3 - from - to;
  hanoi(n - 1, pegs, heights, from, other);
  int disc = pegs[from][--heights[from]];
  CHECK(heights[to] == 0 || pegs[to][heights[to] - 1] > disc);
  pegs[to][heights[to]++] = disc;
  ++moves;
  hanoi(n - 1, pegs, heights, other, to);
}

typedef long (*visitor)(const char *text, long so_far);

static long mix(const char *text, long so_far) { return (so_far * 131 + text[0] * 7 + text[2]) % 1000003; }

long recursion_deep_permute(char *text, int at, visitor visit, long so_far) {
  if (!text[at]) return visit(text, so_far);
  for (int i = at; text[i]; ++i) {
    char local[8];
    memcpy(local, text, sizeof local);
    local[at] = text[i];
    local[i] = text[at];
    so_far = recursion_deep_permute(local, at + 1, visit, so_far);
  }
  return so_far;
}

static unsigned memo[64][64];
static unsigned paths(unsigned r, unsigned c) {
  if (r == 0 || c == 0) return 1;
  if (!memo[r][c]) memo[r][c] = paths(r - 1, c) + paths(r, c - 1);
  return memo[r][c];
}

int main(void) {
  int pegs[3][12] = {{8, 7, 6, 5, 4, 3, 2, 1}}, heights[3] = {8, 0, 0};
  printf("%d %d %d\n", ackermann(2, opaque(5)), queens(opaque(6), 0, 0, 0, 0), queens(opaque(8), 0, 0, 0, 0));
  CHECK(ackermann(opaque(2), 5) == 13 && ackermann(2, opaque(3)) == 9);
  CHECK(queens(6, 0, 0, 0, 0) == 4 && queens(opaque(7), 0, 0, 0, 0) == 40);
  hanoi(opaque(8), pegs, heights, 0, 2);
  CHECK(moves == 255 && heights[2] == 8 && pegs[2][0] == 8 && pegs[2][7] == 1);
  char text[8] = "abcdef";
  long mixed = recursion_deep_permute(text, 0, mix, opaque(1));
  printf("%ld %u\n", mixed, paths(12, 12));
  CHECK(strcmp(text, "abcdef") == 0);
  CHECK(paths((unsigned)opaque(12), 12) == 2704156);
  return failures != 0;
}
