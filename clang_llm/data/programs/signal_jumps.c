/* siglongjmp out of signal handlers: after faults on a page, from a stack of their own, with the mask restored. */
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t handled, on_own_stack;
static char *stack_of_signals;
enum { STACK = 1 << 16 };
static volatile char *guarded;

static void on_signal(int number) {
  char *here = __builtin_frame_address(0);
  handled = handled + 1;
  on_own_stack = here >= stack_of_signals && here < stack_of_signals + STACK;
  siglongjmp(back, number == SIGUSR1 ? 100 : 200);
}

/* The values before sigsetjmp live on after it; nothing of them changes in between. */
__attribute__((noinline)) int signal_jumps_probe(volatile char *p, int a, int b) {
  int product = a * b, difference = a - b;
  int code = sigsetjmp(back, 1);
  if (code == 0) {
    char c = *p;
    return product + c;
  }
  return code + product * 2 + difference;
}

static int rounds(int n) {
  volatile int sum = 0;
  for (volatile int i = 0; i < n; i = i + 1) {
    if (sigsetjmp(back, 1) == 0) {
      if (i % 2) raise(SIGUSR1);
      sum = sum + 1;
    } else {
      sum = sum + 1000;
    }
  }
  return sum;
}

static int blocked(int number) {
  sigset_t now;
  sigprocmask(SIG_SETMASK, NULL, &now);
  return sigismember(&now, number);
}

static int deep(int n) {
  volatile int here = n;
  if (n == 0) raise(SIGUSR1);
  int r = deep(n - 1) + here;
  return r + here;
}

int main(void) {
  stack_of_signals = malloc(STACK);
  long page = sysconf(_SC_PAGESIZE);
  guarded = mmap(NULL, (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!stack_of_signals || guarded == MAP_FAILED) return 2;
  stack_t own, before;
  memset(&own, 0, sizeof own);
  own.ss_sp = stack_of_signals;
  own.ss_size = STACK;
  CHECK(sigaltstack(&own, &before) == 0);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  volatile char fine = 5;
  int good = signal_jumps_probe(&fine, opaque(6), 7), bad = signal_jumps_probe(guarded, opaque(6), opaque(7));
  printf("%d %d %d\n", good, bad, (int)handled);
  CHECK(good == 47 && bad == 200 + 84 - 1 && handled == 1 && on_own_stack == 1);
  CHECK(!blocked(SIGSEGV) && !blocked(SIGUSR1));
  int r = rounds(opaque(7));
  printf("%d %d\n", r, (int)handled);
  CHECK(r == 3004 && handled == 4 && !blocked(SIGUSR1));
  if (sigsetjmp(back, 1) == 0) CHECK(deep(opaque(50)) == -1);
  CHECK(handled == 5 && on_own_stack == 1);
  own.ss_flags = SS_DISABLE;
  CHECK(sigaltstack(&own, NULL) == 0);
  munmap((void *)guarded, (size_t)page);
  free(stack_of_signals);
  return failures != 0;
}
