// needs: exceptions
#include <exception>
static u32 path@;
struct mark@ { u32 v; ~mark@() { path@ = path@ * 31 + v; if (std::uncaught_exceptions()) path@ += $[1..9]; } };
struct made@ { mark@ a{1}; mark@ b; explicit made@(u32 x) : b{x} { if (x % $[2..5] == 0) throw x; } ~made@() { path@ ^= $[u8]; } };
static NOINLINE u32 build@(u32 x) try {
  made@ one(x), two(x + 1);
  return one.b.v + two.b.v;
} catch (u32 v) { return v * $[3..9]; }
static NOINLINE u32 kept@(u32 x) {
  std::exception_ptr held;
  try { if (x & 1) throw (i64)x; build@(x); throw 3; } catch (...) { held = std::current_exception(); }
  try { std::rethrow_exception(held); } catch (i64 v) { return (u32)v + 1; } catch (int) { return 17; }
}
static NOINLINE u32 loop@(u32 x) {
  u32 n = 0;
  for (u32 i = 0; i < $[3..9]; ++i) {
    mark@ m{i};
    try { if ((x >> i) & 1) throw i; if (i == 5) break; continue; } catch (u32 v) { n += v; if (v == $[1..7]) return n; }
  }
  return n;
}
u32 run@(u32 x) { path@ = 1; u32 h = fold(build@(x), kept@(x)); h = fold(h, loop@(x)); return fold(h, path@); }
