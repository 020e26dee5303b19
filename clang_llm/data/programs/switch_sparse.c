/* Sparse, negative, 64-bit and ranged cases; switches that become comparisons, bit tests or search trees. */
#include "check.h"
#include <limits.h>
#include <stdint.h>

static int sparse(int x) {
  switch (x) {
    case INT_MIN: return 1;
    case -70000: return 2;
    case -1: return 3;
    case 0: return 4;
    case 1: return 5;
    case 1000: return 6;
    case 1001: return 7;
    case 1000000007: return 8;
    case INT_MAX: return 9;
    default: return 0;
  }
}

static int wide(uint64_t x) {
  switch (x) {
    case 1: return 10;
    case UINT64_C(0x100000001): return 20; /* equal to 1 in the low half */
    case UINT64_C(0xffffffff): return 30;
    case UINT64_C(0x8000000000000000): return 40;
    case UINT64_MAX: return 50;
    default: return -1;
  }
}

static int ranges(int x) {
  switch (x) {
    case -100 ... -11: return -2;
    case -10 ... -1: return -1;
    case 0: return 0;
    case 1 ... 9: return 1;
    case 10 ... 9999: return 2;
    default: return 3;
  }
}

/* A set of characters: one mask and a shift, if the shift amount is checked first. */
int switch_sparse_vowel(unsigned c) {
  switch (c) {
    case 'a': case 'e': case 'i': case 'o': case 'u': case 'A': case 'E': case 'I': case 'O': case 'U': return 1;
    default: return 0;
  }
}

static const char *nested(int a, int b) {
  switch (a) {
    case 5:
      switch (b) {
        case 6: return "5 6";
        case 7: break;
        default: return "5 ?";
      }
      break;
    case 500: return b ? "500 b" : "500 0";
  }
  return "neither";
}

int main(void) {
  const int probes[] = {INT_MIN, INT_MIN + 1, -70000, -69999, -1, 0, 1, 2, 999, 1000, 1001, 1002, 1000000007, INT_MAX};
  int sum = 0;
  for (unsigned i = 0; i < sizeof probes / sizeof *probes; ++i) {
    int found = sparse(opaque(probes[i]));
    printf("%d ", found);
    sum = sum * 2 + found;
  }
  const uint64_t wides[] = {0, 1, UINT64_C(0x100000001), UINT64_C(0xffffffff), UINT64_C(1) << 63, UINT64_MAX, 33};
  const int answers[] = {-1, 10, 20, 30, 40, 50, -1};
  for (unsigned i = 0; i < 7; ++i) {
    int found = wide(wides[i] + (uint64_t)opaque(0));
    printf("%d ", found);
    CHECK(found == answers[i]);
  }
  int counts[6] = {0};
  for (int i = -120; i < 10020; ++i) ++counts[ranges(opaque(i)) + 2];
  printf("%d %d %d %d %d %d\n", counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]);
  CHECK(counts[0] == 90 && counts[1] == 10 && counts[3] == 9 && counts[4] == 9990 && counts[5] == 40);
  int vowels = 0;
  for (unsigned c = 0; c < 400; ++c) vowels += switch_sparse_vowel(c);
  CHECK(vowels == 10 && !switch_sparse_vowel('a' + 64) && !switch_sparse_vowel('a' + 256));
  printf("%d %s %s %s %s\n", sum, nested(5, opaque(6)), nested(5, opaque(7)), nested(5, opaque(8)), nested(500, 0));
  CHECK(sum == 15665);
  return failures != 0;
}
