"""Small programs that give every kind of list something to do: calls, loops, tables, constants."""

C = """\
#include <stdio.h>
static const char *const words[] = {"zero", "one", "two", "three"};
static int clamp(int x, int low, int high) { return x < low ? low : x > high ? high : x; }
int sum(const int *values, unsigned count) {
  int total = 0;
  for (unsigned i = 0; i < count; i++)
    total += clamp(values[i], -10, 10) * (i & 1 ? 3 : 5);
  return total;
}
const char *word(int n) {
  switch (n) {
  case 0: return words[0];
  case 1: return words[1];
  case 2: return words[2];
  case 7: return "seven";
  default: return words[3];
  }
}
int main(void) {
  int values[] = {4, -30, 12, 7};
  printf("%d %s\\n", sum(values, 4), word(2));
  return 0;
}
"""

#: Has no main, so that it can be linked to C.
SECOND_C = """\
int twice(int x) { return x + x; }
int power(int base, unsigned n) {
  int result = 1;
  while (n--)
    result *= base;
  return result;
}
"""

CXX = """\
#include <string>
#include <vector>
template <typename T> static T largest(const std::vector<T> &values) {
  T best = values.front();
  for (const T &value : values)
    if (best < value)
      best = value;
  return best;
}
int main() {
  std::vector<std::string> names{"a", "long enough for the heap, whatever the library", "b"};
  return static_cast<int>(largest(names).size()) - 1;
}
"""

WARNS_C = "int f(int x) { int unused; if (x = 3) return 1; return 0; }\n"
ERROR_C = "int f(void) { return undeclared; }\n"
ASSEMBLY = ".globl q\nq:\n  nop\n"
