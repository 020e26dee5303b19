/* Stores through char pointers and memcpy that change objects of other types; nothing may keep the old value. */
#include "check.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct record {
  int count;
  double weight;
  unsigned char raw[8];
  struct record *next;
};

static int bump(int *counter, unsigned char *bytes, unsigned n) {
  int before = *counter;
  for (unsigned i = 0; i < n; ++i) bytes[i] = (unsigned char)(bytes[i] + 1);
  return *counter - before;
}

static float float_of(uint32_t bits) {
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* The two may be the same object: the store to *b has to be seen by the second read of *a. */
int alias_bytes_same(int *a, int *b) {
  *a = 1;
  *b = 2;
  return *a;
}

static unsigned long checksum(const void *data, size_t n) {
  const unsigned char *p = data;
  unsigned long sum = 0;
  while (n--) sum = sum * 31 + *p++;
  return sum;
}

int main(void) {
  int counter = 0x01010101 * opaque(1);
  int grown = bump(&counter, (unsigned char *)&counter, sizeof counter);
  printf("%x %x\n", (unsigned)counter, (unsigned)grown);
  CHECK(counter == 0x02020202 && grown == 0x01010101);
  struct record r;
  memset(&r, 0, sizeof r);
  r.count = 5;
  r.weight = 0.5;
  unsigned long before = checksum(&r, sizeof r);
  ((unsigned char *)&r)[offsetof(struct record, count)] ^= 7;
  CHECK(r.count == 2);
  memcpy(r.raw, &r.weight, sizeof r.weight);
  r.raw[7] ^= 0x80;
  memcpy(&r.weight, r.raw, sizeof r.weight);
  CHECK(r.weight == -0.5);
  printf("%d\n", before != checksum(&r, sizeof r));
  float f = 1;
  for (int i = 0; i < 5; ++i) {
    f = float_of(bits_of(f) + (1u << 23));
    printf("%g\n", f);
  }
  CHECK(f == 32);
  int x = 0, y = 0;
  CHECK(alias_bytes_same(&x, &y) == 1 && alias_bytes_same(&x, &x) == 2);
  struct record *p = &r, **link = &p;
  (*link)->next = p;
  CHECK(p->next->next->next == &r);
  return failures != 0;
}
