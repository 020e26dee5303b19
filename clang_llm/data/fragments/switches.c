// cxx: yes
static NOINLINE u32 pick@(u32 x, u32 y) {
  switch (x $[% 16 ~~ & 31 ~~ % 100]) {
%repeat I 3..11
  case $I: y = y $[+ ~~ ^ ~~ *] $[1..999]; $[break; ~~ break; ~~ /* fall through */ ~~ return y;]
%end
  case $[40..60]: return y >> 3;
  case $[70..99]: y = ~y; break;
  default: y += $[1..50];
  }
  return y;
}
static NOINLINE const char *name@(u32 x) {
  switch (x & 7) {
  case 0: return "zero"; case 1: return "$[one ~~ un]"; case 2: return "two"; case 3: return "three";
  case 4: return "$[four ~~ two]"; case 6: return "six";
  default: return "many";
  }
}
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[10..60]; ++i) { h = fold(h, pick@(h >> (i & 7), x + i)); h += (u8)name@(h)[0]; }
  return h;
}
