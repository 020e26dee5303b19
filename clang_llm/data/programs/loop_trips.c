/* Loops with unusual trip counts: none, one, past a wrap-around, by two exits, downwards, never ending but left. */
#include "check.h"
#include <limits.h>
#include <stdint.h>

static unsigned wrap_up(uint8_t from, uint8_t to) {
  unsigned rounds = 0;
  for (uint8_t i = from; i != to; ++i) ++rounds;
  return rounds;
}

static unsigned down_to_zero(unsigned n) {
  unsigned sum = 0;
  while (n-- > 0) sum += n;
  return sum * 10 + (n == UINT_MAX);
}

static int do_once(int n) {
  int rounds = 0;
  do ++rounds;
  while (--n > 0);
  return rounds;
}

static int by_steps(int from, int to, int step) {
  int rounds = 0;
  for (int i = from; step > 0 ? i < to : i > to; i += step) ++rounds;
  return rounds;
}

int loop_trips_two_exits(const int *a, int n, int limit) {
  int sum = 0, i;
  for (i = 0; i < n; ++i) {
    sum += a[i];
    if (sum > limit) break;
    if (a[i] < 0) continue;
    sum += i & 1;
  }
  return i == n ? -sum : i * 100 + sum;
}

static int inner_break(int n) {
  int met = 0;
  for (int i = 0; i < n; ++i) {
    for (int j = i; j < n; ++j) {
      if ((i * j) % 7 == 6) break;
      if (i + j > 12) goto out;
      met += i ^ j;
    }
  }
out:
  return met;
}

static uint64_t at_the_edge(uint64_t from) {
  uint64_t rounds = 0;
  for (uint64_t i = from; i >= from; i += 3) ++rounds; /* ends by wrapping around */
  return rounds;
}

static int pointers(const char *s) {
  const char *end = s, *p;
  while (*end) ++end;
  int same = 0;
  for (p = s; p < end && p < --end; ++p) same += *p == *end;
  return same;
}

static int shrinking(int *set, int n) {
  int removed = 0;
  for (int i = 0; i < n;) {
    if (set[i] % 3 == 0) {
      set[i] = set[--n];
      ++removed;
    } else {
      ++i;
    }
  }
  return removed * 100 + n;
}

int main(void) {
  printf("%u %u %u\n", wrap_up(250, (uint8_t)opaque(4)), wrap_up(5, 5), wrap_up(5, (uint8_t)opaque(4)));
  CHECK(wrap_up(250, (uint8_t)opaque(4)) == 10 && wrap_up((uint8_t)opaque(5), 4) == 255);
  CHECK(down_to_zero((unsigned)opaque(0)) == 1 && down_to_zero((unsigned)opaque(10)) == 451);
  CHECK(do_once(opaque(-5)) == 1 && do_once(opaque(1)) == 1 && do_once(opaque(6)) == 6);
  CHECK(by_steps(0, opaque(10), 3) == 4 && by_steps(10, 0, opaque(-4)) == 3 && by_steps(opaque(3), 3, 1) == 0);
  int a[] = {1, 2, -3, 4, 50, 6};
  printf("%d %d %d\n", loop_trips_two_exits(a, 6, 20), loop_trips_two_exits(a, opaque(0), 0), loop_trips_two_exits(a, 6, 999));
  CHECK(loop_trips_two_exits(a, opaque(6), 20) == 456 && loop_trips_two_exits(a, opaque(6), 999) == -63);
  printf("%d\n", inner_break(opaque(9)));
  CHECK(inner_break(opaque(0)) == 0 && inner_break(opaque(1)) == 0 && inner_break(2) == 1);
  CHECK(at_the_edge(UINT64_MAX - (uint64_t)opaque(7)) == 3);
  CHECK(pointers("abcdcxa") == 2 && pointers("") == 0 && pointers("x") == 0);
  int set[] = {3, 1, 6, 9, 2, 12, 7};
  CHECK(shrinking(set, opaque(7)) == 403 && set[1] == 1);
  return failures != 0;
}
