/* Constructors and destructors of the C kind: their priorities, what runs before main and after it. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

static char trail[32], farewell[32];
static int ran_main;

static void append(char *to, char c) {
  size_t n = strlen(to);
  to[n] = c;
  to[n + 1] = 0;
}

#define BEFORE(name, priority, letter) \
  __attribute__((constructor(priority))) static void name(void) { append(trail, letter); }
BEFORE(third, 1030, 'c')
BEFORE(first, 1010, 'a')
BEFORE(second, 1020, 'b')
__attribute__((constructor)) static void last(void) { append(trail, 'd'); }
/* The same body as another one; both have to run. */
BEFORE(third_again, 1031, 'c')

#define AFTER(name, priority, letter)                             \
  __attribute__((destructor(priority))) static void name(void) {  \
    if (ran_main) append(farewell, letter);                       \
  }
AFTER(leave_last, 1040, 'z')
AFTER(leave_first, 1060, 'x')
AFTER(leave_second, 1050, 'y')
__attribute__((destructor)) static void leave_before(void) {
  if (ran_main) append(farewell, 'w');
}

static void at_exit_late(void) { append(farewell, '2'); }
static void at_exit_early(void) { append(farewell, '1'); }

/* Runs after all the others; only here can it be told whether they ran. */
__attribute__((destructor(1001))) static void judge(void) {
  if (!ran_main) return;
  printf("%s\n", farewell);
  fflush(stdout);
  if (strcmp(farewell, "12wxyz") != 0) _Exit(3);
}

/* Constructors that nobody needs may be computed away, but not before those that they depend on. */
static int computed;
__attribute__((constructor(1025))) static void compute(void) { computed = (int)strlen(trail) * 100 + opaque(5); }

int main(void) {
  ran_main = opaque(1);
  atexit(at_exit_late);
  atexit(at_exit_early);
  printf("%s %d\n", trail, computed);
  CHECK(strcmp(trail, "abccd") == 0);
  CHECK(computed == 205);
  return failures != 0;
}
