// needs: complex
typedef _Complex $[double ~~ float] cx@;
static NOINLINE cx@ step@(cx@ z, cx@ c) { return $[z * z + c ~~ z * c - z ~~ (z + c) / (c * 2.0f + 3.0f)]; }
u32 run@(u32 x) {
  cx@ z = 0, c = (x & 7) * 0.0625f + $[1..7] * 0.03125fi;
  u32 h = x;
  for (int i = 0; i < $[3..9]; ++i) {
    z = step@(z, c);
    double re = __real__ z, im = __imag__ z;
    if (!(re < 1e6 && re > -1e6 && im < 1e6 && im > -1e6)) z = 1;
    else h = fold(h, (u64)(i64)(re * 1024) ^ ((u64)(i64)(im * 1024) << 20));
  }
  return h;
}
