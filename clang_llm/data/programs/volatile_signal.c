/* Signal handlers that change volatile objects, the order of volatile accesses, handlers that jump. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <setjmp.h>
#include <signal.h>

static volatile sig_atomic_t caught, last;
static volatile int stage;
static sigjmp_buf back;

static void note(int number) {
  caught = caught + 1;
  last = number;
  stage = stage * 10 + (int)caught;
}

static void escape(int number) { siglongjmp(back, number == SIGUSR2 ? 2 : 3); }

static int wait_for(volatile sig_atomic_t *flag, int wanted) {
  int spins = 0;
  while (*flag < wanted) {
    raise(SIGUSR1);
    if (++spins > 100) return -1;
  }
  return spins;
}

/* Reads twice on purpose: the handler runs between the reads. */
int volatile_signal_delta(volatile int *where) {
  int before = *where;
  raise(SIGUSR1);
  int after = *where;
  return after - before;
}

static int landings(void) {
  volatile int landed = 0;
  int code = sigsetjmp(back, 1);
  landed = landed * 10 + code;
  if (landed < 200) raise(landed == 0 ? SIGUSR2 : SIGUSR2);
  return landed;
}

int main(void) {
  struct sigaction action = {.sa_handler = note};
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
  int spins = wait_for(&caught, opaque(3));
  printf("%d %d %d\n", spins, (int)caught, stage);
  CHECK(spins == 3 && stage == 123 && last == SIGUSR1);
  stage = 7;
  int delta = volatile_signal_delta(&stage);
  CHECK(delta == 74 - 7);
  struct sigaction jumping = {.sa_handler = escape};
  sigemptyset(&jumping.sa_mask);
  sigaction(SIGUSR2, &jumping, NULL);
  int landed = landings();
  printf("%d\n", landed);
  CHECK(landed == 222);
  sigset_t blocked, pending;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  sig_atomic_t before = caught;
  raise(SIGUSR1);
  sigpending(&pending);
  CHECK(caught == before && sigismember(&pending, SIGUSR1));
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  CHECK(caught == before + 1);
  printf("%d\n", (int)caught);
  return failures != 0;
}
