/* Decoding UTF-8 with a state table: all boundaries, overlong forms, surrogates, text cut off. */
#include "check.h"
#include <stdint.h>
#include <string.h>

enum { BAD = 0xfffd };

static const struct { unsigned char mask, lead; uint32_t first; int more; } forms[] = {
    {0x80, 0x00, 0, 0}, {0xe0, 0xc0, 0x80, 1}, {0xf0, 0xe0, 0x800, 2}, {0xf8, 0xf0, 0x10000, 3}};

/* Reads one character; an error consumes one byte. */
static uint32_t decode(const unsigned char **p, const unsigned char *end) {
  const unsigned char *s = *p;
  for (unsigned f = 0; f < 4; ++f) {
    if ((*s & forms[f].mask) != forms[f].lead) continue;
    uint32_t c = *s & (unsigned char)~forms[f].mask;
    int i;
    for (i = 1; i <= forms[f].more && s + i < end && (s[i] & 0xc0) == 0x80; ++i) c = c << 6 | (s[i] & 0x3f);
    if (i <= forms[f].more || c < forms[f].first || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) break;
    *p = s + i;
    return c;
  }
  *p = s + 1;
  return BAD;
}

unsigned utf8_decode_encode(uint32_t c, unsigned char *out) {
  if (c < 0x80) return out[0] = (unsigned char)c, 1;
  unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (unsigned i = n - 1; i > 0; --i, c >>= 6) out[i] = (unsigned char)(0x80 | (c & 0x3f));
  out[0] = (unsigned char)((0xf00u >> n & 0xff) | c);
  return n;
}

static unsigned count(const char *text, unsigned *bad) {
  const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
  unsigned n = 0;
  for (*bad = 0; p < end; ++n) *bad += decode(&p, end) == BAD;
  return n;
}

int main(void) {
  unsigned char bytes[4];
  uint32_t hash = 7;
  for (uint32_t c = 1; c < 0x110000; c += 1 + c / 97) {
    if (c >= 0xd800 && c < 0xe000) continue;
    unsigned n = utf8_decode_encode(c, bytes);
    const unsigned char *p = bytes;
    CHECK(decode(&p, bytes + n) == c && p == bytes + n);
    for (unsigned i = 0; i < n; ++i) hash = hash * 33 + bytes[i];
  }
  printf("%08x\n", hash);
  const uint32_t edges[] = {0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff};
  for (int i = 0; i < 7; ++i) {
    unsigned n = utf8_decode_encode(edges[opaque(i)], bytes);
    printf("%u:%02x..%02x ", n, bytes[0], bytes[n - 1]);
  }
  printf("\n");
  const char *texts[] = {"plain", "\xc3\xa9t\xc3\xa9", "\xe2\x82\xac\xf0\x9f\x98\x80", "\xc0\x80", "\xed\xa0\x80", "a\xe2\x82",
                         "\xf4\x90\x80\x80", "\xff\xfe", "\x80z"};
  const unsigned counts[] = {5, 3, 2, 2, 3, 3, 4, 2, 2}, bads[] = {0, 0, 0, 2, 3, 2, 4, 2, 1};
  for (int i = 0; i < 9; ++i) {
    unsigned bad, n = count(texts[opaque(i)], &bad);
    printf("%u %u\n", n, bad);
    CHECK(n == counts[i] && bad == bads[i]);
  }
  return failures != 0;
}
