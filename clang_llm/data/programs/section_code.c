/* Functions that must run from a section of their own, such as one in RAM: none of their code may be elsewhere. */
#include "check.h"
#include <stdint.h>

#ifdef __ELF__
#define RAM __attribute__((section("section_code_ram"), noinline))
#define FLASH __attribute__((section("section_code_flash"), noinline))
extern const char ram_begin[] __asm__("__start_section_code_ram");
extern const char ram_end[] __asm__("__stop_section_code_ram");
extern const char flash_begin[] __asm__("__start_section_code_flash");
extern const char flash_end[] __asm__("__stop_section_code_flash");

unsigned section_code_r[6] = {1, 2, 3, 4, 5, 6};
#define R section_code_r
static int outside, asked;
static const char *begin, *end;

__attribute__((noinline)) void section_code_probe(void) {
  uintptr_t from = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
  ++asked;
  outside += from <= (uintptr_t)begin || from > (uintptr_t)end;
}

#define BODY                                                                  \
  R[0] += R[1] * 3 + R[4], R[1] ^= R[2] + R[0] * 5, R[2] -= R[3] ^ R[5];      \
  R[3] += R[0] * R[1], R[4] = R[3] * 7 - R[5], R[5] ^= R[4] << 3;             \
  section_code_probe();                                                       \
  R[0] ^= R[2] << 3, R[1] += R[3] >> 2, R[2] = R[2] * 31 + R[0];              \
  R[3] ^= R[1] - R[4] * 11, R[4] += R[0] * R[2] - R[5], R[5] -= R[1] * 13;

RAM unsigned section_code_ram_a(unsigned a) { BODY return R[0] + a; }
RAM unsigned section_code_ram_b(unsigned a) { BODY return R[1] * 2 + a; }
RAM unsigned section_code_ram_c(unsigned a) { BODY return R[2] - 7 * a; }
RAM unsigned section_code_ram_d(unsigned a) {
  if (a > 3) {
    BODY
  }
  return R[3] / (a + 1);
}
FLASH unsigned section_code_flash_a(unsigned a) { BODY return R[0] + a; }
FLASH unsigned section_code_flash_b(unsigned a) { BODY return R[4] & a; }
/* The cold part belongs to the function, and so to its section. */
RAM unsigned section_code_ram_cold(unsigned a) {
  if (__builtin_expect(a > 2, 0)) {
    section_code_probe();
    R[0] ^= a * 3;
    section_code_probe();
    R[1] ^= a * 5;
    section_code_probe();
  }
  return R[0] ^ a;
}

typedef unsigned (*function)(unsigned);
static const function ram[] = {section_code_ram_a, section_code_ram_b, section_code_ram_c, section_code_ram_d,
                               section_code_ram_cold};
static const function flash[] = {section_code_flash_a, section_code_flash_b};

#ifdef __thumb__
enum { THUMB = 1 }; /* marks addresses of functions */
#else
enum { THUMB = 0 };
#endif

static int all_within(const function *f, int n) {
  int inside = 0;
  for (int i = 0; i < n; ++i) {
    uintptr_t p = (uintptr_t)f[opaque(i)] - THUMB;
    inside += p >= (uintptr_t)begin && p < (uintptr_t)end;
    printf("%x\n", f[i]((unsigned)opaque(i + 3)));
  }
  return inside;
}

int main(void) {
  begin = ram_begin, end = ram_end;
  CHECK(all_within(ram, 5) == 5);
  CHECK(outside == 0 && asked == 7);
  begin = flash_begin, end = flash_end;
  CHECK(all_within(flash, 2) == 2);
  CHECK(outside == 0 && asked == 9);
  for (int i = 0; i < 6; ++i) printf("%x ", R[i]);
  puts("");
#else
int main(void) {
  puts("no sections");
#endif
  return failures != 0;
}
