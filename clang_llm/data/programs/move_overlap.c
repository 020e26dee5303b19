/* Loops that move memory over itself, at every distance and in both directions: some are copies, some repeat a pattern. */
#include "check.h"
#include <stdint.h>
#include <string.h>

__attribute__((noinline)) void move_overlap_up(unsigned char *to, const unsigned char *from, int n) {
  for (int i = 0; i < n; ++i) to[i] = from[i];
}
__attribute__((noinline)) void move_overlap_down(unsigned char *to, const unsigned char *from, int n) {
  for (int i = n; i-- > 0;) to[i] = from[i];
}
/* As memmove does it. */
__attribute__((noinline)) void *move_overlap_move(void *to, const void *from, size_t n) {
  unsigned char *d = to;
  const unsigned char *s = from;
  if ((uintptr_t)d - (uintptr_t)s >= n) {
    while (n--) *d++ = *s++;
  } else {
    while (n--) d[n] = s[n];
  }
  return to;
}
static void within(int *x, int n, int distance) {
  for (int i = 0; i + distance < n; ++i) x[i + distance] = x[i];
}
static void back(int *x, int n, int distance) {
  for (int i = distance; i < n; ++i) x[i - distance] = x[i];
}
struct pair { short a, b; };
static void shift_pairs(struct pair *p, int n) {
  for (int i = n - 1; i > 0; --i) p[i] = p[i - 1];
}
static void fill_words(uint32_t *p, int n, uint32_t value) {
  for (int i = 0; i < n; ++i) p[i] = value;
}
static int fixed_distance(char *text) {
  for (int i = 0; i < 24; ++i) text[i + 3] = text[i];
  return (int)strlen(text);
}

static unsigned hash(const void *p, int n) {
  const unsigned char *b = p;
  unsigned h = 2166136261u;
  while (n--) h = (h ^ *b++) * 16777619u;
  return h;
}

int main(void) {
  enum { N = 64, LENGTH = 40 };
  unsigned char start[N], a[N], b[N];
  for (int i = 0; i < N; ++i) start[i] = (unsigned char)(i * 7 + 1);
  for (int d = -12; d <= 12; ++d) {
    int to = 12 + opaque(d);
    memcpy(a, start, N);
    move_overlap_up(a + to, a + 12, opaque(LENGTH));
    for (int i = 0; i < LENGTH; ++i) CHECK(a[to + i] == start[12 + (d > 0 ? i % d : i)]);
    memcpy(a, start, N);
    move_overlap_down(a + to, a + 12, opaque(LENGTH));
    for (int i = 0; i < LENGTH; ++i)
      CHECK(a[to + i] == start[12 + (d < 0 ? LENGTH - 1 - (LENGTH - 1 - i) % -d : i)]);
    memcpy(a, start, N);
    memcpy(b, start, N);
    CHECK(move_overlap_move(a + to, a + 12, (size_t)opaque(LENGTH)) == a + to);
    memmove(b + to, b + 12, LENGTH);
    CHECK(memcmp(a, b, N) == 0);
  }
  int x[30];
  for (int d = 1; d < 9; ++d) {
    for (int i = 0; i < 30; ++i) x[i] = i * i;
    within(x, 30, opaque(d));
    for (int i = 0; i < 30; ++i) CHECK(x[i] == (i % d) * (i % d));
    for (int i = 0; i < 30; ++i) x[i] = i * i;
    back(x, 30, opaque(d));
    for (int i = 0; i < 30 - d; ++i) CHECK(x[i] == (i + d) * (i + d));
    printf("%x\n", hash(x, sizeof x));
  }
  struct pair p[5] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}};
  shift_pairs(p, opaque(5));
  CHECK(p[0].a == 1 && p[1].b == 2 && p[4].a == 7 && p[4].b == 8);
  uint32_t words[9] = {0};
  fill_words(words, opaque(8), 0x01020304u * (uint32_t)opaque(1));
  fill_words(words + 1, opaque(3), 0x05050505u);
  CHECK(words[0] == 0x01020304u && words[3] == 0x05050505u && words[4] == 0x01020304u && words[8] == 0);
  char text[32] = "abc-";
  CHECK(fixed_distance(text) == 27 && memcmp(text + 21, "abcabc", 7) == 0);
  return failures != 0;
}
