/* What every program of the suite uses. A failed check is printed and counted; main returns whether there was one. */
#include <stdio.h>

static int failures;

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) {                                      \
      printf("line %d: not so: %s\n", __LINE__, #condition); \
      ++failures;                                            \
    }                                                        \
  } while (0)

/* A value that no optimisation knows at compile time. */
__attribute__((unused)) static int opaque(int value) {
  volatile int hidden = value;
  return hidden;
}
