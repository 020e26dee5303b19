/* Rare ways that a compiler likes to move elsewhere: they use many locals, return through pointers, jump back, or end. */
#include "check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char trail[256];
static jmp_buf leave;

__attribute__((cold, noinline, format(printf, 1, 2))) static void report(const char *format, ...) {
  char line[64];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  strncat(trail, line, sizeof trail - strlen(trail) - 1);
}
__attribute__((cold, noreturn, noinline)) static void give_up(int code) {
  report("!%d", code);
  longjmp(leave, code);
}

struct account { int money, limit, refusals; const char *name; };

/* The rare way changes what is used after it. */
__attribute__((noinline)) int cold_paths_take(struct account *a, int sum, int *fee) {
  int rest = a->money - sum, charged = 1, attempts = 0;
  if (__builtin_expect(rest < a->limit, 0)) {
    report("<%s %d", a->name, rest);
    charged += a->refusals * 2;
    ++a->refusals;
    if (a->refusals > 2) give_up(a->refusals);
    attempts = rest / 10;
    report(":%d>", charged);
    rest = a->money;
  }
  *fee = charged - attempts;
  a->money = rest - charged;
  return rest;
}

/* A variable array and an address of a local are alive on the rare way. */
__attribute__((noinline)) int cold_paths_scan(const char *text, int n) {
  int counts[n + 1];
  int *highest = &counts[0];
  memset(counts, 0, sizeof counts);
  for (int i = 0; text[i]; ++i) {
    int c = text[i] - 'a';
    if (__builtin_expect(c < 0 || c >= n, 0)) {
      report("[%c at %d, %d]", text[i], i, *highest);
      counts[n]++;
      highest = &counts[n];
      continue;
    }
    if (++counts[c] > *highest) highest = &counts[c];
  }
  return (int)(highest - counts) * 100 + *highest;
}

/* The rare way reads the variable arguments that the usual one does not. */
__attribute__((noinline)) static int last_of(int n, ...) {
  int sum = n;
  if (__builtin_expect(n > 3, 0)) {
    va_list args;
    va_start(args, n);
    for (int i = 0; i < n; ++i) sum = va_arg(args, int);
    va_end(args);
    report("(%d)", sum);
  }
  return sum;
}

int main(void) {
  struct account a = {100, 0, 0, "x"};
  int fee = 0, rests = 0;
  volatile int ended = 0;
  rests += cold_paths_take(&a, opaque(30), &fee);
  CHECK(a.money == 69 && fee == 1 && rests == 70);
  rests += cold_paths_take(&a, opaque(200), &fee);
  CHECK(a.money == 68 && fee == 14 && rests == 139);
  rests += cold_paths_take(&a, opaque(90), &fee);
  CHECK(a.money == 65 && fee == 5 && a.refusals == 2);
  int code = setjmp(leave);
  if (code == 0) cold_paths_take(&a, opaque(1000), &fee);
  else ended = code;
  CHECK(ended == 3 && a.money == 65 && fee == 5);
  CHECK(cold_paths_scan("abcab", opaque(3)) == 2 && cold_paths_scan("aXbbY", opaque(2)) == 202);
  CHECK(last_of(opaque(2), 8, 9) == 2 && last_of(opaque(4), 5, 6, 7, 8) == 8);
  printf("%s\n", trail);
  CHECK(strcmp(trail, "<x -131:1><x -22:3><x -935!3[X at 1, 1][Y at 4, 2](8)") == 0);
  return failures != 0;
}
