struct pair@ { int a; double b; };
static NOINLINE u64 sum@(const char *kinds, ...) {
  va_list list, again;
  u64 total = $[u16];
  va_start(list, kinds);
  va_copy(again, list);
  for (const char *k = kinds; *k; ++k)
    switch (*k) {
    case 'i': total = total * 31 + (u64)va_arg(list, int); break;
    case 'l': total = total * 37 + (u64)va_arg(list, long long); break;
    case 'd': total += (u64)(i64)(va_arg(list, double) * 16); break;
    case 's': total += strlen(va_arg(list, const char *)); break;
    case 'p': { struct pair@ p = va_arg(list, struct pair@); total ^= (u64)p.a + (u64)(i64)p.b; break; }
    }
  if (*kinds == 'i')
    total ^= (u64)va_arg(again, int) << 7;
  va_end(again);
  va_end(list);
  return total;
}
static NOINLINE int text@(char *out, size_t size, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(out, size, format, list);
  va_end(list);
  return n;
}
u32 run@(u32 x) {
  struct pair@ p = {(int)(x & 0xffff), $[1..99].5};
  char buffer[64];
  u64 v = sum@("iildsp", (int)x, $[1..999], (long long)x << $[1..30], $[1..50].25, "$[abc ~~ hello ~~ ]", p);
  v += $[sum@("pid", p, (int)x, 2.5) ~~ sum@("lip", (long long)x, 7, p) ~~ sum@("", 1) ~~ sum@("ddddddddddi", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., (int)x)];
  int n = text@(buffer, sizeof buffer, "%d %s %x", (int)(x & 255), "$[w ~~ xyz]", x);
  for (int i = 0; i < n; ++i)
    v = v * 33 + (u8)buffer[i];
  return fold(x, v);
}
