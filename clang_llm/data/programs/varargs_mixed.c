/* Variable arguments of every class, more than there are registers, handed on through va_list, copied and read twice. */
#include "check.h"
#include <stdarg.h>
#include <string.h>

struct small { int a, b; };
struct mixed { double d; long n; };
struct large { char name[40]; int n; };

static double total(const char *kinds, va_list args) {
  double sum = 0;
  for (; *kinds; ++kinds) {
    switch (*kinds) {
      case 'i': sum += va_arg(args, int); break;
      case 'l': sum += (double)va_arg(args, long long); break;
      case 'd': sum += va_arg(args, double); break;
      case 'D': sum += (double)va_arg(args, long double); break;
      case 's': {
        struct small s = va_arg(args, struct small);
        sum += s.a * 10 + s.b;
        break;
      }
      case 'm': {
        struct mixed m = va_arg(args, struct mixed);
        sum += m.d + (double)m.n;
        break;
      }
      case 'L': {
        struct large l = va_arg(args, struct large);
        sum += l.n + (double)strlen(l.name);
        break;
      }
      case 'p': sum += *va_arg(args, int *); break;
      default: return -1;
    }
  }
  return sum;
}

double varargs_mixed_total(const char *kinds, ...) {
  va_list args;
  va_start(args, kinds);
  double sum = total(kinds, args);
  va_end(args);
  return sum;
}

/* Reads everything twice, the second time after half of it was read. */
static double twice(int fixed, const char *kinds, ...) {
  va_list args, copy;
  va_start(args, kinds);
  int first = va_arg(args, int);
  va_copy(copy, args);
  double a = total(kinds + 1, args), b = total(kinds + 1, copy);
  va_end(copy);
  va_end(args);
  return (a + b) * fixed + first;
}

/* Arguments are there although nothing reads them all. */
static int nth(int n, ...) {
  va_list args;
  int found = -1;
  va_start(args, n);
  while (n-- >= 0) found = va_arg(args, int);
  va_end(args);
  return found;
}

int main(void) {
  int pointed = opaque(5);
  struct small s = {opaque(3), 4};
  struct mixed m = {1.5, opaque(20)};
  struct large l = {"twelve bytes", opaque(8)};
  double sum = varargs_mixed_total("iildsdmLDpdddddddddi", 1, opaque(2), 3LL, 0.5, s, 0.25, m, l, (long double)4.0, &pointed,
                                   1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, opaque(100));
  printf("%.2f\n", sum);
  CHECK(sum == 1 + 2 + 3 + .5 + 34 + .25 + 21.5 + 20 + 4 + 5 + 45 + 100);
  sum = twice(opaque(2), "iDsmL", opaque(7), (long double)0.125, s, m, l);
  printf("%.3f\n", sum);
  CHECK(sum == (0.125 + 34 + 21.5 + 20) * 4 + 7);
  for (int i = 0; i < 12; ++i) CHECK(nth(opaque(i), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) == i + 1);
  CHECK(varargs_mixed_total("") == 0 && varargs_mixed_total("?") == -1);
  return failures != 0;
}
