/* Return addresses: who asks where it was called from must be told its caller, wherever code of both was moved to. */
#include "check.h"
#include <stddef.h>
#include <stdint.h>

#define CALLERS __attribute__((section("return_address_callers"), noinline))
#define CALLED __attribute__((section("return_address_called"), noinline))

#ifdef __ELF__
extern const char callers_begin[] __asm__("__start_return_address_callers");
extern const char callers_end[] __asm__("__stop_return_address_callers");
extern const char called_begin[] __asm__("__start_return_address_called");
extern const char called_end[] __asm__("__stop_return_address_called");

static void *seen[16], *inner[16];
static int count;
int return_address_state[6] = {1, 2, 3, 4, 5, 6};
#define S return_address_state

CALLED void return_address_note(void *outer) {
  inner[count & 15] = __builtin_extract_return_addr(__builtin_return_address(0));
  seen[count++ & 15] = __builtin_extract_return_addr(outer);
}

/* Unsigned, so that it may wrap; the same in all functions, so that it would pay to share it. */
#define BODY                                                       \
  unsigned a = (unsigned)S[0], b = (unsigned)S[1], c = (unsigned)S[2], d = (unsigned)S[3]; \
  return_address_note(__builtin_return_address(0));                \
  a += b * 3 + c, b ^= d + a * 5, c -= a ^ d, d += a * b;          \
  a ^= c << 3, b += d >> 2, c = c * 31 + a, d ^= b - c * 11;       \
  S[0] = (int)(a & 0xffff), S[1] = (int)(b & 0xffff), S[2] = (int)(c & 0xffff), S[3] = (int)(d & 0xffff);

CALLED int return_address_one(int x) { BODY return S[0] + x; }
CALLED int return_address_two(int x) { BODY return S[1] * 2 + x; }
CALLED int return_address_three(int x) { BODY return S[2] - 7 * x; }
CALLED int return_address_four(int x) { BODY return S[3] / (x * x + 1); }
CALLED int return_address_five(int x) { BODY return S[1] & x; }

/* No call is the last thing done: a tail call would rightly have another return address. */
CALLERS int return_address_caller(int x) {
  int r = return_address_one(x);
  r += return_address_two(x);
  r ^= return_address_three(x + 1);
  if (x > 2) r += return_address_four(x) * 3;
  r -= return_address_five(x);
  return r + 1;
}
CALLERS int return_address_other(int x) { return return_address_one(x + 1) * 2 + return_address_five(x) + 1; }

static int within(void *p, const char *begin, const char *end) {
  return (uintptr_t)p > (uintptr_t)begin && (uintptr_t)p <= (uintptr_t)end;
}

int main(void) {
  int first = return_address_caller(opaque(5)), second = return_address_other(opaque(3));
  printf("%d %d\n", first, second);
  CHECK(count == 7);
  for (int i = 0; i < 7; ++i) {
    printf("%d%d ", within(seen[i], callers_begin, callers_end), within(inner[i], called_begin, called_end));
    CHECK(within(seen[i], callers_begin, callers_end));
    CHECK(within(inner[i], called_begin, called_end));
  }
  puts("");
#else
int main(void) {
  puts("no sections");
#endif
  return failures != 0;
}
