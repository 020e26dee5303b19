/* Tail calls, accumulators, mutual recursion and calls that only look like tail calls. */
#include "check.h"
#include <stdint.h>

static uint64_t gcd(uint64_t a, uint64_t b) { return b ? gcd(b, a % b) : a; }

static unsigned is_odd(unsigned n);
static unsigned is_even(unsigned n) { return n == 0 ? 1 : is_odd(n - 1); }
static unsigned is_odd(unsigned n) { return n == 0 ? 0 : is_even(n - 1); }

/* Not a tail call: the addition comes after. Becomes a loop only with an accumulator. */
static unsigned sum_to(unsigned n) { return n == 0 ? 0 : n + sum_to(n - 1); }

static uint32_t power(uint32_t base, unsigned n) {
  if (n == 0) return 1;
  if (n % 2) return base * power(base, n - 1);
  return power(base * base, n / 2);
}

/* The subtraction does not commute: an accumulator would give another answer. */
static int alternating(int n) { return n == 0 ? 0 : n - alternating(n - 1); }

/* The address of a local is passed down, so that frames must not be reused. */
int recursion_tail_chain(int n, const int *above) {
  int mine = above ? *above + n : n;
  if (n == 0) return mine;
  return recursion_tail_chain(n - 1, &mine);
}

struct node { int value; struct node *next; };

static int ordered(const struct node *list) {
  if (!list || !list->next) return 1;
  if (list->value > list->next->value) return 0;
  return ordered(list->next);
}

static struct node *reverse(struct node *list, struct node *done) {
  if (!list) return done;
  struct node *rest = list->next;
  list->next = done;
  return reverse(rest, list);
}

static unsigned collatz(uint64_t n, unsigned steps) {
  if (n == 1) return steps;
  return n % 2 ? collatz(3 * n + 1, steps + 1) : collatz(n / 2, steps + 1);
}

int main(void) {
  struct node nodes[6];
  for (int i = 0; i < 6; ++i) nodes[i] = (struct node){i * i, i < 5 ? &nodes[i + 1] : NULL};
  printf("%u %u %u %u\n", (unsigned)gcd(1071u * (unsigned)opaque(1), 462), is_even(1001), sum_to(100), power(3, 21));
  printf("%d %d %u\n", alternating(opaque(99)), recursion_tail_chain(opaque(20), NULL), collatz(27, 0));
  CHECK(gcd((uint64_t)opaque(1071), 462) == 21);
  CHECK(is_even((unsigned)opaque(1000)) && is_odd(777) && !is_odd(10));
  CHECK(sum_to((unsigned)opaque(1000)) == 500500);
  CHECK(power(3, (unsigned)opaque(21)) == 1870418611u);
  CHECK(alternating(opaque(99)) == 50 && alternating(opaque(10)) == 5);
  CHECK(recursion_tail_chain(opaque(20), NULL) == 210);
  CHECK(ordered(&nodes[0]));
  struct node *back = reverse(&nodes[0], NULL);
  CHECK(back == &nodes[5] && !ordered(back) && back->next->value == 16);
  CHECK(collatz((uint64_t)opaque(27), 0) == 111);
  return failures != 0;
}
