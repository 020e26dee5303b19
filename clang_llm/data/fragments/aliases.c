// needs: elf
u32 real@(u32 x) { return x * $[3..99] + $[u8]; }
u32 other@(u32 x) __attribute__((alias("$[real@ ~~ real@]")));
__attribute__((weak)) u32 weak@(u32 x) { return x ^ $[u32]; }
u32 weak_alias@(u32 x) __attribute__((weak, alias("weak@")));
extern u32 missing@(u32) __attribute__((weak));
u32 data@ = $[u16];
extern u32 data_alias@ __attribute__((alias("data@")));
u32 run@(u32 x) {
  u32 h = fold(real@(x), other@(x + 1));
  h += weak_alias@(h) - weak@(h ^ 1);
  if (missing@) h = missing@(h);
  data@ += h;
  h ^= data_alias@;
  return h + (u32)(&data@ == &data_alias@) + 2u * (u32)((u32 (*)(u32))real@ == other@);
}
