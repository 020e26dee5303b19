"""Small programs that give every kind of list something to do: calls, loops, tables, constants."""

#: The default lists make this one smaller; test_rows_modes.py holds that, or "with a plan" would be an empty word.
C = """\
#include <stdio.h>
#include <string.h>
struct item {
  int key;
  const char *name;
};
static const struct item items[] = {{3, "three"}, {1, "one"}, {2, "two"}};
int find(const struct item *list, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (!strcmp(list[i].name, name))
      return i;
  return -1;
}
unsigned checksum(const unsigned char *p, unsigned n) {
  unsigned c = ~0u;
  while (n--) {
    c ^= *p++;
    for (int k = 0; k < 8; k++)
      c = c & 1 ? (c >> 1) ^ 0xedb88320u : c >> 1;
  }
  return ~c;
}
int number(const char *s, int *out) {
  int sign = 1, value = 0, digits = 0;
  while (*s == ' ' || *s == '\\t')
    s++;
  if (*s == '-') {
    sign = -1;
    s++;
  } else if (*s == '+')
    s++;
  while (*s >= '0' && *s <= '9') {
    value = value * 10 + (*s - '0');
    s++;
    digits++;
  }
  *out = sign * value;
  return digits;
}
void sort(int *a, int n) {
  for (int i = 1; i < n; i++) {
    int x = a[i], j = i;
    while (j > 0 && a[j - 1] > x) {
      a[j] = a[j - 1];
      j--;
    }
    a[j] = x;
  }
}
int main(void) {
  int values[] = {4, -30, 12, 7}, parsed;
  sort(values, 4);
  number(" -42", &parsed);
  printf("%d %d %d %08x\\n", find(items, 3, "two"), values[0], parsed, checksum((const unsigned char *)"123456789", 9));
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
