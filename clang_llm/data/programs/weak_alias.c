/* Weak definitions, aliases, missing weak references, hidden and used symbols, inline functions with a body elsewhere. */
#include "check.h"
#include <string.h>

__attribute__((weak)) int weak_alias_default(int x) { return x + 1; }
extern int weak_alias_missing(int) __attribute__((weak));

int weak_alias_target(int x) { return x * 2; }
int weak_alias_other(int) __attribute__((alias("weak_alias_target")));
static int hidden_alias(int) __attribute__((alias("weak_alias_target"), unused));

__attribute__((weak)) int weak_alias_level = 3;
int weak_alias_value = 10;
extern int weak_alias_same_value __attribute__((alias("weak_alias_value")));

/* C99 inline: this body may be used here, the external one is emitted through the declaration below. */
inline int weak_alias_twice(int x) { return x + x; }
extern int weak_alias_twice(int x);

__attribute__((visibility("hidden"))) int weak_alias_hidden(const char *s) { return (int)strlen(s); }
__attribute__((used)) static int kept_for_a_debugger = 5;

static int renamed(int x) __asm__("weak_alias_renamed_symbol");
static int renamed(int x) { return x - 7; }
extern int reach_renamed(int x) __asm__("weak_alias_outer_symbol");
int reach_renamed(int x) { return renamed(x) * 3; }

typedef int (*function)(int);
/* Volatile: what is read from it may be any function. */
static volatile function chosen;

static int through(function f, int x) {
  chosen = f;
  function g = chosen;
  return g ? g(x) : -1;
}

/* Stays a call: its result may be replaced when the program is linked. */
__attribute__((weak, noinline)) const char *weak_alias_banner(void) { return "plain"; }

int main(void) {
  int x = opaque(20);
  printf("%d %d %d\n", through(weak_alias_default, x), through(weak_alias_other, x), through(hidden_alias, x));
  CHECK(through(weak_alias_default, x) == 21);
  CHECK(through(weak_alias_other, x) == 40 && through(hidden_alias, x) == 40);
  CHECK(!weak_alias_missing && through(weak_alias_missing, x) == -1);
  weak_alias_value += x;
  CHECK(weak_alias_same_value == 30 && &weak_alias_same_value == &weak_alias_value);
  weak_alias_same_value = 4;
  CHECK(weak_alias_value == 4 && weak_alias_level == 3);
  CHECK(through(weak_alias_twice, x) == 40 && weak_alias_twice(x) == 40);
  CHECK(weak_alias_hidden("four") == 4);
  CHECK(reach_renamed(x) == 39);
  puts(weak_alias_banner());
  CHECK(strcmp(weak_alias_banner(), "plain") == 0);
  return failures != 0;
}
