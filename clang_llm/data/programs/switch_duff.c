/* Switches whose cases are inside loops: Duff's device, coroutines by line number, a lexer with strings in tables. */
#include "check.h"
#include <string.h>

static int copied;

static void copy(char *to, const char *from, int count) {
  int rounds = (count + 7) / 8;
  if (count <= 0) return;
  switch (count % 8) {
    case 0: do { *to++ = *from++; ++copied; /* fall through */
    case 7: *to++ = *from++; ++copied; /* fall through */
    case 6: *to++ = *from++; ++copied; /* fall through */
    case 5: *to++ = *from++; ++copied; /* fall through */
    case 4: *to++ = *from++; ++copied; /* fall through */
    case 3: *to++ = *from++; ++copied; /* fall through */
    case 2: *to++ = *from++; ++copied; /* fall through */
    case 1: *to++ = *from++; ++copied;
    } while (--rounds > 0);
  }
}

struct counter { int line, i, j; };

/* A generator of pairs i <= j < 4 that goes on where it left. */
int switch_duff_next(struct counter *c) {
  switch (c->line) {
    case 0:
      for (c->i = 0; c->i < 4; ++c->i) {
        for (c->j = c->i; c->j < 4; ++c->j) {
          c->line = 1;
          return c->i * 10 + c->j;
    case 1:;
        }
      }
      c->line = 2; /* fall through */
    default: return -1;
  }
}

static const char *const words[] = {"if", "else", "while", "return", "for"};

static int word_class(const char *word) {
  switch (word[0]) {
    case 'i': return strcmp(word, words[0]) == 0 ? 0 : -1;
    case 'e': return strcmp(word, words[1]) == 0 ? 1 : -1;
    case 'w': return strcmp(word, words[2]) == 0 ? 2 : -1;
    case 'r': return strcmp(word, words[3]) == 0 ? 3 : -1;
    case 'f': return strcmp(word, words[4]) == 0 ? 4 : -1;
    default: return -2;
  }
}

int main(void) {
  char from[64], to[64];
  for (int i = 0; i < 64; ++i) from[i] = (char)('A' + i % 26);
  for (int n = 0; n <= 33; n += 3) {
    memset(to, '.', sizeof to);
    copy(to, from, opaque(n));
    printf("%.36s\n", to);
    CHECK(memcmp(to, from, (size_t)n) == 0 && to[n] == '.');
  }
  CHECK(copied == 3 * 66);
  struct counter c = {0, 0, 0};
  int pairs = 0, sum = 0;
  for (int pair = switch_duff_next(&c); pair >= 0; pair = switch_duff_next(&c)) {
    ++pairs;
    sum += pair;
  }
  printf("%d %d\n", pairs, sum);
  CHECK(pairs == 10 && sum == 120 && switch_duff_next(&c) == -1);
  const char *line[] = {"for", "in", "while", "x", "elsewhere", "return", "if"};
  for (int i = 0; i < 7; ++i) printf("%d ", word_class(line[opaque(i)]));
  CHECK(word_class("else") == 1 && word_class("rex") == -1);
  return failures != 0;
}
