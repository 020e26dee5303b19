/* Arrays whose size is known at run time, alloca in loops, pointers to variable arrays, stacks that grow and shrink. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

static long transpose_sum(int rows, int columns, const int (*m)[columns]) {
  int t[columns][rows];
  long sum = 0;
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) t[c][r] = m[r][c];
  for (int i = 0; i < rows * columns; ++i) sum = sum * 3 % 1000003 + (&t[0][0])[i / rows * rows + i % rows];
  return sum;
}

/* A new array in each round; the previous one must be gone, or a million rounds run out of stack. */
static unsigned many_rounds(int rounds) {
  unsigned sum = 0;
  for (int i = 1; i <= rounds; ++i) {
    unsigned char scratch[i % 97 + 64];
    memset(scratch, i, sizeof scratch);
    sum += scratch[i % 61] + (unsigned)sizeof scratch;
  }
  return sum;
}

struct link { struct link *previous; int value; };

/* Lives until the function returns, not until the block ends. */
int vla_alloca_chain(int n) {
  struct link *last = NULL;
  for (int i = 0; i < n; ++i) {
    struct link *mine = __builtin_alloca(sizeof *mine);
    mine->previous = last;
    mine->value = i;
    last = mine;
  }
  int sum = 0;
  for (; last; last = last->previous) sum = sum * 2 % 10007 + last->value;
  return sum;
}

static int side;
static int size_once(int n) { return ++side, n; }

static char *reversed(const char *text, char *out) {
  size_t n = strlen(text);
  char copy[n + 1];
  for (size_t i = 0; i < n; ++i) copy[i] = text[n - 1 - i];
  copy[n] = 0;
  return strcpy(out, copy);
}

static int nested(int depth) {
  int row[depth + 1];
  for (int i = 0; i <= depth; ++i) row[i] = i * depth;
  int below = depth > 0 ? nested(depth - 1) : 0;
  return below + row[depth] - row[0];
}

int main(void) {
  const int m[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
  long sum = transpose_sum(opaque(3), 4, m);
  printf("%ld %u\n", sum, many_rounds(opaque(200000)));
  CHECK(sum == transpose_sum(3, opaque(4), m));
  CHECK(vla_alloca_chain(opaque(0)) == 0 && vla_alloca_chain(opaque(4)) == 3 * 8 + 2 * 4 + 1 * 2);
  int a[size_once(opaque(6))];
  CHECK(side == 1 && sizeof a == 6 * sizeof(int));
  int (*p)[opaque(5)] = malloc(3 * sizeof *p);
  if (!p) return 2;
  CHECK((char *)(p + 1) - (char *)p == 5 * (int)sizeof(int));
  free(p);
  char out[32];
  CHECK(strcmp(reversed("variable", out), "elbairav") == 0 && strcmp(reversed("", out), "") == 0);
  printf("%d %d\n", vla_alloca_chain(opaque(50)), nested(opaque(20)));
  CHECK(nested(opaque(20)) == 2870);
  return failures != 0;
}
