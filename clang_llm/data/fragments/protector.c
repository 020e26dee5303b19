// options: -fstack-protector-$[strong ~~ all]
// needs: elf
static NOINLINE u32 local@(const char *s, u32 x) {
  char buffer[$[16..64]];
  size_t n = strlen(s);
  memcpy(buffer, s, n < sizeof buffer ? n : sizeof buffer);
  for (size_t i = 0; i < n && i < sizeof buffer; ++i) x = fold(x, (u8)buffer[n - 1 - i < sizeof buffer ? n - 1 - i : 0]);
  return x;
}
u32 run@(u32 x) { return local@("$[some words ~~ x ~~ a longer text than others]", x) + local@("y", x); }
