/* GNU C: cleanup functions on every way out of a block, statement expressions, nested blocks, early returns. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

static char trail[128];

static void leave(char *mark) {
  size_t n = strlen(trail);
  if (n + 1 < sizeof trail) trail[n] = *mark, trail[n + 1] = 0;
}
#define MARK(c) __attribute__((cleanup(leave), unused)) char mark_##c = #c[0]

static int held;
static void release(void **p) {
  if (*p) --held;
  free(*p);
}
#define MAXIMUM(a, b) ({ __typeof__(a) x_ = (a); __typeof__(b) y_ = (b); x_ > y_ ? x_ : y_; })

static int ways_out(int which) {
  MARK(a);
  for (int i = 0; i < 3; ++i) {
    MARK(b);
    if (which == i) continue;
    if (which == i + 10) break;
    if (which == i + 20) return i;
    {
      MARK(c);
      if (which == 30) goto out;
    }
  }
  {
    MARK(d);
    return -1;
  }
out:
  return -2;
}

/* The result is computed before the clean-up spoils what it was computed from. */
static void spoil(int *p) { *p = -1000; }
static int returned(int x) {
  __attribute__((cleanup(spoil))) int local = x * 2;
  return local + 1;
}

int scope_cleanup_copy(const char *text, int limit) {
  __attribute__((cleanup(release))) void *memory = malloc(strlen(text) + 1);
  if (!memory) return -1;
  ++held;
  if ((int)strlen(text) > limit) return -2;
  strcpy(memory, text);
  __attribute__((cleanup(release))) void *second = NULL;
  if (text[0] == '!') return -3;
  second = strcpy(malloc(64), "second");
  ++held;
  return (int)strlen(memory) * 10 + held;
}

int main(void) {
  const int ways[] = {7, 0, 10, 11, 20, 21, 30};
  for (int i = 0; i < 7; ++i) {
    trail[0] = 0;
    int result = ways_out(opaque(ways[i]));
    printf("%d: %d %s\n", ways[i], result, trail);
    if (ways[i] == 21) CHECK(strcmp(trail, "cbba") == 0 && result == 1);
    if (ways[i] == 30) CHECK(strcmp(trail, "cba") == 0 && result == -2);
    if (ways[i] == 0) CHECK(strcmp(trail, "bcbcbda") == 0);
  }
  CHECK(returned(opaque(20)) == 41);
  CHECK(scope_cleanup_copy("word", opaque(10)) == 42 && scope_cleanup_copy("too long", opaque(3)) == -2);
  CHECK(scope_cleanup_copy("!", opaque(3)) == -3 && held == 0);
  int n = opaque(3), evaluated = 0;
  int largest = MAXIMUM(n, ({ ++evaluated; n * 2; }));
  CHECK(largest == 6 && evaluated == 1);
  return failures != 0;
}
