/* Functions whose body is chosen when the program starts: ifunc resolvers, called directly and through pointers. */
#include "check.h"

#if defined(__x86_64__) && defined(__GLIBC__)
#define PLAIN __attribute__((no_sanitize("address", "undefined")))

static int slow_square(int x) {
  int sum = 0;
  for (int i = 0; i < x; ++i) sum += x;
  return sum;
}
static int fast_square(int x) { return x * x; }
static int cube(int x) { return x * x * x; }

typedef int (*function)(int);
/* Before relocation: no calls of the library, no globals that need one. */
PLAIN static function choose_square(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse2") ? fast_square : slow_square;
}
PLAIN static function choose_cube(void) { return cube; }
PLAIN static function choose_same(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse2") ? fast_square : slow_square;
}

int ifunc_resolver_square(int) __attribute__((ifunc("choose_square")));
int ifunc_resolver_cube(int) __attribute__((ifunc("choose_cube")));
static int same(int) __attribute__((ifunc("choose_same")));

static const function table[] = {ifunc_resolver_square, ifunc_resolver_cube, same, slow_square};

static int sum(function f, int n) {
  int total = 0;
  for (int i = 1; i <= n; ++i) total += f(i);
  return total;
}

int main(void) {
  for (int i = 0; i < 4; ++i) printf("%d\n", sum(table[opaque(i)], opaque(10)));
  CHECK(ifunc_resolver_square(opaque(12)) == 144 && ifunc_resolver_cube(opaque(3)) == 27 && same(opaque(5)) == 25);
  CHECK(sum(ifunc_resolver_square, 10) == 385 && sum(table[opaque(1)], 10) == 3025 && sum(same, opaque(3)) == 14);
  CHECK(table[opaque(0)] == table[opaque(0) * 2] && table[opaque(1)] != table[opaque(0)]);
#else
int main(void) {
  puts("no ifunc");
#endif
  return failures != 0;
}
