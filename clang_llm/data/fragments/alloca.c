static NOINLINE u32 fill@(u32 *out, unsigned n, u32 s) {
  for (unsigned i = 0; i < n; ++i) out[i] = next(&s);
  return out[n / 2];
}
static NOINLINE u32 dynamic@(u32 x) {
  unsigned n = x % $[5..60] + 1;
  u32 vla[n], h = fill@(vla, n, x);
  for (unsigned i = 0; i < $[1..5]; ++i) {
    u32 *more = (u32 *)__builtin_alloca((n + i) * sizeof(u32));
    h ^= fill@(more, n + i, h);
    h += more[0] + vla[n - 1];
  }
  $[_Alignas(64) u32 aligned[4] = {h, x, 1, 2}; h += ((uintptr_t)aligned & 63) ? 1000 : aligned[x & 3]; ~~ ]
  return h;
}
u32 run@(u32 x) {
  u32 h = 0;
  for (u32 i = 0; i < $[2..9]; ++i) h = fold(h, dynamic@(x + i));
  return h;
}
