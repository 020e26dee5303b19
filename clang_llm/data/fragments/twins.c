// sanitise: no
// options: $[-fno-builtin ~~ -ffreestanding ~~ ]
// once: yes
typedef __SIZE_TYPE__ size@;
$[ ~~ __attribute__((noinline))] void *memcpy(void *restrict to, const void *restrict from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  $[while (n--) *t++ = *f++; ~~ for (size@ i = 0; i < n; ++i) t[i] = f[i];]
  return to;
}
$[static ~~ ] NOINLINE void *copy@(void *restrict to, const void *restrict from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  $[while (n--) *t++ = *f++; ~~ for (size@ i = 0; i < n; ++i) t[i] = f[i];]
  return to;
}
void *memset(void *to, int c, size@ n) {
  u8 *t = (u8 *)to;
  for (size@ i = 0; i < n; ++i) t[i] = (u8)c;
  return to;
}
$[static ~~ ] NOINLINE void *fill@(void *to, int c, size@ n) {
  u8 *t = (u8 *)to;
  for (size@ i = 0; i < n; ++i) t[i] = (u8)c;
  return to;
}
void *memmove(void *to, const void *from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  if (t < f) while (n--) *t++ = *f++;
  else while (n--) t[n] = f[n];
  return to;
}
NOINLINE void *shift@(void *to, const void *from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  if (t < f) while (n--) *t++ = *f++;
  else while (n--) t[n] = f[n];
  return to;
}
size@ strlen(const char *s) { size@ n = 0; while (s[n]) ++n; return n; }
$[static ~~ ] NOINLINE size@ length@(const char *s) { size@ n = 0; while (s[n]) ++n; return n; }
int memcmp(const void *a, const void *b, size@ n) {
  const u8 *p = (const u8 *)a, *q = (const u8 *)b;
  for (; n--; ++p, ++q) if (*p != *q) return *p - *q;
  return 0;
}
NOINLINE int compare@(const void *a, const void *b, size@ n) {
  const u8 *p = (const u8 *)a, *q = (const u8 *)b;
  for (; n--; ++p, ++q) if (*p != *q) return *p - *q;
  return 0;
}
u32 run@(u32 x) {
  u8 a[$[20..80]], b[sizeof a];
  fill@(a, (int)x, sizeof a);
  memset(b, $[1..200], sizeof b);
  copy@(a + 3, b, $[1..9]);
  memcpy(b + 5, a, $[1..12]);
  memmove(a + 1, a, sizeof a - 2);
  shift@(b, b + 2, $[2..15]);
  u32 h = x;
  for (unsigned i = 0; i < sizeof a; ++i) h = fold(h, a[i] * 256u + b[i]);
  h += (u32)(memcmp(a, b, 9) < 0) + 2u * (u32)(compare@(a, b, sizeof a) < 0);
  b[sizeof b - 1] = 0;
  return h + (u32)length@("$[abc ~~ ~~ hello world]") + (u32)strlen((char *)b + 1) * 7;
}
