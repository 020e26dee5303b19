typedef u32 v4@ __attribute__((vector_size(16)));
typedef $[float ~~ u16 ~~ u8] w@ __attribute__((vector_size($[8 ~~ 16])));
static NOINLINE v4@ step@(v4@ a, v4@ b) { return a * $[3..9] + (a ^ ((v4@)(a $[> ~~ ==] b) & b)); }
u32 run@(u32 x) {
  v4@ a = {x, x + 1, $[u16], 4}, b = {1, x * 3, 7, x >> 5};
  w@ c = {1, 2}; c += c; c = c * c - 1;
  for (u32 i = 0; i < $[2..9]; ++i) { a = step@(a, b); b = __builtin_shufflevector(a, b, $[0..7], 5, $[0..7], 1) >> 1; }
  return fold(fold(a[0], a[1] ^ b[2]), a[x & 3] + b[3] + (u32)c[1]);
}
