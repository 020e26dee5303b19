struct shape@ {
  u32 w, h; mutable u32 seen = 0;
  u32 area(u32 k) const { ++seen; return w * h + k; }
  u32 edge(u32 k) const { return (w + h) * $[2..5] ^ k; }
  virtual u32 name(u32 k) const { return k + $[1..9]; }
  virtual ~shape@() = default;
};
struct round@ : shape@ { u32 name(u32 k) const override { return k * $[3..9] + w; } };
struct more@ { virtual u32 second(u32 k) { return k; } virtual ~more@() = default; u32 m = $[u8]; };
struct both@ : shape@, more@ { u32 second(u32 k) override { return k ^ m ^ w; } u32 name(u32 k) const override { return k - h; } };
static NOINLINE u32 call@(const shape@ &s, u32 (shape@::*f)(u32) const, u32 k) { return (s.*f)(k); }
static NOINLINE u32 through@(more@ *m, u32 k) { return m->second(k); }
u32 run@(u32 x) {
  u32 (shape@::*const all[])(u32) const = {&shape@::area, &shape@::edge, &shape@::name};
  u32 shape@::*field = x & 1 ? &shape@::w : &shape@::h;
  shape@ a; round@ b; both@ c;
  a.w = x & 63; a.h = $[1..9]; b.w = $[3..30]; b.h = x & 7; c.w = 5; c.h = x & 31;
  u32 h = x;
  for (u32 i = 0; i < $[3..15]; ++i) {
    const shape@ &s = i % 3 == 0 ? a : i % 3 == 1 ? (const shape@ &)b : c;
    h = fold(h, call@(s, all[(x + i) % 3], h) + s.*field + s.seen);
  }
  return fold(h, through@(&c, h));
}
