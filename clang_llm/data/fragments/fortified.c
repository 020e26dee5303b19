// needs: fortify
// once: yes
// options: -D_FORTIFY_SOURCE=2
// reference: -O1
// sanitise: no
static NOINLINE u32 copy@(const char *s, size_t n) {
  char buffer[$[12..40]];
  memset(buffer, 0, sizeof buffer);
  memcpy(buffer, s, n);
  $[strcpy(buffer, "fits"); ~~ snprintf(buffer, sizeof buffer, "%s", s); ~~ memmove(buffer + 1, buffer, n - 2); ~~ strncpy(buffer, s, n);]
  u32 h = 1;
  for (unsigned i = 0; i < sizeof buffer; ++i) h = fold(h, (u8)buffer[i]);
  return h;
}
u32 run@(u32 x) {
  static const char words[100] = "$[fine and short ~~ something else to copy around]";
  volatile size_t n = x % $[8..11] + 2;
  u32 h = copy@(words, n);
  say("before", h);
  volatile size_t much = $[5 ~~ 90 ~~ 41];
  return fold(h, copy@(words, much));
}
