// cxx: yes
// needs: frames
// sanitise: no
static void *seen@[2];
static unsigned count@;
static NOINLINE void store@(void *p) { seen@[count@++ & 1] = p; }
static u32 kept@[8];
static u32 a@ = $[u8], b@ = 3, c@ = $[u16], d@ = 7, e@ = 1;
#define STEPS@ \
  store@(__builtin_return_address(0)); \
  a@ += b@ * 3 + e@; b@ ^= c@ + a@ * 5; c@ -= d@ ^ x; d@ += a@ * b@; e@ = d@ * 7 - a@; \
  a@ ^= c@ << $[1..9]; b@ += d@ >> 2; c@ = c@ * 31 + a@; d@ ^= b@ - e@ * $[3..99]; e@ += a@ * c@ - b@; \
  kept@[i] ^= a@ * 3; kept@[i + 1] += b@ ^ e@;
%repeat I 3..6
static NOINLINE u32 note@_$I(unsigned i, u32 x) {
  STEPS@
  return $[a@ + x ~~ b@ * 2 ~~ c@ - 7 * x ~~ d@ ^ (x << 3)];
}
%end
static NOINLINE u32 frame@(u32 x) { return (u32)(__builtin_frame_address(0) != 0) + x; }
static NOINLINE u32 sites@(u32 x) {
  u32 h = x;
  note@_0(0, x); note@_0(1, x);
  h = h * 2 + (u32)(seen@[0] == seen@[1]);
  note@_1(0, h); note@_1(1, x);
  h = h * 2 + (u32)(seen@[0] == seen@[1]);
  note@_2(2, h); note@_2(3, h);
  h = h * 2 + (u32)(seen@[0] == seen@[1]);
  for (unsigned i = 0; i < 4; ++i) $[note@_2 ~~ note@_0](i & 1, h);
  return h + frame@(kept@[x & 7]);
}
u32 run@(u32 x) { return fold(sites@(x), sites@(x + 1)) + kept@[x & 3]; }
