// needs: ieee
static NOINLINE double make@(u64 payload) { u64 v = 0x7ff8000000000000ull | payload; double d; memcpy(&d, &v, 8); return d; }
static NOINLINE u64 bits@(double d) { u64 v; memcpy(&v, &d, 8); return v; }
static NOINLINE double choose@(double a, double b, u32 x) { return x & 1 ? a : $[-b ~~ __builtin_fabs(b) ~~ __builtin_copysign(b, -1.0)]; }
u32 run@(u32 x) {
  double list[] = {make@(x & 0xffff), -make@($[u16]), 0.0, -0.0, 1.5, __builtin_inf()};
  u32 h = x;
  for (unsigned i = 0; i < 6; ++i) {
    double a = list[(x + i) % 6], b = list[(i * $[1..5]) % 6];
    h = fold(h, bits@(choose@(a, b, x >> i)));
    h = h * 3 + (u32)(a < b) + 2u * (u32)(a == b) + 4u * (u32)!!__builtin_isnan(a) + 8u * (u32)!!__builtin_signbit(b) + 16u * (u32)__builtin_isunordered(a, b);
  }
  return h;
}
