static NOINLINE long double step@(long double a, long double b) {
  return a * $[1..9].$[1..99]L + b / ($[2..9].5L) $[+ ~~ -] (a $[< ~~ >=] b ? $[1..7] : -$[1..7]);
}
static u32 bits@(double d) { u64 v; memcpy(&v, &d, 8); return fold(1, v); }
u32 run@(u32 x) {
  long double a = (long double)(x & 0xffff) / 3, b = $[1..500];
  u32 h = x;
  for (int i = 0; i < $[3..15]; ++i) {
    b = step@(a, b);
    a = a - b / 1024;
    if (a > 1e6L || a < -1e6L) a = i;
    if (b > 1e9L || b < -1e9L) b = -i;
    h = fold(h, bits@((double)b));
    h = fold(h, (u64)(i64)(a * 4));
  }
  return h;
}
