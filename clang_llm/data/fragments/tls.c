static _Thread_local u32 own@[$[2..9]] = {$[u16], $[u16]};
_Thread_local u64 shared@ $[ ~~ __attribute__((tls_model("initial-exec"))) ~~ __attribute__((tls_model("local-exec")))] = $[u32];
static NOINLINE u32 *slot@(u32 i) { return &own@[i % (sizeof own@ / sizeof *own@)]; }
u32 run@(u32 x) {
  for (u32 i = 0; i < $[3..12]; ++i) {
    *slot@(x + i) += (u32)shared@ >> (i & 15);
    shared@ = shared@ * $[3..99] + *slot@(i);
  }
  return fold(own@[0], shared@ ^ own@[1]);
}
