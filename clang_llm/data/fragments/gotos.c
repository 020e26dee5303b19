static NOINLINE u32 machine@(const u8 *code, u32 x) {
  static void *const table[] = {&&add, &&sub, &&twist, &&skip, &&stop};
  u32 a = x, b = $[u16];
  unsigned steps = 0;
#define GO goto *table[++steps > 400 ? 4 : *code++ % 5]
  GO;
add: a += b $[* ~~ ^] $[3..77]; GO;
sub: b -= a >> $[1..9]; GO;
twist: a = (a << $[1..31]) | (a >> $[1..31]); GO;
skip: if (a & 1) ++code; b ^= a; GO;
stop: return a ^ b;
#undef GO
}
u32 run@(u32 x) {
  u8 code[$[10..40]];
  u32 s = x | 1;
  for (unsigned i = 0; i + 2 < sizeof code; ++i)
    code[i] = (u8)(next(&s) >> 24) % 4;
  code[sizeof code - 2] = code[sizeof code - 1] = 4;
  return machine@(code, x);
}
