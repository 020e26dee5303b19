/* Frame addresses: each call has its own, deeper ones lie below, and a function sees one however often it asks. */
#include "check.h"
#include <stdint.h>

static uintptr_t frames[8], again[8];
static volatile int rounds;

#define ASK(n) frames[n] = (uintptr_t)__builtin_frame_address(0)
#define ASK_AGAIN(n) again[n] = (uintptr_t)__builtin_frame_address(0)

/* What follows a call depends on volatile data, so that no call is in tail position. */
__attribute__((noinline)) int frame_address_d(int x) {
  ASK(3);
  int r = x * 3 + rounds;
  ASK_AGAIN(3);
  return r;
}
__attribute__((noinline)) int frame_address_c(int x) {
  ASK(2);
  int r = frame_address_d(x + 1) + rounds;
  ASK_AGAIN(2);
  return r;
}
__attribute__((noinline)) int frame_address_b(int x) {
  ASK(1);
  int r = frame_address_c(x * 2);
  for (int i = 0; i < x; ++i) r += rounds * i;
  ASK_AGAIN(1);
  return r;
}
__attribute__((noinline)) int frame_address_a(int x) {
  ASK(0);
  int r = x > 3 ? frame_address_b(x) + rounds : frame_address_c(x) - rounds;
  ASK_AGAIN(0);
  return r;
}

/* A frame that is larger because of a variable array is still one frame. */
__attribute__((noinline)) int frame_address_large(int n) {
  uintptr_t before = (uintptr_t)__builtin_frame_address(0);
  volatile char area[n];
  for (int i = 0; i < n; ++i) area[i] = (char)i;
  uintptr_t after = (uintptr_t)__builtin_frame_address(0);
  int inner = frame_address_a(4) + area[n / 2];
  return before == after && frames[0] < before ? inner : -1;
}

int main(void) {
  rounds = opaque(2);
  uintptr_t mine = (uintptr_t)__builtin_frame_address(0);
  int r = frame_address_a(opaque(5));
  printf("%d\n", r);
  CHECK(r == 33 + 2 + 2 * 10 + 2 + 2);
  for (int i = 0; i < 4; ++i) CHECK(frames[i] == again[i] && frames[i] != 0);
  CHECK(mine > frames[0] && frames[0] > frames[1] && frames[1] > frames[2] && frames[2] > frames[3]);
  uintptr_t deep = frames[2];
  r = frame_address_a(opaque(1));
  printf("%d\n", r);
  CHECK(frames[2] > deep && frames[2] < frames[0] && r == 6 + 2 + 2 - 2);
  r = frame_address_large(opaque(100));
  printf("%d\n", r);
  CHECK(r > 0);
  return failures != 0;
}
