// cxx: yes
static NOINLINE u32 saturate@(i32 a, i32 b) {
  i32 r;
  if (__builtin_$[add ~~ sub ~~ mul]_overflow(a, b, &r)) return $[0x7fffffffu ~~ 0u];
  return (u32)r;
}
static NOINLINE u32 rotate@(u32 v, u32 n) { return v << (n & 31) | v >> (-n & 31); }
static NOINLINE u64 swap@(u64 v) { return __builtin_bswap64(v) $[^ ~~ +] __builtin_bswap32((u32)v); }
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 1; i < $[3..20]; ++i) {
    h = fold(h, saturate@((i32)(h $[>> 1 ~~ ^ 0x5555]), (i32)(x * i)));
    h = rotate@(h, x + i) + (u32)__builtin_clz(h | 1) + (u32)__builtin_ctzll((u64)h << 3 | 64) * 3 + (u32)__builtin_popcountll(h * $[u64]);
    h = fold(h, swap@((u64)h << 17 | i)) + (u32)__builtin_parity(h) + (u32)__builtin_ffs((int)h);
    if (__builtin_expect(h % $[3..17] == 0, 0)) h += $[u16];
  }
  return h;
}
