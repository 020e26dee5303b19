// cxx: yes
// needs: frames
// sanitise: no
static void *seen@[$[2..4]];
static NOINLINE void note@(unsigned i) { seen@[i] = __builtin_return_address(0); }
static NOINLINE u32 both@(u32 x) {
  $[note@(0); note@(1); ~~ for (unsigned i = 0; i < 2; ++i) note@(i);]
  u32 h = x + (u32)(seen@[0] == seen@[1]);
  $[if (x & 1) note@(0); else note@(1); ~~ note@(0);]
  return h * 2 + (u32)(seen@[0] == seen@[1]);
}
static NOINLINE u32 frame@(u32 x) { return (u32)(__builtin_frame_address(0) != 0) + x; }
static NOINLINE u32 other@(u32 x) {
  note@(0); note@(1);
  return x + (u32)(seen@[0] == seen@[1]) + frame@(x);
}
u32 run@(u32 x) { return fold(both@(x), both@(x + 1)) + other@(x); }
