// needs: ieee
static NOINLINE double poly@(double v) { return ((v * $[1..9].5 - $[1..9]) * v $[+ ~~ -] 0.25) * v + $[1..99]; }
static NOINLINE float sum@(const float *p, int n) { float s = 0; for (int i = 0; i < n; ++i) s += p[i] * $[0..3].5f; return s; }
static NOINLINE i32 convert@(double d) { return d > 2e9 ? 7 : d < -2e9 ? -7 : (i32)d; }
u32 run@(u32 x) {
  float list[$[4..30]];
  u32 h = x;
  for (unsigned i = 0; i < sizeof list / sizeof *list; ++i) {
    list[i] = (float)((x >> (i & 15)) & 255) / $[3..9];
    double d = poly@(list[i]);
    u64 v; memcpy(&v, &d, 8);
    h = fold(h, v) + (u32)convert@(d * $[1..1000]);
  }
  float s = sum@(list, (int)(sizeof list / sizeof *list));
  u32 w; memcpy(&w, &s, 4);
  return fold(h, w) + (u32)(s < (float)x);
}
