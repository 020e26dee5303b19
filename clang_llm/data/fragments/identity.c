// cxx: yes
%repeat I 3..6
$[static ~~ ] NOINLINE u32 same@_$I(u32 x) { return x * 31 + 7; }
%end
static u32 (*const table@[])(u32) = {same@_0, same@_1, same@_2};
static NOINLINE u32 kind@(u32 (*f)(u32)) { return f == same@_0 ? 1 : f == same@_1 ? 2 : f == same@_2 ? 3 : 4; }
u32 run@(u32 x) {
  u32 h = x;
  for (unsigned i = 0; i < 3; ++i) {
    h = fold(h, table@[(x + i) % 3](h));
    h = h * 5 + kind@(table@[i]);
  }
  return h + $[u8] * (u32)(table@[0] != table@[1]);
}
