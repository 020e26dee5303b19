// needs: exceptions
struct trouble@ { u32 code; explicit trouble@(u32 c) : code(c) {} };
struct worse@ : trouble@ { using trouble@::trouble@; };
static u32 alive@, closed@;
struct guard@ {
  u32 id;
  explicit guard@(u32 i) : id(i) { ++alive@; }
  guard@(const guard@ &) = delete;
  ~guard@() { --alive@; closed@ = closed@ * $[3..31] + id; }
};
static NOINLINE u32 risky@(u32 x, u32 depth) {
  guard@ g(depth);
  if (depth == 0) {
    switch (x % $[4..7]) {
    case 0: throw trouble@(x);
    case 1: throw worse@(x + 1);
    case 2: throw (int)(x & 0xff);
    case 3: throw "text@";
    default: return x;
    }
  }
  guard@ h(depth + 100);
  u32 r = risky@(x, depth - 1);
  return r + h.id;
}
static NOINLINE u32 layered@(u32 x) {
  try {
    guard@ g(7);
    try { return risky@(x, $[1..5]); }
    catch (worse@ &w) { if (w.code & 1) throw; return w.code; }
    catch (int i) { throw trouble@((u32)i * $[3..9]); }
  } catch (const trouble@ &t) { return t.code ^ $[u16]; }
  catch (const char *s) { return (u32)s[0]; }
}
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[4..16]; ++i) { h = fold(h, layered@(x + i)); h = fold(h, closed@ + alive@ * 1000); }
  return h;
}
