#include <functional>
static NOINLINE u32 apply@(const std::function<u32(u32)> &f, u32 x) { return f(f(x)); }
template <typename F> static u32 repeat@(F f, u32 n, u32 x) { while (n--) x = f(x, n); return x; }
static std::function<u32(u32)> maker@(u32 k) {
  if (k & 1) return [k](u32 x) { return x * $[3..9] + k; };
  u32 kept = k $[^ ~~ +] $[u16];
  return [kept, k](u32 x) mutable { kept += x; return kept ^ k; };
}
u32 run@(u32 x) {
  u32 total = 0;
  auto note = [&total](u32 v, u32 i) { total += v >> (i & 7); return v * $[3..99] + i; };
  u32 h = repeat@(note, $[3..12], x);
  for (u32 i = 0; i < $[2..5]; ++i) h = fold(h, apply@(maker@(x + i), h));
  return fold(h, total);
}
