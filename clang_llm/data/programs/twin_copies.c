/* Copy, fill, compare and length loops in several equal copies, beside calls of the library functions they look like. */
#include "check.h"
#include <stddef.h>
#include <string.h>

#define COPY(name)                                                \
  void *name(void *restrict to, const void *restrict from, size_t n) { \
    char *a = to;                                                 \
    const char *b = from;                                         \
    while (n--) *a++ = *b++;                                      \
    return to;                                                    \
  }
COPY(twin_copies_first)
COPY(twin_copies_second)
static COPY(copy_third)

#define FILL(name)                          \
  void *name(void *to, int c, size_t n) {   \
    unsigned char *a = to;                  \
    for (size_t i = 0; i < n; ++i) a[i] = (unsigned char)c; \
    return to;                              \
  }
FILL(twin_copies_fill)
static FILL(fill_second)

#define LENGTH(name)                 \
  size_t name(const char *s) {       \
    const char *end = s;             \
    while (*end) ++end;              \
    return (size_t)(end - s);        \
  }
LENGTH(twin_copies_length)
static LENGTH(length_second)

#define COMPARE(name)                                     \
  int name(const void *x, const void *y, size_t n) {      \
    const unsigned char *a = x, *b = y;                   \
    for (; n; --n, ++a, ++b)                              \
      if (*a != *b) return *a - *b;                       \
    return 0;                                             \
  }
COMPARE(twin_copies_compare)
static COMPARE(compare_second)

static void *(*volatile copies[])(void *, const void *, size_t) = {twin_copies_first, twin_copies_second, copy_third, memcpy};
static void *(*volatile fills[])(void *, int, size_t) = {twin_copies_fill, fill_second, memset};
static size_t (*volatile lengths[])(const char *) = {twin_copies_length, length_second, strlen};
static int (*volatile compares[])(const void *, const void *, size_t) = {twin_copies_compare, compare_second, memcmp};

static char one[64], two[64];

int main(void) {
  static const char text[] = "each of them does the same";
  size_t n = (size_t)opaque((int)sizeof text);
  for (int i = 0; i < 4; ++i) {
    fills[i % 3](one, 'a' + i, sizeof one);
    CHECK(one[0] == 'a' + i && one[63] == 'a' + i);
    CHECK(copies[i](one, text, n) == one && one[n] == 'a' + i);
    CHECK(lengths[i % 3](one) == n - 1);
    copies[3 - i](two, one, sizeof two);
    CHECK(compares[i % 3](one, two, sizeof one) == 0);
    two[opaque(9)]++;
    CHECK(compares[i % 3](one, two, sizeof one) < 0 && compares[i % 3](two, one, sizeof one) > 0);
    CHECK(compares[i % 3](one, two, 9) == 0 && compares[i % 3](one, two, 0) == 0);
    printf("%s %s %zu\n", one, two, lengths[(i + 1) % 3](two + i));
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < i; ++j) CHECK(copies[i] != copies[j]);
  CHECK(fills[0] != fills[1] && lengths[0] != lengths[1] && compares[0] != compares[1]);
  CHECK(twin_copies_first(two, "xyz", 4) == two && twin_copies_length(two) == 3);
  CHECK(copies[opaque(1)](two, one, 0) == two && two[0] == 'x');
  return failures != 0;
}
