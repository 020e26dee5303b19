"""C sources of the kinds that plans have broken: see test_soundness_cases.py."""

from __future__ import annotations

#: A function of the library and its twin, PAIR being their common body; USE prints what both do.
TWINS = """
#include <stddef.h>
#include <stdio.h>
{pair}
#define ADD {{ int t = 0; for (int i = 0; i < n; i++) {{ if (p[i] == 'q') t += 5; else t ^= p[i] * 3; }} return t; }}
int add_in(const unsigned char *p, int n) ADD
int add_out(const unsigned char *p, int n) ADD
volatile size_t n = 9;
char first[40] = "the quick brown fox", second[40] = "the quick brown dog", third[40];
int main(void) {{
  {use}
  printf("%d %d %s %s\\n", add_in((unsigned char *)first, 12), add_out((unsigned char *)third, 12), third, second);
  return 0;
}}
"""
COPIED = "{ char *a = d; const char *b = s; if (n) do *a++ = *b++; while (--n); return d; }"
FILLED = "{ unsigned char *a = d; while (n--) *a++ = (unsigned char)c; return d; }"
MOVED = """{
  char *a = d; const char *b = s;
  if (a < b) { while (n--) *a++ = *b++; } else { while (n--) a[n] = b[n]; }
  return d;
}"""
COMPARED = "{ const unsigned char *a = x, *b = y; for (; n; n--) if (*a++ != *b++) return 1; return 0; }"
MEASURED = "{ const char *e = s; while (*e) e++; return e - s; }"
#: Name → both definitions, what uses them.
LIBRARY = {
    "memcpy": (
        (
            f"void *copy(void *restrict d, const void *restrict s, size_t n) {COPIED}\n"
            f"void *memcpy(void *restrict d, const void *restrict s, size_t n) {COPIED}"
        ),
        "memcpy(third, first, n); copy(second + 3, first, n);",
    ),
    "memset": (
        f"void *memset(void *d, int c, size_t n) {FILLED}\nvoid *fill(void *d, int c, size_t n) {FILLED}",
        "memset(third, 'm', n); fill(second, 'f', n);",
    ),
    "memmove": (
        (
            f"void *move(void *d, const void *s, size_t n) {MOVED}\n"
            f"void *memmove(void *d, const void *s, size_t n) {MOVED}"
        ),
        "memmove(second + 2, second, n); move(third, first + 1, n);",
    ),
    "bcmp": (
        (
            f"int differ(const void *x, const void *y, size_t n) {COMPARED}\n"
            f"int bcmp(const void *x, const void *y, size_t n) {COMPARED}"
        ),
        'printf("%d %d ", bcmp(first, second, n), differ(first, second, n * 2));',
    ),
    "strlen": (
        f"size_t length(const char *s) {MEASURED}\nsize_t strlen(const char *s) {MEASURED}",
        'printf("%d %d ", (int)strlen(first), (int)length(second + n));',
    ),
}

#: Six functions that mostly do the same; MARK is before each of them, ASK in each.
ALIKE = """
{extra}
unsigned k[6] = {{ 9, 8, 7, 6, 5, 4 }};
#define WORK {ask} k[0] += k[1] * 3 + k[4]; k[1] ^= k[2] + k[0] * 5; k[2] -= k[3] ^ k[5]; k[3] += k[0] * k[1]; \\
  k[4] = k[3] * 7 - k[5]; k[5] ^= k[4] << 3; k[0] ^= k[2] << 5; k[1] += k[3] >> 2; k[2] = k[2] * 31 + k[0]; \\
  k[3] ^= k[1] - k[4] * 11; k[4] += k[0] * k[2] - k[5]; k[5] -= k[1] * 13;
{mark} unsigned p1(unsigned a) {{ WORK return k[0] + a; }}
{mark} unsigned p2(unsigned a) {{ WORK return k[1] * 2 + a; }}
{mark} unsigned p3(unsigned a) {{ WORK return k[2] - 9 * a; }}
{mark} unsigned p4(unsigned a) {{ WORK return k[3] / (a + 1); }}
{mark} unsigned p5(unsigned a) {{ WORK return k[4] & a; }}
{mark} unsigned p6(unsigned a) {{ WORK return k[5] ^ (a << 4); }}
"""
RAM = ALIKE.format(extra="", ask="", mark='__attribute__((section(".code_in_ram"), noinline))')
#: Who called is told by a section of its own, so that no guess at the size of a function is needed.
CALLED_FROM = (
    ALIKE.format(
        extra="#include <stdio.h>\nstatic char *from[6]; static int asked;\n"
        "__attribute__((noinline)) void keep(void *p) { from[asked++ % 6] = p; }\n"
        "extern char __start_callers[], __stop_callers[];",
        ask="keep(__builtin_return_address(0));",
        mark="__attribute__((noinline))",
    )
    + """
__attribute__((noinline, section("callers"))) unsigned all(unsigned x) {
  unsigned r = p1(x);
  r += p2(x + 1); r ^= p3(x); r += p4(x); r -= p5(x); r ^= p6(x);
  return r + x;
}
int main(int argc, char **argv) {
  printf("%u ", all((unsigned)argc));
  for (int i = 0; i < 6; i++) printf("%d", from[i] > __start_callers && from[i] <= __stop_callers);
  return 0;
}
"""
)
FORTIFIED = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void sink(void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }
struct tag { char text[12]; int end; };
static inline void shift(char *d, const char *s, size_t n) { memmove(d, s, n); }
void direct(const char *s, size_t n) { char b[20]; memcpy(b, s, n); sink(b); }
void offset(const char *s, size_t n) { char b[24], *p = b + 8; memcpy(p, s, n); sink(b); }
void either(const char *s, int c) { char a[10], b[30], *p = c ? a : b; strcpy(p, s); sink(p); }
void inner(const char *s, struct tag *out) { struct tag t; strcpy(t.text, s); t.end = 1; *out = t; }
void heap(const char *s, size_t n) { char *p = malloc(48); if (!p) return; memcpy(p, s, n); sink(p); free(p); }
void moved(const char *s, size_t n) { char b[28]; shift(b, s, n); sink(b); }
void rounds(const char *s, size_t n) { char b[60], *p = b;
  for (int i = 0; i < 3; i++) { memcpy(p, s, n); p += 20; } sink(b); }
void print(const char *s, size_t n) { char b[9]; snprintf(b, n, "%s", s); sink(b); }
void set(size_t n) { char b[9]; memset(b, 2, n); sink(b); }
int main(int argc, char **argv) {
  struct tag t;
  char b[8];
  const char *s = argc > 4 ? argv[2] : "far longer than any of them has room for";
  volatile size_t n = argc > 2 ? 2 : 7;
  memcpy(b, s, n);
  direct(s, n); offset(s, n); either("short", argc); heap(s, n); moved(s, n); rounds(s, n); print(s, n); set(n);
  strcpy(t.text, "fits");
  printf("%.7s %s\\n", b, t.text); fflush(stdout);
  strcpy(t.text, s);
  puts(t.text);
  return 0;
}
"""
JUMPS = """
#include <setjmp.h>
#include <stdio.h>
static jmp_buf retry;
static int count;
__attribute__((cold, noinline)) void tell(const char *what, int n) { printf("%s %d\\n", what, n); }
__attribute__((noinline)) static void below(int n) {
  volatile char room[400]; room[n & 255] = 1; if (++count < 4) longjmp(retry, count); room[1] = 2;
}
int run(int n) {
  int result = n * 2;
  if (n > 50) {
    tell("rare", n);
    tell("way", n - 1);
    if (setjmp(retry) == 0) tell("once", result);
    tell("more", count);
  }
  below(n);
  return result + count;
}
int main(int argc, char **argv) { printf("end %d\\n", run(argc + 90)); return 0; }
"""
ASSERTED = """
extern void width_is_unknown(void);
extern void table_is_too_small(void);
static int width(int kind) {
  switch (kind) { case 1: return 8; case 2: return 16; case 4: return 32; case 8: return 64; default: return 0; }
}
static int entries[4];
static inline void require(unsigned long n) { if (n > sizeof entries / sizeof *entries) table_is_too_small(); }
int used(void) { if (width(sizeof(short)) != 16) width_is_unknown(); require(3); return entries[0]; }
int main(void) { return used(); }
"""
HOOKED = """
static int square(int x) { return x * x; }
static int sum(const int *p, int n) { int t = 0; for (int i = 0; i < n; i++) t += square(p[i]); return t; }
static inline int twice(int x) { return square(x) + square(x + 1); }
static int rarely(int x) { return x > 1000 ? sum(&x, 1) : twice(x); }
int first(const int *p, int n) { return sum(p, n) + rarely(p[0]); }
int second(const int *p, int n) { return twice(n) - sum(p, n - 1) + rarely(n); }
int third(int x) { return square(x) ^ rarely(x + 1) ^ twice(x); }
"""
