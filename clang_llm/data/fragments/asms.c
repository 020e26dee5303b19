static NOINLINE u32 barrier@(u32 x, u32 *memory) {
  u32 y = x;
  __asm__ volatile("" : "+r"(y));
  *memory = y + $[u8];
  __asm__ volatile("" ::: "memory");
  __asm__("" : "=r"(y) : "0"(*memory ^ x));
  return y;
}
u32 run@(u32 x) {
  u32 cell = 0, h = x;
  for (u32 i = 0; i < $[2..12]; ++i) {
    h = fold(h, barrier@(h, &cell));
    if (cell $[& ~~ ^] $[1..255]) h += cell;
  }
  return h;
}
