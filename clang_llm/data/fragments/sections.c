// needs: elf
struct entry@ { const char *name; u32 (*call)(u32); u32 weight; };
%repeat I 2..5
static NOINLINE $[__attribute__((section(".text.part@_$I"))) ~~ __attribute__((section(".ram@"))) ~~ ] u32 part@_$I(u32 x) {
  return x $[* 3 + 1 ~~ ^ 0x55 ~~ + 7 ~~ * 3 + 1];
}
static const struct entry@ entry@_$I __attribute__((used, section("table@"))) = {"n$I", part@_$I, $[1..9]};
%end
extern const struct entry@ __start_table@[], __stop_table@[];
u32 run@(u32 x) {
  u32 h = x;
  for (const struct entry@ *e = __start_table@; e != __stop_table@; ++e)
    h = fold(h, e->call(h) * e->weight + (u8)e->name[1]);
  return h;
}
