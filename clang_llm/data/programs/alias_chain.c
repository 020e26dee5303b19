/* Aliases of aliases, weak ones beside strong ones, weakref, hidden and protected names, all of one body or object. */
#include "check.h"

__attribute__((noinline)) int alias_chain_base(int x) { return x * 5 + 2; }
int alias_chain_one(int) __attribute__((alias("alias_chain_base")));
int alias_chain_two(int) __attribute__((alias("alias_chain_one")));
int alias_chain_weak(int) __attribute__((weak, alias("alias_chain_two")));
int alias_chain_hidden(int) __attribute__((alias("alias_chain_base"), visibility("hidden")));
static int local(int) __attribute__((alias("alias_chain_weak"), unused));

/* The same body, another function. */
__attribute__((noinline)) int alias_chain_other(int x) { return x * 5 + 2; }
__attribute__((noinline)) static int hidden_twin(int x) { return x * 5 + 2; }
__attribute__((visibility("protected"))) int alias_chain_protected(int x) { return alias_chain_two(x) + 1; }

static int referred(int) __attribute__((weakref("alias_chain_nowhere")));
static int found(int) __attribute__((weakref("alias_chain_other")));

int alias_chain_data[3] = {1, 2, 3};
extern int alias_chain_data_again[3] __attribute__((alias("alias_chain_data")));
extern int alias_chain_data_read[3] __attribute__((weak, alias("alias_chain_data_again")));

/* A weak body that some other module could replace: no caller may know what it does. */
__attribute__((weak)) int alias_chain_replaceable(int x) { return x + 1; }
__attribute__((weak)) int alias_chain_replaceable_too(int x) { return x + 1; }

typedef int (*function)(int);
static const function same[] = {alias_chain_base, alias_chain_one, alias_chain_two, alias_chain_weak, alias_chain_hidden, local};
static const function others[] = {alias_chain_other, hidden_twin, alias_chain_protected, alias_chain_replaceable,
                                  alias_chain_replaceable_too};

__attribute__((noinline)) static int changed_between(int *p, int by) {
  int before = alias_chain_data_again[1];
  p[1] += by;
  return alias_chain_data[1] - before;
}

int main(void) {
  for (int i = 0; i < 6; ++i) {
    CHECK(same[opaque(i)](i) == i * 5 + 2 && same[opaque(i)] == same[opaque(0)]);
    for (int j = 0; j < 5; ++j) CHECK(same[opaque(i)] != others[opaque(j)]);
  }
  for (int i = 0; i < 5; ++i) {
    printf("%d\n", others[opaque(i)](opaque(10)));
    for (int j = 0; j < i; ++j) CHECK(others[opaque(i)] != others[opaque(j)]);
  }
  CHECK(!referred && found && found(opaque(2)) == 12 && found == alias_chain_other);
  CHECK(alias_chain_protected(opaque(1)) == 8 && alias_chain_replaceable(opaque(4)) == 5);
  CHECK(changed_between(alias_chain_data, opaque(5)) == 5 && changed_between(alias_chain_data_again, opaque(3)) == 3);
  alias_chain_data[2] = opaque(9);
  CHECK(alias_chain_data_read[2] == 9 && alias_chain_data_again[1] == 10);
  alias_chain_data_again[0] = opaque(4);
  CHECK(alias_chain_data[0] == 4 && alias_chain_data_read[0] == 4);
  printf("%d %d %d\n", alias_chain_data[0], alias_chain_data_again[1], alias_chain_data_read[2]);
  return failures != 0;
}
