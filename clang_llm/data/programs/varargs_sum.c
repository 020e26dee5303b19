/* Variable arguments of many types and more of them than there are registers. */
#include "check.h"
#include <stdarg.h>
#include <stdint.h>

struct small { char c; short s; };
struct large { long a[4]; double d; };

static double mixed(const char *types, ...) {
  va_list args;
  double sum = 0;
  va_start(args, types);
  for (; *types; ++types) {
    switch (*types) {
      case 'i': sum += va_arg(args, int); break;
      case 'l': sum += (double)va_arg(args, int64_t); break;
      case 'd': sum += va_arg(args, double); break;
      case 'p': sum += *va_arg(args, const int *); break;
      case 's': {
        struct small small = va_arg(args, struct small);
        sum += small.c * 100 + small.s;
        break;
      }
      case 'L': {
        struct large large = va_arg(args, struct large);
        sum += (double)(large.a[0] + large.a[3]) + large.d;
        break;
      }
      default: sum = -1e9;
    }
  }
  va_end(args);
  return sum;
}

int varargs_sum_count(int first, ...) {
  va_list args;
  int n = 0;
  va_start(args, first);
  for (int x = first; x >= 0; x = va_arg(args, int)) ++n;
  va_end(args);
  return n;
}

static int none(int fixed, ...) { return fixed * 2; }

int main(void) {
  int seven = opaque(7);
  struct small s = {1, 2};
  struct large l = {{1, 2, 3, 4}, 0.5};
  double a = mixed("iiiiiiii", 1, 2, 3, 4, 5, 6, 7, 8);
  double b = mixed("dddddddddd", .5, .5, .5, .5, .5, .5, .5, .5, .5, .25);
  double c = mixed("idlpsLidp", 1, 2.5, INT64_C(1) << 40, &seven, s, l, -3, -0.125, &seven);
  printf("%g %g %.3f\n", a, b, c);
  CHECK(a == 36);
  CHECK(b == 4.75);
  CHECK(c == 1 + 2.5 + 1099511627776.0 + 7 + 102 + 5.5 - 3 - 0.125 + 7);
  CHECK(mixed("") == 0);
  CHECK(varargs_sum_count(1, 2, 3, 4, 5, 6, 7, 8, 9, -1) == 9);
  CHECK(varargs_sum_count(opaque(-1)) == 0);
  CHECK(none(seven) == 14 && none(seven, 1.0, "unused", s) == 14);
  int (*through)(int, ...) = seven == 7 ? varargs_sum_count : none;
  CHECK(through(0, 0, -5) == 2);
  return failures != 0;
}
