/* Conversions between integers, float, double and long double, all in range. */
#include "check.h"
#include <inttypes.h>
#include <stdlib.h>

static int32_t to_i32(double x) { return (int32_t)x; }
static uint32_t to_u32(double x) { return (uint32_t)x; }
static int64_t to_i64(float x) { return (int64_t)x; }
static uint64_t to_u64(double x) { return (uint64_t)x; }

/* Saturates by comparing first, so that the conversion itself is always defined. */
int8_t float_convert_saturate(double x) {
  if (x != x) return 0;
  if (x <= -128) return -128;
  if (x >= 127) return 127;
  return (int8_t)x;
}

static int is_whole(double x) { return (double)(int64_t)x == x; }

int main(void) {
  const double values[] = {0, 0.99, -0.99, 1.5, -1.5, 127.9, -128.9, 1e9, -2147483648.0, 2147483647.0};
  int whole = 0;
  for (unsigned i = 0; i < sizeof values / sizeof *values; ++i) {
    double x = values[i] + opaque(0);
    whole += is_whole(x);
    printf("%g -> %d %d %" PRId64 "\n", x, (int)to_i32(x), float_convert_saturate(x), to_i64((float)values[i % 8]));
  }
  CHECK(whole == 4);
  CHECK(to_u32(4294967295.0) == UINT32_MAX);
  CHECK(to_u64(18446744073709549568.0) == UINT64_C(18446744073709549568));
  CHECK(to_u64(9223372036854775808.0) == UINT64_C(1) << 63);
  uint64_t odd = (UINT64_C(1) << 53) + (uint64_t)opaque(1);
  CHECK((double)odd == 9007199254740992.0);
  CHECK((float)(uint64_t)(odd << 10) == 9223372036854775808.0f);
  long double wide = (long double)odd;
  CHECK((uint64_t)wide == odd);
  wide = wide / 3 * 3;
  printf("%.3Lf\n", wide);
  CHECK(strtod("0x1.8p3", NULL) == 12 * opaque(1));
  CHECK(strtof("3.40282346e38", NULL) > 3e38f);
  unsigned char pixel = (unsigned char)(0.5 + 254.4 * opaque(1));
  CHECK(pixel == 254);
  _Bool truth = 0.25 * opaque(1);
  CHECK(truth == 1);
  for (int i = -3; i <= 3; ++i) printf("%d %.2f %.2f\n", i, (double)i / 4, (double)(float)(i * 0.1f));
  return failures != 0;
}
