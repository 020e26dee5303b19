// cxx: yes
static u32 odd@(u32 n, u32 a);
static $[NOINLINE ~~ ] u32 even@(u32 n, u32 a) { return n == 0 ? a : odd@(n - 1, a * $[3..9] + n); }
static $[NOINLINE ~~ ] u32 odd@(u32 n, u32 a) { return n == 0 ? ~a : even@(n - 1, a ^ (n << $[1..9])); }
static NOINLINE u32 tree@(u32 n) { return n < 2 ? n + $[1..5] : tree@(n - 1) $[+ ~~ ^] tree@(n - 2) * 3; }
static NOINLINE u32 acker@(u32 m, u32 n) { return m == 0 ? n + 1 : n == 0 ? acker@(m - 1, 1) : acker@(m - 1, acker@(m, n - 1)); }
u32 run@(u32 x) { return fold(even@(x % $[20..200], x), tree@(x % $[5..12] + 2)) + acker@(2, x % $[3..8]); }
