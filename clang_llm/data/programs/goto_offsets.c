/* Tables of distances between labels, labels kept in variables over calls, several indirect jumps in one function. */
#include "check.h"

/* One copy only: the table holds distances within this body. */
__attribute__((noinline)) int goto_offsets_run(const unsigned char *code, int x) {
  static const int offsets[] = {0, &&increment - &&stop, &&twice - &&stop, &&negate - &&stop, &&loop - &&stop};
  const unsigned char *at = code;
  int left = 3;
  goto *(&&stop + offsets[*at++]);
increment:
  ++x;
  goto *(&&stop + offsets[*at++]);
twice:
  x *= 2;
  goto *(&&stop + offsets[*at++]);
negate:
  x = -x;
  goto *(&&stop + offsets[*at++]);
loop:
  if (--left > 0) at = code;
  goto *(&&stop + offsets[*at++]);
stop:
  return x;
}

static int calls;
__attribute__((noinline)) static int side(int x) { return ++calls, x ^ 1; }

/* A state machine: the next state is a label that lives over the calls. */
__attribute__((noinline)) int goto_offsets_states(const char *text) {
  void *next = &&outside;
  int words = 0, inside_length = 0;
  while (*text) {
    int letter = *text >= 'a' && *text <= 'z';
    ++text;
    goto *next;
  outside:
    if (letter) {
      words = words + 1 + (side(0) - 1);
      inside_length = 1;
      next = &&inside;
    }
    continue;
  inside:
    if (letter) {
      ++inside_length;
      if (side(inside_length) % 8 == 0) next = &&too_long;
    } else {
      next = &&outside;
    }
    continue;
  too_long:
    if (!letter) words += 100, next = &&outside;
  }
  return words;
}

/* Two places jump with one pointer; which labels it may have differs. */
__attribute__((noinline)) int goto_offsets_two(int first, int second) {
  void *const a[] = {&&one, &&two}, *const b[] = {&&two, &&three};
  int sum = 0, rounds = 0;
  goto *a[first & 1];
one:
  sum += 1;
  if (++rounds > 4) return sum;
  goto *b[second & 1];
two:
  sum += 10;
  if (++rounds > 4) return sum;
  goto *a[(first + rounds) & 1];
three:
  sum += 100;
  if (++rounds > 4) return sum;
  goto *b[(second + rounds) & 1];
}

int main(void) {
  const unsigned char once[] = {1, 2, 3, 0}, looped[] = {1, 2, 4, 3, 0}, nothing[] = {0};
  printf("%d %d %d\n", goto_offsets_run(once, opaque(5)), goto_offsets_run(looped, opaque(1)), goto_offsets_run(nothing, 9));
  CHECK(goto_offsets_run(once, opaque(5)) == -12 && goto_offsets_run(looped, opaque(1)) == -22);
  CHECK(goto_offsets_run(nothing, opaque(9)) == 9);
  int words = goto_offsets_states("a few words, and extraordinarily long ones");
  printf("%d %d\n", words, calls);
  CHECK(words == 107);
  for (int i = 0; i < 4; ++i) printf("%d ", goto_offsets_two(opaque(i), opaque(i / 2)));
  puts("");
  CHECK(goto_offsets_two(opaque(1), opaque(0)) >= 5);
  return failures != 0;
}
