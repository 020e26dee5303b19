// cxx: yes
static $[u32 ~~ u16 ~~ u8 ~~ i32] grid@[$[A=4..9]][$[B=4..12]];
static NOINLINE void sweep@(u32 x) {
  for (int i = 0; i < $A; ++i)
    for (int j = $[$B - 1; j >= 0; --j ~~ 0; j < $B; j += $[1..3]])
      grid@[i][j] = (u8)(grid@[i][j] * 3 + (u32)(i $[* ~~ ^] j) + x);
}
static NOINLINE u32 scan@(u32 limit) {
  u32 best = 0, where = 0;
  for (u32 k = 0; k < $A * $B; ++k) {
    u32 v = (u32)grid@[k / $B][k % $B];
    if (v $[> ~~ >=] best && v < limit) { best = v; where = k; }
    if (v == $[1..255]) $[break ~~ continue];
  }
  return best * 256 + where;
}
static NOINLINE u64 count@(u32 n) { u64 s = 0; for (u32 i = n; i $[> 3; i -= 3 ~~ != 0; i >>= 1]) s += i * i; return s; }
u32 run@(u32 x) {
  u32 h = x;
  for (u32 r = 0; r < $[2..6]; ++r) { sweep@(x >> r); h = fold(h, scan@(200)); }
  return fold(h, count@(x & 0xfff));
}
