struct num@ {
  i64 p; u32 q;
  constexpr num@(i64 a, u32 b = 1) : p(a), q(b) {}
  constexpr num@ operator+(const num@ &o) const { return num@((p * o.q + o.p * q) % 1000003, (q * o.q) % 997 + 1); }
  constexpr num@ operator*(const num@ &o) const { return num@((p * o.p) % 1000003, (q * o.q) % 991 + 1); }
  constexpr bool operator<(const num@ &o) const { return p * o.q < o.p * q; }
  num@ &operator+=(const num@ &o) { return *this = *this + o; }
  explicit operator u32() const { return (u32)p * 31 + q; }
};
static constexpr num@ constant@ = num@($[1..99], $[1..9]) * num@($[1..99]) + num@($[1..9], $[2..7]);
static_assert(constant@.q > 0, "");
enum class colour@ : $[u8 ~~ u16 ~~ int] { red, green = $[2..9], blue = $[20..90] };
static NOINLINE colour@ shift@(colour@ c) { switch (c) { case colour@::red: return colour@::green; case colour@::green: return colour@::blue; default: return colour@::red; } }
u32 run@(u32 x) {
  num@ n((i64)(x & 1023), x % 13 + 1);
  colour@ c = x & 1 ? colour@::red : colour@::blue;
  u32 h = x;
  for (u32 i = 0; i < $[3..15]; ++i) {
    n += constant@ * num@((i64)i);
    c = shift@(c);
    h = fold(h, (u32)n + (u32)c + (n < constant@));
  }
  return h;
}
