/* Atomic operations of 1, 2, 4 and 8 bytes and of pointers: what they return, neighbours that must not change, orders. */
#include "check.h"
#include <stdbool.h>
#include <stdint.h>

#define TEST(type, name)                                                                          \
  static struct { type before, x, after; } cell_##name = {(type)-1, 10, (type)-1};                \
  __attribute__((noinline)) uint64_t atomic_sizes_##name(type by) {                               \
    type *x = &cell_##name.x;                                                                     \
    uint64_t h = 0;                                                                               \
    h = h * 31 + __atomic_fetch_add(x, by, __ATOMIC_RELAXED);                                     \
    h = h * 31 + __atomic_fetch_sub(x, 3, __ATOMIC_ACQUIRE);                                      \
    h = h * 31 + __atomic_fetch_or(x, (type)(by << 1), __ATOMIC_RELEASE);                         \
    h = h * 31 + __atomic_fetch_and(x, (type)0x7e, __ATOMIC_ACQ_REL);                             \
    h = h * 31 + __atomic_xor_fetch(x, by, __ATOMIC_SEQ_CST);                                     \
    h = h * 31 + __atomic_fetch_nand(x, (type)0x3c, __ATOMIC_SEQ_CST);                            \
    h = h * 31 + __atomic_exchange_n(x, (type)(by * 2), __ATOMIC_SEQ_CST);                        \
    type seen = (type)(by + 1);                                                                   \
    bool first = __atomic_compare_exchange_n(x, &seen, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);   \
    bool second = __atomic_compare_exchange_n(x, &seen, (type)(seen + 5), false, __ATOMIC_RELEASE, __ATOMIC_RELAXED); \
    h = h * 31 + (uint64_t)first * 2 + second;                                                    \
    h = h * 31 + __atomic_add_fetch(x, (type)0xf0, __ATOMIC_SEQ_CST);                             \
    __atomic_store_n(x, (type)(__atomic_load_n(x, __ATOMIC_ACQUIRE) ^ 0x55), __ATOMIC_RELEASE);   \
    return h * 31 + *x;                                                                           \
  }                                                                                               \
  /* The same without atomics. */                                                                 \
  static uint64_t plain_##name(type by) {                                                         \
    type x = 10, old;                                                                             \
    uint64_t h = 0;                                                                               \
    h = h * 31 + x, x = (type)(x + by);                                                           \
    h = h * 31 + x, x = (type)(x - 3);                                                            \
    h = h * 31 + x, x = (type)(x | (type)(by << 1));                                              \
    h = h * 31 + x, x = x & 0x7e;                                                                 \
    x = x ^ by, h = h * 31 + x;                                                                   \
    h = h * 31 + x, x = (type) ~(x & 0x3c);                                                       \
    h = h * 31 + x, old = (type)(by * 2), x = old;                                                \
    h = h * 31 + (x == (type)(by + 1)) * 2 + 1, x = (type)(x + 5);                                \
    x = (type)(x + 0xf0), h = h * 31 + x;                                                         \
    x = x ^ 0x55;                                                                                 \
    return h * 31 + x;                                                                            \
  }

TEST(uint8_t, one)
TEST(uint16_t, two)
TEST(uint32_t, four)
#if __GCC_ATOMIC_LLONG_LOCK_FREE == 2
TEST(uint64_t, eight)
#endif

static int numbers[8];
static int *position = numbers;
static bool flag;

int main(void) {
  CHECK(atomic_sizes_one((uint8_t)opaque(77)) == plain_one((uint8_t)opaque(77)));
  CHECK(atomic_sizes_two((uint16_t)opaque(7000)) == plain_two((uint16_t)opaque(7000)));
  CHECK(atomic_sizes_four((uint32_t)opaque(700000)) == plain_four((uint32_t)opaque(700000)));
  CHECK(cell_one.before == 255 && cell_one.after == 255 && cell_two.before == 65535 && cell_two.after == 65535);
  CHECK(cell_four.before == UINT32_MAX && cell_four.after == UINT32_MAX);
  printf("%u %u %u\n", cell_one.x, cell_two.x, cell_four.x);
#if __GCC_ATOMIC_LLONG_LOCK_FREE == 2
  uint64_t by = (uint64_t)opaque(1) << 40 | 99;
  CHECK(atomic_sizes_eight(by) == plain_eight(by) && cell_eight.before == UINT64_MAX && cell_eight.after == UINT64_MAX);
#endif
  for (int i = 0; i < 8; ++i) *__atomic_fetch_add(&position, sizeof(int), __ATOMIC_SEQ_CST) = opaque(i) * i;
  CHECK(position == numbers + 8 && numbers[7] == 49 && numbers[3] == 9);
  int *wanted = numbers;
  CHECK(!__atomic_compare_exchange_n(&position, &wanted, numbers + 1, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  CHECK(wanted == numbers + 8);
  CHECK(!__atomic_test_and_set(&flag, __ATOMIC_ACQUIRE) && __atomic_test_and_set(&flag, __ATOMIC_ACQUIRE));
  __atomic_clear(&flag, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_signal_fence(__ATOMIC_ACQUIRE);
  CHECK(!flag);
  return failures != 0;
}
