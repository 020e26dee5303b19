/* Fixed-point signal processing: saturation, rounding shifts, a filter with a ring of samples, a sine by rotation. */
#include "check.h"
#include <stdint.h>

enum { TAPS = 8, SAMPLES = 64 };
typedef int16_t q15;

static q15 clamp(int32_t x) { return (q15)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x); }
static q15 multiply(q15 a, q15 b) { return clamp(((int32_t)a * b + (1 << 14)) >> 15); }
static q15 saturating_add(q15 a, q15 b) { return clamp((int32_t)a + b); }

struct filter { q15 taps[TAPS], ring[TAPS]; unsigned at; };

static q15 feed(struct filter *f, q15 sample) {
  int64_t sum = 0;
  f->ring[f->at++ % TAPS] = sample;
  for (unsigned i = 0; i < TAPS; ++i) sum += (int32_t)f->taps[i] * f->ring[(f->at - 1 - i) % TAPS];
  return clamp((int32_t)(sum >> 15));
}

/* Rotates (x, y) by arctangents of powers of two; only shifts and additions. */
void fixed_dsp_rotate(int32_t angle, int32_t *sine, int32_t *cosine) {
  static const int32_t steps[] = {51472, 30386, 16055, 8150, 4091, 2047, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2};
  int32_t x = 39797, y = 0;
  for (int i = 0; i < 16; ++i) {
    int32_t dx = y >> i, dy = x >> i;
    if (angle >= 0) x -= dx, y += dy, angle -= steps[i];
    else x += dx, y -= dy, angle += steps[i];
  }
  *sine = y;
  *cosine = x;
}

static unsigned envelope(const q15 *s, int n) {
  unsigned level = 0, hash = 0;
  for (int i = 0; i < n; ++i) {
    unsigned size = (unsigned)(s[i] < 0 ? -(int)s[i] : s[i]);
    level = size > level ? size : level - (level >> 4);
    hash = hash * 31 + level;
  }
  return hash;
}

static uint8_t blend(uint8_t a, uint8_t b, uint8_t alpha) {
  unsigned t = a * alpha + b * (255u - alpha) + 128;
  return (uint8_t)((t + (t >> 8)) >> 8);
}

int main(void) {
  struct filter f = {{4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096}, {0}, 0};
  q15 out[SAMPLES];
  for (int i = 0; i < SAMPLES; ++i) {
    out[i] = feed(&f, (q15)(i < opaque(40) ? 32767 : -32768));
    printf("%d ", out[i]);
  }
  printf("\n%u\n", envelope(out, SAMPLES));
  CHECK(out[0] == 4095 && out[39] == 32767 && out[63] == -32768);
  CHECK(multiply(-32768, (q15)opaque(-32768)) == 32767 && multiply(16384, (q15)opaque(16384)) == 8192);
  CHECK(saturating_add(30000, (q15)opaque(10000)) == 32767 && saturating_add(-30000, (q15)opaque(-10000)) == -32768);
  for (int degrees = -90; degrees <= 90; degrees += 30) {
    int32_t sine, cosine;
    fixed_dsp_rotate(opaque(degrees) * 1144, &sine, &cosine);
    printf("%d: %d %d\n", degrees, sine, cosine);
    int64_t one = (int64_t)sine * sine + (int64_t)cosine * cosine;
    CHECK(one > 4290000000 && one < 4300000000);
  }
  int worst = 0;
  for (int a = 0; a < 256; a += 5)
    for (int alpha = 0; alpha < 256; alpha += 3) {
      int exact = (a * alpha * 2 + 255) / 510, mine = blend((uint8_t)a, 0, (uint8_t)alpha);
      worst |= exact != mine;
    }
  CHECK(!worst && blend(255, 255, (uint8_t)opaque(7)) == 255);
  return failures != 0;
}
