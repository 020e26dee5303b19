/* Computed goto: an interpreter with threaded dispatch, distances between labels, labels in static tables. */
#include "check.h"
#include <stdint.h>

enum { PUSH, ADD, MULTIPLY, DUPLICATE, SWAP, DECREMENT, JUMP_IF, PRINT, HALT };

static long run(const int8_t *code, int trace) {
  static const void *const labels[] = {&&push, &&add, &&multiply, &&duplicate, &&swap, &&decrement, &&jump_if, &&print,
                                       &&halt};
  long stack[16];
  int top = 0, at = 0, steps = 0;
#define NEXT               \
  do {                     \
    if (++steps > 500) return -1; \
    goto *labels[code[at++]]; \
  } while (0)
  NEXT;
push:
  stack[top++] = code[at++];
  NEXT;
add:
  --top;
  stack[top - 1] += stack[top];
  NEXT;
multiply:
  --top;
  stack[top - 1] *= stack[top];
  NEXT;
duplicate:
  stack[top] = stack[top - 1];
  ++top;
  NEXT;
swap: {
  long t = stack[top - 1];
  stack[top - 1] = stack[top - 2];
  stack[top - 2] = t;
  NEXT;
}
decrement:
  --stack[top - 1];
  NEXT;
jump_if:
  at = stack[top - 1] != 0 ? code[at] : at + 1;
  NEXT;
print:
  if (trace) printf("%ld ", stack[top - 1]);
  NEXT;
halt:
  return stack[top - 2] * 1000 + steps;
}

/* Offsets from a first label, as position-independent tables are written. */
int goto_computed_classify(const char *text) {
  static const int32_t offsets[] = {0, 1, 2};
  void *const targets[] = {&&letter, &&number, &&other};
  int letters = 0, digits = 0, others = 0;
again:
  if (!*text) return letters * 100 + digits * 10 + others;
  {
    int class = *text >= '0' && *text <= '9' ? 1 : *text >= 'a' && *text <= 'z' ? 0 : 2;
    ++text;
    goto *targets[offsets[class]];
  }
letter:
  ++letters;
  goto again;
number:
  ++digits;
  goto again;
other:
  ++others;
  goto again;
}

int main(void) {
  /* product = 1; for (n = 6; n; --n) product *= n */
  const int8_t factorial[] = {PUSH, 1, PUSH, 6, DUPLICATE, PUSH, 0, ADD, PRINT, /* keeps a copy of n */
                              SWAP, DECREMENT, SWAP, HALT};
  /* the pair (a, n): a = a + a while --n */
  const int8_t doubling[] = {PUSH, 3, PUSH, 7, SWAP, DUPLICATE, ADD, PRINT, SWAP, DECREMENT, JUMP_IF, 4, HALT};
  long a = run(factorial, 1), b = run(doubling, opaque(1));
  printf("\n%ld %ld\n", a, b);
  CHECK(a == 5010 && b == 384052);
  const int8_t endless[] = {PUSH, 1, JUMP_IF, 2};
  CHECK(run(endless, opaque(0)) == -1);
  CHECK(goto_computed_classify("ab1 2-c3d") == 432 && goto_computed_classify("") == 0);
  return failures != 0;
}
