// cxx: yes
static NOINLINE u32 look@(const char *s, char c) {
  const char *p = strchr(s, c), *q = strrchr(s, c);
  u32 h = (u32)strlen(s) * 3 + (p ? (u32)(p - s) : 99) + (q ? (u32)(q - s) * 5 : 77);
  return h + (u32)strspn(s, "$[abc ~~ xyz ~~ lorem ]") * 11 + (u32)strcspn(s, "$[ e ~~ o ~~ qz]");
}
u32 run@(u32 x) {
  static const char *const words[] = {"$[lorem ~~ ipsum ~~ ]", "$[abcabc ~~ zz top]", "dolor sit amet", "$[q ~~ xyzzy ~~ aaaaaaaaaaaaaaaaab]"};
  char buffer[96] = "", number[24];
  u32 h = x;
  for (unsigned i = 0; i < $[2..7]; ++i) {
    const char *w = words[(x >> i) & 3];
    if (strlen(buffer) + strlen(w) < sizeof buffer - 24) strcat(buffer, w);
    snprintf(number, sizeof number, "%u", (x + i) % 1000);
    strncat(buffer, number, 3);
    h = fold(h, look@(buffer, (char)('a' + (x + i) % 26)));
    h += (u32)(strcmp(w, words[i & 3]) < 0) + 2u * (u32)(strncmp(w, buffer, $[1..5]) == 0) + 4u * (u32)(memchr(buffer, 'o', strlen(buffer)) != NULL);
    if (strlen(buffer) > 60) buffer[$[0..9]] = 0;
  }
  return h + (u32)strtoul(number, NULL, $[0 ~~ 10 ~~ 16]);
}
