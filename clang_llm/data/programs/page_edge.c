/* Buffers that end where the next page may not be read: no access may be widened, merged or made early over the edge. */
#include "check.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct key { int32_t a, b, c, d; };
struct list { struct list *next; int value; };

static unsigned char *edge; /* one past the last byte that there is */

static void *at_edge(const void *data, size_t n) { return memcpy(edge - n, data, n); }

__attribute__((noinline)) size_t page_edge_length(const char *s) {
  size_t n = 0;
  while (s[n]) ++n;
  return n;
}
__attribute__((noinline)) int page_edge_find(const unsigned char *p, int n, int wanted) {
  for (int i = 0; i < n; ++i)
    if (p[i] == wanted) return i;
  return -1;
}
/* The first member tells whether the others are there. */
__attribute__((noinline)) int page_edge_equal(const struct key *x, const struct key *y) {
  return x->a == y->a && x->b == y->b && x->c == y->c && x->d == y->d;
}
__attribute__((noinline)) int page_edge_guarded(const int *p, int there) {
  int sum = 1;
  if (there > 0) sum += p[0] * 2;
  if (there > 1) sum += p[1] * 3;
  if (there > 2) sum += p[2] * 5;
  return sum;
}
__attribute__((noinline)) static uint32_t three_bytes(const unsigned char *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16; }
__attribute__((noinline)) static int sum_of(const short *p, int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += p[i] * (i & 3);
  return sum;
}
__attribute__((noinline)) static int stop_early(const int *p, int n, int limit) {
  int sum = 0;
  for (int i = 0; i < n; ++i) {
    if (sum > limit) break; /* what follows need not be there */
    sum += p[i];
  }
  return sum;
}
__attribute__((noinline)) static int either(const int *p, const int *q, int way) { return way ? *p + 1 : *q + 1; }
static int first_of(const struct list *l) { return l && l->next && l->next->value ? l->next->value : -1; }

int main(void) {
  long page = sysconf(_SC_PAGESIZE);
  unsigned char *base = mmap(NULL, (size_t)(2 * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 2;
  edge = base + page;
  if (mprotect(edge, (size_t)page, PROT_NONE)) return 2;
  for (int n = 0; n < 20; ++n) {
    char text[24] = "nineteen characters";
    text[opaque(n)] = 0;
    CHECK(page_edge_length(at_edge(text, (size_t)n + 1)) == (size_t)n);
    CHECK(page_edge_find(at_edge(text, (size_t)n + 1), 1 << 20, 0) == n);
  }
  int numbers[3] = {10, 20, 30};
  for (int n = 0; n < 4; ++n) {
    int r = page_edge_guarded(at_edge(numbers, (size_t)opaque(n) * sizeof(int)), opaque(n));
    printf("%d\n", r);
    CHECK(r == 1 + (n > 0) * 20 + (n > 1) * 60 + (n > 2) * 150);
  }
  struct key whole = {1, 2, 3, 4}, other = {1, 2, 3, 5};
  CHECK(page_edge_equal(at_edge(&whole, sizeof whole), &whole) && !page_edge_equal(&other, at_edge(&whole, sizeof whole)));
  CHECK(three_bytes(at_edge("\1\2\3", 3)) == 0x030201);
  short shorts[7] = {1, 2, 3, 4, 5, 6, 7};
  CHECK(sum_of(at_edge(shorts, sizeof shorts), opaque(7)) == 2 + 6 + 12 + 6 + 14);
  CHECK(stop_early(at_edge(numbers, sizeof numbers), opaque(1000), opaque(59)) == 60);
  CHECK(either(at_edge(numbers, sizeof(int)), (const int *)(const void *)edge, opaque(1)) == 11);
  struct list last = {NULL, 9}, before = {&last, 0};
  const struct list *copy = at_edge(&before, sizeof before);
  CHECK(first_of(copy) == 9 && first_of(&last) == -1 && first_of(NULL) == -1);
  munmap(base, (size_t)(2 * page));
  return failures != 0;
}
