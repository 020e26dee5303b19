/* Dense switches: jump tables, values looked up from constants, fall through, a default in the middle. */
#include "check.h"

enum day { MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY };

static const char *day_name(enum day day) {
  switch (day) {
    case MONDAY: return "monday";
    case TUESDAY: return "tuesday";
    case WEDNESDAY: return "wednesday";
    case THURSDAY: return "thursday";
    case FRIDAY: return "friday";
    case SATURDAY: return "saturday";
    case SUNDAY: return "sunday";
  }
  return "no day";
}

static int days_in(int month, int leap) {
  switch (month) {
    case 4: case 6: case 9: case 11: return 30;
    case 2: return leap ? 29 : 28;
    default: return 31;
    case 0: return -1;
  }
}

/* Each case leaves a different mark and falls into the next. */
static unsigned cascade(int from) {
  unsigned marks = 1;
  switch (from) {
    case 0: marks = marks * 3 + 1; /* fall through */
    case 1: marks ^= 0x10; /* fall through */
    default: marks += 5; /* fall through */
    case 2: marks <<= 2; /* fall through */
    case 3: marks |= 1; break;
    case 4: marks = 0;
  }
  return marks;
}

double switch_dense_weight(unsigned char c) {
  switch (c) {
    case 'a': return 0.5;
    case 'b': return 1.5;
    case 'c': return -2.5;
    case 'd': return 3.5;
    case 'e': return 1e10;
    case 'f': return -0.0;
    case 'g': return 7;
  }
  return -1;
}

static long step(int operation, long x) {
  switch (operation & 7) {
    case 0: return x + 1;
    case 1: return x - 1;
    case 2: return x * 3;
    case 3: return x / 2;
    case 4: return -x;
    case 5: return x ^ 0x55;
    case 6: return x & 0xffff;
    default: return x;
  }
}

int main(void) {
  int year = 0;
  double weight = 0;
  long x = 12345;
  for (int i = -1; i < 9; ++i) printf("%s %u\n", day_name((enum day)opaque(i < 0 ? 7 : i % 8)), cascade(opaque(i)));
  for (int i = 1; i <= 12; ++i) year += days_in(opaque(i), 1);
  for (const char *p = "abcdefgh"; *p; ++p) weight += switch_dense_weight((unsigned char)*p);
  for (int i = 0; i < 40; ++i) {
    x = step(opaque(i) * 5 + i / 7, x);
    printf("%ld ", x);
  }
  printf("\n%d %.1f\n", year, weight);
  CHECK(year == 366 && days_in(opaque(0), 0) == -1);
  CHECK(weight == 1e10 + 9);
  CHECK(cascade(opaque(0)) == ((20 + 5) << 2 | 1) && cascade(opaque(3)) == 1 && cascade(4) == 0);
  return failures != 0;
}
