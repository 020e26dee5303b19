/* Library string functions with known and unknown arguments: what libcall simplification knows about. */
#include "check.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"zero", "one", "two", "three", "", "a longer name than the others"};

static char *trim(char *s) {
  s += strspn(s, " \t");
  size_t n = strlen(s);
  while (n && strchr(" \t", s[n - 1])) s[--n] = 0;
  return s;
}

static int fields(char *line, char **out, int limit) {
  int n = 0;
  for (char *p = line; n < limit;) {
    char *comma = strchr(p, ',');
    out[n++] = p;
    if (!comma) break;
    *comma = 0;
    p = comma + 1;
  }
  return n;
}

int string_ops_glob(const char *pattern, const char *text) {
  if (!*pattern) return !*text;
  if (*pattern == '*') return string_ops_glob(pattern + 1, text) || (*text && string_ops_glob(pattern, text + 1));
  return *text && (*pattern == '?' || *pattern == *text) && string_ops_glob(pattern + 1, text + 1);
}

static int palindrome(const char *s) {
  size_t n = strlen(s);
  for (size_t i = 0; i < n / 2; ++i)
    if (s[i] != s[n - 1 - i]) return 0;
  return 1;
}

int main(void) {
  char line[64] = "  alpha, beta ,,gamma\t", out[128] = "";
  char *parts[8];
  int n = fields(line, parts, 8);
  for (int i = 0; i < n; ++i) {
    strcat(out, "[");
    strcat(out, trim(parts[i]));
    strcat(out, "]");
  }
  puts(out);
  CHECK(n == 4 && strcmp(out, "[alpha][beta][][gamma]") == 0);
  size_t total = 0;
  for (int i = 0; i < 6; ++i) {
    const char *name = names[opaque(i)];
    total = total * 10 + strlen(name);
    printf("%s|%.3s|%d\n", name, name, strncmp(name, "th", 2) == 0);
  }
  CHECK(total == 433500 + 29);
  CHECK(strlen("constant") == 8 && strlen(names[opaque(4)]) == 0 && *names[opaque(4)] == 0);
  CHECK(strrchr("a/b/c", opaque('/'))[1] == 'c' && !strchr("abc", opaque('x')) && strchr("abc", opaque(0))[-1] == 'c');
  CHECK(strstr(names[5], "name") - names[5] == 9 && strstr("abc", "") && !strstr("ab", "abc"));
  CHECK(string_ops_glob("a*?c*", "abxcx") && !string_ops_glob("a*b", "abc") && string_ops_glob("*", ""));
  CHECK(palindrome("abcba") && palindrome("") && !palindrome("ab"));
  char copy[16];
  strncpy(copy, names[opaque(3)], 4);
  copy[4] = 0;
  CHECK(strcmp(copy, "thre") == 0);
  CHECK(snprintf(copy, 8, "%s-%d", names[opaque(1)], opaque(12345)) == 9 && strcmp(copy, "one-123") == 0);
  int number, read = 0;
  CHECK(sscanf("x=-17;", "x=%d%n", &number, &read) == 1 && number == -17 && read == 5);
  CHECK(strtol("0x7fz", NULL, opaque(16)) == 127 && atoi(" -12abc") == -12 && strtoul("777", NULL, 8) == 511);
  CHECK(memchr(names[2], 'o', 3) == names[2] + 2 && strcspn("ab;c", ";,") == 2);
  return failures != 0;
}
