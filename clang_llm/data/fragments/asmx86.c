// needs: x86
static NOINLINE u32 add@(u32 a, u32 b) {
  u32 r; u8 c;
  __asm__("addl %3, %0\n\tsetc %1" : "=r"(r), "=q"(c) : "0"(a), "$[r ~~ rm ~~ g]"(b) : "cc");
  return r + c;
}
static NOINLINE u32 branch@(u32 a) {
  __asm__ goto("testl %0, %0\n\tjs %l1" : : "r"(a) : "cc" : negative);
  return a $[+ ~~ *] $[3..99];
negative:
  return ~a;
}
static NOINLINE u32 clobber@(u32 a, u32 b) {
  u32 c = a * 3, d = b ^ $[u16];
  __asm__ volatile("xorl %%ecx, %%ecx\n\tmovl $$[1..99], %%edx" ::: "ecx", "edx", $["esi", "edi", ~~ "eax",] "cc");
  return c + d;
}
static u32 flags@(u32 x) { u32 r = 0; __asm__("bsrl %1, %0" : "=r"(r) : "r"(x | 1) : "cc"); return r; }
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[2..9]; ++i) h = fold(h, add@(h, x * i) ^ branch@(h + i)) + clobber@(h, i) + flags@(h);
  return h;
}
