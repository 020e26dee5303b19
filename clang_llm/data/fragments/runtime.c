typedef struct { u64 q, r; } quotient@;
static NOINLINE quotient@ divide@(u64 n, u64 d) {
  quotient@ out = {0, 0};
  for (int i = 63; i >= 0; --i) {
    out.r = (out.r << 1) | ((n >> i) & 1);
    if (out.r >= d) { out.r -= d; out.q |= 1ull << i; }
  }
  return out;
}
$[ ~~ static] NOINLINE u64 my_udivdi3_@(u64 n, u64 d) { return divide@(n, d).q; }
$[ ~~ static] NOINLINE u64 my_umoddi3_@(u64 n, u64 d) { return divide@(n, d).r; }
$[ ~~ static] NOINLINE u64 my_muldi3_@(u64 a, u64 b) {
  u64 r = 0;
  while (b) { if (b & 1) r += a; a <<= 1; b >>= 1; }
  return r;
}
$[ ~~ static] NOINLINE u32 my_popcount_@(u32 v) { u32 n = 0; while (v) { v &= v - 1; ++n; } return n; }
static NOINLINE int my_clz_@(u32 v) { int n = 0; while (!(v & 0x80000000u)) { v <<= 1; ++n; } return n; }
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 1; i < $[3..12]; ++i) {
    u64 n = (u64)h << 20 ^ $[u64], d = x % $[3..99999] + i;
    h = fold(h, my_udivdi3_@(n, d) ^ my_umoddi3_@(n, d) ^ (n / d));
    h = fold(h, my_muldi3_@(n, d)) + my_popcount_@(h) + (u32)my_clz_@(h | 1);
  }
  return h;
}
