#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NOINLINE __attribute__((noinline))
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;
static volatile u32 opaque = 0;
static inline u32 fold(u32 h, u64 v) {
  h = (h ^ (u32)v) * 16777619u;
  return (h ^ (u32)(v >> 32)) * 16777619u;
}
static inline u32 next(u32 *state) { return *state = *state * 1664525u + 1013904223u; }
static NOINLINE void say(const char *what, u32 value) { printf("%s %08x\n", what, value); }
