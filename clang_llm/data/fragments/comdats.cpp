template <typename T> struct holder@ { static T value; static u32 count; u32 bump(u32 x) { ++count; value = (T)(value + x); return (u32)value; } };
template <typename T> T holder@<T>::value = (T)$[u8];
template <typename T> u32 holder@<T>::count = 0;
template struct holder@<u32>;
template struct holder@<u8>;
inline u32 shared@(u32 x) { static u32 n = $[u8]; n = n * $[3..9] + x; return n; }
static u32 (*const taken@)(u32) = &shared@;
template <u32 K> NOINLINE u32 same@(u32 x) { return x * 7 + (K ? 3u : 3u); }
u32 run@(u32 x) {
  holder@<u32> a; holder@<u8> b; holder@<$[i64 ~~ short]> c;
  u32 h = fold(a.bump(x), b.bump(x) + c.bump(x));
  h = fold(h, shared@(x) + taken@(h));
  u32 (*f)(u32) = same@<1>, (*g)(u32) = same@<2>, (*k)(u32) = same@<$[3..9]>;
  return fold(h, f(h) + g(h) * 3 + k(x)) + (u32)(f != g) + 2u * (u32)(g != k) + holder@<u32>::count;
}
