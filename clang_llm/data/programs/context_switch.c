/* Contexts that return twice: getcontext and setcontext, and coroutines on stacks of their own. */
#include "check.h"
#include <stdlib.h>

#ifdef __GLIBC__
#include <ucontext.h>

static ucontext_t main_context, producer_context, consumer_context;
static int slot, sum, finished;
static volatile int visits;

static void producer(void) {
  int a = 0, b = 1;
  for (int i = 0; i < 12; ++i) {
    slot = a;
    int next = a + b;
    a = b;
    b = next;
    swapcontext(&producer_context, &consumer_context);
  }
  slot = -1;
  finished = a;
}

static void consumer(int scale) {
  double weight = scale;
  while (slot >= 0) {
    sum += slot * (int)weight;
    weight += 0.5;
    swapcontext(&consumer_context, &producer_context);
  }
}

/* Comes back to getcontext several times; only the volatile one changes in between. */
__attribute__((noinline)) int context_switch_again(int limit) {
  ucontext_t here;
  volatile int rounds = 0;
  int kept = limit * 11;
  getcontext(&here);
  rounds = rounds + 1;
  visits = visits + kept;
  if (rounds < limit) setcontext(&here);
  return rounds * 1000 + kept;
}

static void prepare(ucontext_t *c, char *stack, size_t size, void (*entry)(void), ucontext_t *next, int argument) {
  getcontext(c);
  c->uc_stack.ss_sp = stack;
  c->uc_stack.ss_size = size;
  c->uc_link = next;
  if (argument) makecontext(c, entry, 1, argument);
  else makecontext(c, entry, 0);
}

/* What makecontext wants is a function of no arguments; the one it calls takes what it was given. */
static void consumer_entry(void) { consumer(3); }

int main(void) {
  int r = context_switch_again(opaque(5));
  printf("%d %d\n", r, visits);
  CHECK(r == 5055 && visits == 5 * 55);
  enum { SIZE = 1 << 16 };
  char *stacks = malloc(2 * SIZE);
  if (!stacks) return 2;
  prepare(&producer_context, stacks, SIZE, producer, &consumer_context, 0);
  prepare(&consumer_context, stacks + SIZE, SIZE, consumer_entry, &main_context, 0);
  int live = opaque(17);
  swapcontext(&main_context, &producer_context);
  printf("%d %d %d\n", sum, finished, live);
  CHECK(finished == 144 && live == 17);
  CHECK(sum == 1 * 3 + 1 * 4 + 2 * 4 + 3 * 5 + 5 * 5 + 8 * 6 + 13 * 6 + 21 * 7 + 34 * 7 + 55 * 8 + 89 * 8);
  free(stacks);
#else
int main(void) {
  puts("no contexts");
#endif
  return failures != 0;
}
