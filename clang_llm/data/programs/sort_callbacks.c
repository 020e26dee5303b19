/* qsort and bsearch with callbacks, sorting algorithms of our own over void pointers, comparators with a memory. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

struct person { char name[8]; int age; double height; };

static int compared;
static int by_age(const void *a, const void *b) {
  const struct person *p = a, *q = b;
  ++compared;
  return (p->age > q->age) - (p->age < q->age);
}
static int by_name(const void *a, const void *b) {
  return strcmp(((const struct person *)a)->name, ((const struct person *)b)->name);
}
static int by_height(const void *a, const void *b) {
  double x = ((const struct person *)a)->height, y = ((const struct person *)b)->height;
  return x < y ? 1 : x > y ? -1 : by_age(a, b);
}
static int ints(const void *a, const void *b) { return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b); }
static int unsigneds(const void *a, const void *b) {
  return (*(const unsigned *)a > *(const unsigned *)b) - (*(const unsigned *)a < *(const unsigned *)b);
}

typedef int (*comparison)(const void *, const void *);

static void swap(char *a, char *b, size_t size) {
  while (size--) {
    char t = *a;
    *a++ = *b;
    *b++ = t;
  }
}

/* Heap sort over bytes: nothing is known about the elements. */
void sort_callbacks_heap(void *base, size_t n, size_t size, comparison compare) {
  char *p = base;
  for (size_t start = n / 2, end = n; end > 1;) {
    if (start > 0) --start;
    else swap(p, p + --end * size, size);
    for (size_t root = start, child; (child = 2 * root + 1) < end; root = child) {
      if (child + 1 < end && compare(p + child * size, p + (child + 1) * size) < 0) ++child;
      if (compare(p + root * size, p + child * size) >= 0) break;
      swap(p + root * size, p + child * size, size);
    }
  }
}

static void merge(int *a, int n, int *scratch) {
  if (n < 2) return;
  int half = n / 2, i = 0, j = half, k = 0;
  merge(a, half, scratch);
  merge(a + half, n - half, scratch);
  while (k < n) scratch[k++] = j == n || (i < half && a[i] <= a[j]) ? a[i++] : a[j++];
  memcpy(a, scratch, (size_t)n * sizeof *a);
}

static void insertion(struct person *p, int n, comparison compare) {
  for (int i = 1; i < n; ++i) {
    struct person moving = p[i];
    int j = i;
    for (; j > 0 && compare(&p[j - 1], &moving) > 0; --j) p[j] = p[j - 1];
    p[j] = moving;
  }
}

int main(void) {
  struct person people[] = {{"dora", 31, 1.7}, {"adam", 44, 1.8}, {"eve", 23, 1.7}, {"bob", 31, 1.6}, {"carl", 5, 1.1}};
  comparison orders[] = {by_age, by_name, by_height};
  for (int o = 0; o < 3; ++o) {
    insertion(people, 5, orders[opaque(o)]);
    for (int i = 0; i < 5; ++i) printf("%s ", people[i].name);
    printf("\n");
  }
  CHECK(strcmp(people[1].name, "eve") == 0 && compared > 4);
  qsort(people, 5, sizeof *people, by_name);
  struct person key = {.name = "carl"}, *found = bsearch(&key, people, 5, sizeof key, by_name);
  CHECK(found && found - people == 2 && found->age == 5);
  int a[200], b[200], c[200];
  for (int i = 0; i < 200; ++i) a[i] = b[i] = c[i] = (i * 7919 + opaque(3)) % 311 - 155;
  qsort(a, 200, sizeof *a, ints);
  sort_callbacks_heap(b, 200, sizeof *b, ints);
  int scratch[200];
  merge(c, 200, scratch);
  CHECK(memcmp(a, b, sizeof a) == 0 && memcmp(a, c, sizeof a) == 0 && a[0] < 0);
  sort_callbacks_heap(b, 200, sizeof *b, unsigneds);
  CHECK(b[0] >= 0 && b[199] == -1 * opaque(1) && b[100] != a[100]);
  printf("%d %d %d\n", a[0], a[199], b[150]);
  return failures != 0;
}
