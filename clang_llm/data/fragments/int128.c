// needs: int128
typedef unsigned __int128 u128@;
static NOINLINE u128@ step@(u128@ a, u64 b) {
  $[return a * b + (a >> $[1..127]); ~~ return (a << $[1..63]) / (b | 1) ^ a; ~~ return a % (((u128@)b << $[1..40]) | 1) + a * 3;]
}
static NOINLINE __int128 negate@(__int128 a) { return a < 0 ? ~a : a >> $[1..100]; }
u32 run@(u32 x) {
  u128@ v = ((u128@)$[u64] << 64) | (x * $[u64]);
  u32 h = x;
  for (int i = 0; i < $[3..12]; ++i) {
    v = step@(v, (u64)x * $[u32] + (u64)i);
    h = fold(h, (u64)v ^ (u64)(v >> 64));
    h = fold(h, (u64)negate@((__int128)v));
  }
  return h;
}
