#include <stdatomic.h>
static _Atomic($[u8 ~~ u16 ~~ u32]) small@;
static _Atomic(u32) word@ = $[u16];
static atomic_flag flag@ = ATOMIC_FLAG_INIT;
static NOINLINE u32 swap@(u32 x) {
  u32 old = atomic_load_explicit(&word@, memory_order_$[relaxed ~~ acquire ~~ seq_cst]);
  while (!atomic_compare_exchange_$[weak ~~ strong](&word@, &old, old * 5 + x))
    ;
  return old;
}
u32 run@(u32 x) {
  u32 h = x;
  for (u32 i = 0; i < $[3..20]; ++i) {
    h = fold(h, atomic_fetch_$[add ~~ sub ~~ xor ~~ or](&small@, (u8)(x + i)));
    h = fold(h, swap@(i));
    if (!atomic_flag_test_and_set(&flag@)) h += 3;
    if (i % $[2..5] == 0) atomic_flag_clear(&flag@);
    atomic_thread_fence(memory_order_$[release ~~ seq_cst]);
    h ^= atomic_exchange_explicit(&word@, h, memory_order_acq_rel);
  }
  return h;
}
