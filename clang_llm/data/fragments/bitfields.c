// cxx: yes
struct bits@ {
%repeat I 4..9
  $[unsigned ~~ int ~~ unsigned char ~~ u64] f$I : $[1..8];
%end
  u16 tail;
} $[__attribute__((packed)) ~~ ];
static NOINLINE u32 read@(const struct bits@ *b) {
  return (u32)b->f0 * 3 + (u32)b->f1 * 5 + (u32)b->f2 * 7 + (u32)b->f3 * 11 + b->tail;
}
static NOINLINE void write@($[volatile ~~ ] struct bits@ *b, u32 x) {
  b->f0 = x & 1; b->f3 = (x >> 2) & 1;
  b->f1 ^= 1; b->f2 = (x >> $[1..20]) & 1; b->tail += $[u8];
}
u32 run@(u32 x) {
  struct bits@ all[$[2..5]];
  memset(all, 0, sizeof all);
  u32 h = x;
  for (unsigned i = 0; i < $[5..30]; ++i) {
    struct bits@ *b = &all[(x + i) % (sizeof all / sizeof *all)];
    write@(b, x >> (i & 15));
    h = fold(h, read@(b));
  }
  return h;
}
