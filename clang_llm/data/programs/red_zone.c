/* Leaf functions with locals below the stack pointer, interrupted by signals whose handlers use the same stack. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupts;
static volatile int stop;
static pthread_t main_thread;

static void on_signal(int number) {
  volatile char area[512];
  for (unsigned i = 0; i < sizeof area; ++i) area[i] = (char)(0x80 + number);
  interrupts = interrupts + (area[17] != 0);
}

static void *disturb(void *unused) {
  for (int i = 0; i < 400 && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); ++i) {
    pthread_kill(main_thread, SIGUSR1);
    sched_yield();
  }
  return unused;
}

/* Volatile, so that the array is in memory and not in registers. */
__attribute__((noinline)) unsigned red_zone_leaf(unsigned seed) {
  volatile unsigned cells[12];
  for (unsigned i = 0; i < 12; ++i) cells[i] = seed + i;
  for (unsigned round = 0; round < 200; ++round)
    for (unsigned i = 0; i < 12; ++i) cells[i] = cells[i] * 5 + cells[(i + 5) % 12];
  unsigned h = 0;
  for (unsigned i = 0; i < 12; ++i) h = h * 31 + cells[i];
  return h;
}

__attribute__((noinline)) static long spilling(long a, long b, long c, long d, long e, long f) {
  volatile long small[3] = {a, b, c};
  long p = a * b, q = b * c, r = c * d, s = d * e, t = e * f, u = f * a, v = a + f, w = b + e;
  for (int i = 0; i < 100; ++i) {
    p = (p * 3 + q) % 10007, q = (q * 5 + r) % 10007, r = (r * 7 + s) % 10007, s = (s + t) % 10007;
    t = (t * 11 + u) % 10007, u = (u + v) % 10007, v = (v * 13 + w) % 10007, w = (w + p + small[i % 3]) % 10007;
    small[i % 3] = small[(i + 1) % 3] ^ (w & 3);
  }
  return p ^ q << 1 ^ r << 2 ^ s << 3 ^ t << 4 ^ u << 5 ^ v << 6 ^ w << 7;
}

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  main_thread = pthread_self();
  unsigned quiet = red_zone_leaf((unsigned)opaque(7));
  long calm = spilling(opaque(1), 2, 3, 4, 5, opaque(6));
  pthread_t other;
  CHECK(pthread_create(&other, NULL, disturb, NULL) == 0);
  int different = 0;
  /* Until some of them came, and not for ever: a machine with one processor may deliver them late. */
  for (int i = 0; i < 20000 && (i < 50 || interrupts < 50); ++i) {
    different += red_zone_leaf((unsigned)opaque(7)) != quiet;
    different += spilling(opaque(1), 2, 3, 4, 5, opaque(6)) != calm;
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
  pthread_join(other, NULL);
  printf("%x %ld %d\n", quiet, calm, different);
  CHECK(different == 0);
  CHECK(interrupts > 0);
  return failures != 0;
}
