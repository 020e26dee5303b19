// needs: setjmp
#include <setjmp.h>
static jmp_buf place@;
static NOINLINE void leave@(u32 depth, u32 value) {
  if (depth == 0)
    longjmp(place@, (int)(value % $[3..9] + 1));
  leave@(depth - 1, value * $[u16] + depth);
}
static NOINLINE u32 guarded@(u32 x) {
  volatile u32 steps = 0, kept = x ^ $[u32];
  int code = setjmp(place@);
  steps += 1;
  kept = kept * 3 + (u32)code;
  if (steps < $[3..8]) {
    $[leave@(steps, x + steps); ~~ if (kept & 1) leave@(2, kept); else leave@(steps & 3, x);]
  }
  return fold(kept, steps);
}
u32 run@(u32 x) { return guarded@(x) ^ guarded@(x + 1); }
