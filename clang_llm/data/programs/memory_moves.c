/* memcpy, memmove and memset: overlaps in both directions, constant and variable sizes, loops that look like them. */
#include "check.h"
#include <stdint.h>
#include <string.h>

static char buffer[64];

static void fill(void) {
  for (int i = 0; i < 64; ++i) buffer[i] = (char)('0' + i % 75);
}

/* May overlap: must not be turned into memcpy, and going forwards repeats what is behind. */
static void smear(char *to, const char *from, int n) {
  for (int i = 0; i < n; ++i) to[i] = from[i];
}

static void backwards(char *to, const char *from, int n) {
  while (n-- > 0) to[n] = from[n];
}

void memory_moves_disjoint(char *restrict to, const char *restrict from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = from[i];
}

static void pattern(uint32_t *to, int n, uint32_t value) {
  for (int i = 0; i < n; ++i) to[i] = value;
}

static unsigned hash(const void *p, size_t n) {
  const unsigned char *c = p;
  unsigned h = 2166136261u;
  for (size_t i = 0; i < n; ++i) h = (h ^ c[i]) * 16777619u;
  return h;
}

struct big { int a[20]; char b[7]; double c; };

static struct big zeroed(int keep) {
  struct big b;
  memset(&b, 0, sizeof b);
  b.a[keep] = 1;
  b.c = 0.25;
  return b;
}

static int same_range(const int *a, const int *b, size_t n) { return memcmp(a, b, n * sizeof *a) == 0; }

int main(void) {
  const int shifts[][3] = {{0, 5, 20}, {5, 0, 20}, {10, 10, 30}, {1, 0, 40}, {0, 1, 63}, {30, 0, 0}};
  for (int i = 0; i < 6; ++i) {
    fill();
    memmove(buffer + opaque(shifts[i][0]), buffer + shifts[i][1], (size_t)opaque(shifts[i][2]));
    printf("%.64s %08x\n", buffer, hash(buffer, 64));
  }
  fill();
  smear(buffer + 3, buffer, opaque(30));
  CHECK(memcmp(buffer, "012012012012", 12) == 0 && buffer[32] == '2' && buffer[33] == '0' + 33);
  fill();
  backwards(buffer + 3, buffer, opaque(30));
  CHECK(memcmp(buffer, "0120123456", 10) == 0 && buffer[32] == '0' + 29);
  fill();
  memory_moves_disjoint(buffer + 32, buffer, (size_t)opaque(32));
  CHECK(memcmp(buffer, buffer + 32, 32) == 0);
  uint32_t words[16];
  pattern(words, opaque(16), 0x01010101u);
  CHECK(words[15] == 0x01010101u);
  pattern(words, opaque(15), 0x01020304u);
  CHECK(words[14] == 0x01020304u && words[15] == 0x01010101u && hash(words, 64) != hash(words, 60));
  struct big b = zeroed(opaque(7)), c = b;
  c.a[7] = 0;
  CHECK(b.a[7] == 1 && b.a[8] == 0 && b.c == 0.25 && !same_range(b.a, c.a, 20) && same_range(b.a, c.a, 7));
  memset(buffer, opaque(0x1ff), 5);
  CHECK((unsigned char)buffer[4] == 0xff && buffer[5] == 'S' - 'S' + buffer[5]);
  memcpy(buffer, &b.c, sizeof b.c);
  double d;
  memcpy(&d, buffer, sizeof d);
  CHECK(d == 0.25);
  return failures != 0;
}
