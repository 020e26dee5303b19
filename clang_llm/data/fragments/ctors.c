// needs: elf
static u32 order@ = $[1..99];
%repeat I 2..4
__attribute__((constructor($[200..900]$I))) static void before@_$I(void) { order@ = order@ * $[3..9] + $I; }
%end
__attribute__((destructor)) static void after@(void) { say("after @", order@); }
static void ending@(void) { order@ ^= $[u8]; }
u32 run@(u32 x) {
  static int once;
  if (!once++) atexit(ending@);
  order@ += x & 1;
  return order@;
}
