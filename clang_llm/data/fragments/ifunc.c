// needs: ifunc
// sanitise: no
static u32 one@(u32 x) { return x * $[3..99]; }
static u32 two@(u32 x) { return x $[* 5 ~~ + 9] ^ $[u8]; }
static u32 (*resolve@(void))(u32) { return sizeof(void *) == $[4 ~~ 8] ? one@ : two@; }
u32 chosen@(u32 x) __attribute__((ifunc("resolve@")));
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[1..5]; ++i) h = fold(h, chosen@(h + i));
  return h;
}
