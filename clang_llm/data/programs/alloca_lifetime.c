/* How long stack memory lives: alloca until its function returns, also when that is inlined; arrays until their block ends. */
#include "check.h"
#include <string.h>

/* Takes 16 KiB each time: if it were not given back, 20000 rounds would end in a fault. */
static int taken(int n) {
  unsigned char *area = __builtin_alloca(16384);
  memset(area, n, 64);
  area[16383] = (unsigned char)(n >> 3);
  return area[n & 63] + area[16383];
}

static unsigned many(int rounds) {
  unsigned sum = 0;
  for (int i = 0; i < rounds; ++i) sum += (unsigned)taken(i);
  return sum;
}

/* The chain is in memory of this function; the helper that fills it must not own it. */
struct node { struct node *next; int value; };
__attribute__((noinline)) static struct node *fill(struct node *n, struct node *next, int value) {
  n->next = next;
  n->value = value;
  return n;
}
int alloca_lifetime_chain(int n) {
  struct node *first = NULL;
  for (int i = 0; i < n; ++i) first = fill(__builtin_alloca(sizeof *first), first, i * i);
  int sum = 0, place = 1;
  for (struct node *each = first; each; each = each->next) sum += each->value * place++;
  return sum;
}

/* A variable array that goes out of its block by goto, continue and break, over and over. */
static unsigned ways_out(int rounds) {
  unsigned sum = 0;
  int i = 0;
again:
  while (i < rounds) {
    unsigned char block[4096 + (i & 15)];
    block[0] = (unsigned char)i;
    block[sizeof block - 1] = (unsigned char)(i >> 4);
    ++i;
    sum += block[0];
    if (i % 3 == 0) continue;
    if (i % 5 == 0) goto again;
    sum += block[sizeof block - 1];
  }
  return sum;
}

/* Both kinds at once: the array's end must not take away the alloca that came before it. */
static int both(int n) {
  char *kept = __builtin_alloca((unsigned)n + 1);
  for (int i = 0; i < n; ++i) {
    char block[i + 8];
    memset(block, 'a' + i, sizeof block);
    kept[i] = block[i / 2];
  }
  kept[n] = 0;
  return (int)strlen(kept) * 1000 + kept[n - 1];
}

static int in_turn(int depth, int *outer) {
  int block[depth + 1];
  block[depth] = *outer + depth;
  *outer += 1;
  return depth ? in_turn(depth - 1, &block[depth]) + block[depth] : block[0];
}

int main(void) {
  unsigned sum = many(opaque(20000)), wanted = 0;
  for (int i = 0; i < 20000; ++i) wanted += (unsigned)(i & 255) + (unsigned)(i >> 3 & 255);
  printf("%u\n", sum);
  CHECK(sum == wanted);
  CHECK(alloca_lifetime_chain(opaque(5)) == 16 + 9 * 2 + 4 * 3 + 1 * 4 && alloca_lifetime_chain(opaque(0)) == 0);
  sum = ways_out(opaque(30000));
  printf("%u\n", sum);
  CHECK(both(opaque(9)) == 9000 + 'i');
  int start = opaque(1);
  int total = in_turn(opaque(30), &start);
  printf("%d %d\n", total, start);
  CHECK(start == 2 && total > 0);
  return failures != 0;
}
