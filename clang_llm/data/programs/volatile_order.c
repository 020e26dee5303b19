/* The order of volatile accesses, seen by page faults: each page is touched for the first time when its access comes. */
#include "check.h"
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 8 };
static unsigned char *base;
static long page;
static volatile int order[64];
static volatile sig_atomic_t touched;

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  long which = ((unsigned char *)info->si_addr - base) / page;
  if (which < 0 || which >= PAGES || touched >= 64) _exit(9);
  order[touched] = (int)which;
  touched = touched + 1;
  mprotect(base + which * page, (size_t)page, PROT_READ | PROT_WRITE);
}

static volatile int *cell(int which) { return (volatile int *)(void *)(base + which * page + 64); }

static void close_all(void) {
  touched = 0;
  mprotect(base, (size_t)(PAGES * page), PROT_NONE);
}

static int order_is(const char *wanted) {
  char got[65];
  int n = touched;
  for (int i = 0; i < n; ++i) got[i] = (char)('0' + order[i]);
  got[n] = 0;
  printf("%s\n", got);
  return strcmp(got, wanted) == 0;
}

__attribute__((noinline)) int volatile_order_straight(volatile int *a, volatile int *b, volatile int *c, volatile int *d) {
  *c = 5;
  int x = *a;
  *b = x;
  *d = 7;
  return x;
}
/* The same stores on both sides, in another order; they may not be hoisted into one. */
__attribute__((noinline)) void volatile_order_branch(int way, volatile int *a, volatile int *b, volatile int *c) {
  if (way) {
    *a = 1;
    *b = 2;
    *c = 3;
  } else {
    *c = 3;
    *b = 2;
    *a = 1;
  }
}
/* Results nobody needs are read all the same, and in a loop each time. */
__attribute__((noinline)) void volatile_order_loop(int n) {
  for (int i = 0; i < n; ++i) {
    (void)*cell((i * 3) % PAGES);
    if (i == 4) *cell(0) = i;
  }
}
__attribute__((noinline)) int volatile_order_sum(volatile int *a, volatile int *b, int use) {
  int x = *b; /* needed on one way only; not as an operand of a conditional move: LLVM 14 to 19 would read it there only */
  int y = *a;
  return use ? x * 5 - y : y;
}

int main(void) {
  page = sysconf(_SC_PAGESIZE);
  base = mmap(NULL, (size_t)(PAGES * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 2;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  CHECK(volatile_order_straight(cell(0), cell(1), cell(2), cell(3)) == 0 && order_is("2013"));
  CHECK(*cell(2) == 5 && *cell(3) == 7);
  close_all();
  volatile_order_branch(opaque(1), cell(4), cell(5), cell(6));
  CHECK(order_is("456"));
  close_all();
  volatile_order_branch(opaque(0), cell(4), cell(5), cell(6));
  CHECK(order_is("654") && *cell(5) == 2);
  close_all();
  volatile_order_loop(opaque(8));
  CHECK(order_is("03614725") && *cell(0) == 4);
  close_all();
  CHECK(volatile_order_sum(cell(7), cell(3), opaque(0)) == 0 && order_is("37"));
  munmap(base, (size_t)(PAGES * page));
  return failures != 0;
}
