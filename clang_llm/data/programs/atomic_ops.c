/* Atomic operations of several widths, compare-and-swap loops, a spin lock between threads. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

static atomic_int counter;
static _Atomic uint64_t wide = UINT64_C(0xfffffffffffffff0);
static _Atomic unsigned char small;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static long guarded;
static _Atomic(struct node *) stack;

struct node { struct node *next; int value; };

static void push(struct node *n) {
  n->next = atomic_load(&stack);
  while (!atomic_compare_exchange_weak(&stack, &n->next, n)) {
  }
}

int atomic_ops_maximum(atomic_int *where, int value) {
  int seen = atomic_load(where), tries = 0;
  while (seen < value && !atomic_compare_exchange_strong(where, &seen, value)) ++tries;
  return tries;
}

static struct node nodes[4][50];

static void *work(void *argument) {
  int id = *(int *)argument;
  for (int i = 0; i < 50; ++i) {
    nodes[id][i].value = id * 100 + i;
    push(&nodes[id][i]);
    atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
    atomic_fetch_xor(&small, (unsigned char)(1 << id));
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
    }
    guarded += i;
    atomic_flag_clear_explicit(&busy, memory_order_release);
    atomic_fetch_add(&wide, 1);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[4];
  int ids[] = {0, 1, 2, 3};
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, work, &ids[i]);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  int found = 0;
  long values = 0;
  for (struct node *n = atomic_load(&stack); n; n = n->next) {
    ++found;
    values += n->value;
  }
  printf("%d %ld %ld %u\n", found, values, guarded, (unsigned)small);
  CHECK(counter == 200 && found == 200 && values == 50 * 600 + 4 * 1225 && guarded == 4 * 1225);
  CHECK(wide == 184 && small == 0);
  atomic_int top = opaque(5);
  atomic_ops_maximum(&top, 3);
  CHECK(top == 5);
  atomic_ops_maximum(&top, opaque(9));
  CHECK(top == 9);
  int expected = 8;
  CHECK(!atomic_compare_exchange_strong(&top, &expected, 1) && expected == 9);
  CHECK(atomic_exchange(&top, opaque(2)) == 9 && atomic_fetch_sub(&top, 5) == 2 && top == -3);
  CHECK(atomic_fetch_or(&top, 1) == -3 && atomic_fetch_and(&top, 0xf) == -3 && top == 13);
  unsigned char before = atomic_fetch_sub(&small, 1);
  CHECK(before == 0 && small == 255);
  return failures != 0;
}
