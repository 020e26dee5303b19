/* Control flow that is no loop of the textbook: jumps into loops, two entries, crossing cycles. */
#include "check.h"

static int two_entries(int n, int start_inside) {
  int i = 0, sum = 0;
  if (start_inside) goto inside;
  while (i < n) {
    sum += i;
inside:
    sum = sum * 2 + 1;
    sum &= 0xfffff;
    ++i;
  }
  return sum;
}

/* a → b → c → a and a → c → b: neither cycle dominates the other. */
int goto_irreducible_cross(unsigned choices, int steps) {
  int trace = 0;
  if (choices & 1) goto c;
a:
  trace = (trace * 3 + 1) & 0xffffff;
  if (--steps < 0) return trace;
  choices = choices >> 1 | choices << 31;
  if (choices & 1) goto c;
b:
  trace = (trace * 3 + 2) & 0xffffff;
  if (--steps < 0) return trace;
  choices = choices >> 3 | choices << 29;
  if (choices & 1) goto a;
c:
  trace = (trace * 3) & 0xffffff;
  if (--steps < 0) return trace;
  choices = choices >> 5 | choices << 27;
  if (choices & 1) goto b;
  goto a;
}

static int leave_three(const int cube[3][3][3], int wanted) {
  int looked = 0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) {
        ++looked;
        if (cube[i][j][k] == wanted) goto found;
        if (cube[i][j][k] < 0) goto next_plane;
      }
next_plane:
  return -looked;
found:
  return looked;
}

static int clean_up(int fail_at) {
  int held = 0, done = 0;
  if (fail_at == 1) goto fail1;
  held |= 1;
  if (fail_at == 2) goto fail2;
  held |= 2;
  if (fail_at == 3) goto fail3;
  done = 1;
fail3:
  held &= ~2;
fail2:
  held &= ~1;
fail1:
  return done * 100 + held * 10 + fail_at;
}

int main(void) {
  int cube[3][3][3];
  for (int i = 0; i < 27; ++i) cube[i / 9][i / 3 % 3][i % 3] = i * 5 % 27;
  for (int n = 0; n < 6; ++n) printf("%d %d\n", two_entries(opaque(n), 0), two_entries(opaque(n), 1));
  CHECK(two_entries(opaque(3), 0) == ((0 * 2 + 1 + 1) * 2 + 1 + 2) * 2 + 1);
  CHECK(two_entries(opaque(0), 1) == 1 && two_entries(opaque(2), 1) == 5);
  unsigned sum = 0;
  for (unsigned seed = 1; seed < 40; seed += 3) {
    int trace = goto_irreducible_cross(seed * 2654435761u, opaque(20));
    printf("%d ", trace);
    sum = sum * 31 + (unsigned)trace;
  }
  printf("\n%u\n", sum);
  CHECK(goto_irreducible_cross(0, opaque(3)) == ((1 * 3 + 2) * 3) * 3 + 1);
  CHECK(leave_three((const int (*)[3][3])cube, opaque(10)) == 3);
  cube[1][1][1] = -1;
  CHECK(leave_three((const int (*)[3][3])cube, opaque(1000)) == -14);
  for (int i = 0; i < 4; ++i) CHECK(clean_up(opaque(i)) == (i ? i : 100));
  return failures != 0;
}
