// cxx: yes
struct s@ { $[char ~~ u64 ~~ short] a; $[u32 ~~ double ~~ u8] b[$[1..5]]; $[float ~~ u16 ~~ u64] c; };
static NOINLINE struct s@ make@(u32 x) {
  struct s@ s;
  memset(&s, 0, sizeof s);
  s.a = (char)(x & 63); s.b[0] = (u8)(x >> 3); s.c = (u8)(x * $[3..9]);
  return s;
}
static NOINLINE struct s@ combine@(struct s@ l, struct s@ r, u32 x) {
  struct s@ *out = x & 1 ? &l : &r;
  out->a = (char)((l.a + r.a) & 63);
  out->c = (u8)((u32)l.c $[+ ~~ *] (u32)r.c);
  return *out;
}
static struct s@ stored@[$[2..6]];
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[3..14]; ++i) {
    u32 at = i % (u32)(sizeof stored@ / sizeof *stored@);
    stored@[at] = combine@(stored@[at], make@(x + i), h);
    h = fold(h, (u64)stored@[at].a + (u64)stored@[at].b[0] * 3 + (u64)stored@[at].c * 5);
  }
  return h;
}
