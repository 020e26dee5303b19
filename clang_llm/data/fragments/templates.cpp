template <typename T, int N> struct ring@ {
  T items[N]; int at = 0; T sum{};
  void push(T v) { sum = (T)(sum + v - items[at]); items[at] = v; at = (at + 1) % N; }
  ring@() : items{} {}
};
template <typename D> struct base@ { u32 twice(u32 x) { return static_cast<D *>(this)->once(static_cast<D *>(this)->once(x)); } };
%repeat I 2..4
struct derived@_$I : base@<derived@_$I> { u32 k; explicit derived@_$I(u32 k) : k(k) {} u32 once(u32 x) { return x $[* ~~ ^ ~~ +] (k + $[1..9]); } };
%end
template <typename... A> static u32 all@(u32 h, A... a) { ((h = fold(h, (u64)a)), ...); return h; }
template <int N> struct power@ { static constexpr u64 value = power@<N - 1>::value * $[3..7]; };
template <> struct power@<0> { static constexpr u64 value = 1; };
template <typename T> NOINLINE u32 use@(u32 x) {
  ring@<T, $[2..9]> r;
  for (u32 i = 0; i < $[3..30]; ++i) r.push((T)(x + i * $[1..9]));
  return (u32)r.sum;
}
u32 run@(u32 x) {
  u32 h = all@(x, use@<u32>(x), use@<u8>(x), use@<$[u64 ~~ i64 ~~ u16]>(x));
  return all@(h, derived@_0(h).twice(x), derived@_1(x).twice(h), power@<$[2..20]>::value);
}
