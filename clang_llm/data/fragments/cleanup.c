static u32 trace@;
static void closed@(u32 *what) { trace@ = trace@ * $[3..99] + *what; }
static NOINLINE u32 scoped@(u32 x) {
  u32 first __attribute__((cleanup(closed@))) = x;
  for (u32 i = 0; i < $[2..9]; ++i) {
    u32 inner __attribute__((cleanup(closed@))) = i ^ x;
    if ((x >> i) & 1) continue;
    if (inner % $[5..20] == 0) goto out;
    first += inner;
  }
  return first;
out:
  return ~first;
}
u32 run@(u32 x) { trace@ = 1; return fold(scoped@(x), trace@) + scoped@(x >> 4); }
