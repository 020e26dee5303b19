// sanitise: no
// options: $[-fno-builtin ~~ -ffreestanding ~~ ]
// once: yes
typedef __SIZE_TYPE__ size@;
// As the C library declares the functions that these are copies of: otherwise nobody takes them for the same.
#define LIKE(...) __attribute__((nothrow, nonnull(__VA_ARGS__)))
$[A=NOINLINE ~~ ] void *memcpy(void *restrict to, const void *restrict from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  $[B=while (n--) *t++ = *f++; ~~ if (n) do *t++ = *f++; while (--n); ~~ if (n) do *t++ = *f++; while (--n); ~~ for (size@ i = 0; i < n; ++i) t[i] = f[i];]
  return to;
}
$[static ~~ ] LIKE(1, 2) $A void *copy@(void *restrict to, const void *restrict from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  $B
  return to;
}
$A void *memset(void *to, int c, size@ n) {
  u8 *t = (u8 *)to;
  $[F=for (size@ i = 0; i < n; ++i) t[i] = (u8)c; ~~ if (n) do *t++ = (u8)c; while (--n);]
  return to;
}
$[static ~~ ] LIKE(1) $A void *fill@(void *to, int c, size@ n) {
  u8 *t = (u8 *)to;
  $F
  return to;
}
$A void *memmove(void *to, const void *from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  if (t < f) while (n--) *t++ = *f++;
  else while (n--) t[n] = f[n];
  return to;
}
LIKE(1, 2) $A void *shift@(void *to, const void *from, size@ n) {
  u8 *t = (u8 *)to; const u8 *f = (const u8 *)from;
  if (t < f) while (n--) *t++ = *f++;
  else while (n--) t[n] = f[n];
  return to;
}
$A size@ strlen(const char *s) { size@ n = 0; while (s[n]) ++n; return n; }
$[static ~~ ] LIKE(1) __attribute__((pure)) $A size@ length@(const char *s) { size@ n = 0; while (s[n]) ++n; return n; }
$A int memcmp(const void *a, const void *b, size@ n) {
  const u8 *p = (const u8 *)a, *q = (const u8 *)b;
  for (; n--; ++p, ++q) if (*p != *q) return *p - *q;
  return 0;
}
LIKE(1, 2) __attribute__((pure)) $A int compare@(const void *a, const void *b, size@ n) {
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
