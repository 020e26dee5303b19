/* Checks and ciphers with published answers: CRC-32, Adler-32, XTEA and SHA-256 of short texts. */
#include "check.h"
#include <stdint.h>
#include <string.h>

static uint32_t table[256];

static void make_table(void) {
  for (uint32_t n = 0; n < 256; ++n) {
    uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    table[n] = c;
  }
}

static uint32_t crc(const char *s) {
  uint32_t c = 0xffffffffu;
  while (*s) c = table[(c ^ (unsigned char)*s++) & 255] ^ c >> 8;
  return ~c;
}

static uint32_t adler(const char *s) {
  uint32_t a = 1, b = 0;
  for (; *s; ++s) {
    a = (a + (unsigned char)*s) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

static void xtea(uint32_t v[2], const uint32_t key[4], int decrypt) {
  const uint32_t delta = 0x9e3779b9u;
  uint32_t sum = decrypt ? delta * 32 : 0;
  for (int i = 0; i < 32; ++i) {
    if (decrypt) v[1] -= ((v[0] << 4 ^ v[0] >> 5) + v[0]) ^ (sum + key[sum >> 11 & 3]), sum -= delta;
    else v[0] += ((v[1] << 4 ^ v[1] >> 5) + v[1]) ^ (sum + key[sum & 3]), sum += delta;
    if (decrypt) v[0] -= ((v[1] << 4 ^ v[1] >> 5) + v[1]) ^ (sum + key[sum & 3]);
    else v[1] += ((v[0] << 4 ^ v[0] >> 5) + v[0]) ^ (sum + key[sum >> 11 & 3]);
  }
}

/* The first 32 bits of the fractional part of a root, found with integers: the constants of SHA-256 without a table. */
static uint32_t root_bits(unsigned prime, int cube) {
  unsigned __int128 low = 0, high = (unsigned __int128)1 << 36;
  while (high - low > 1) {
    unsigned __int128 m = (low + high) / 2, p = cube ? m * m * m : m * m;
    unsigned __int128 target = cube ? (unsigned __int128)prime << 96 : (unsigned __int128)prime << 64;
    if (p <= target) low = m;
    else high = m;
  }
  return (uint32_t)low;
}

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* One block is enough for texts of up to 55 bytes. */
void checksums_sha256(const char *text, uint32_t h[8]) {
  uint32_t w[64] = {0}, k[64], s[8];
  size_t n = strlen(text);
  for (unsigned i = 0, p = 2; i < 64; ++p) {
    unsigned d = 2;
    while (p % d) ++d;
    if (d < p) continue;
    k[i] = root_bits(p, 1);
    if (i < 8) h[i] = s[i] = root_bits(p, 0);
    ++i;
  }
  for (size_t i = 0; i <= n; ++i) w[i / 4] |= (uint32_t)(i < n ? (unsigned char)text[i] : 0x80) << (24 - 8 * (i % 4));
  w[15] = (uint32_t)n * 8;
  for (int i = 16; i < 64; ++i)
    w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
           (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
  for (int i = 0; i < 64; ++i) {
    uint32_t a = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
    uint32_t b = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += a;
    s[0] = a + b;
  }
  for (int i = 0; i < 8; ++i) h[i] += s[i];
}

int main(void) {
  uint32_t h[8], v[2] = {0x41424344u, (uint32_t)opaque(0x45464748)}, key[4] = {1, 2, 3, 4};
  make_table();
  printf("%08x %08x\n", crc("123456789"), adler("Wikipedia"));
  CHECK(crc("123456789") == 0xcbf43926u && adler("Wikipedia") == 0x11e60398u && crc("") == 0);
  xtea(v, key, 0);
  printf("%08x %08x\n", v[0], v[1]);
  CHECK(v[0] != 0x41424344u);
  xtea(v, key, 1);
  CHECK(v[0] == 0x41424344u && v[1] == 0x45464748u);
  checksums_sha256("abc", h);
  for (int i = 0; i < 8; ++i) printf("%08x", h[i]);
  printf("\n");
  CHECK(h[0] == 0xba7816bfu && h[7] == 0xf20015adu);
  checksums_sha256("", h);
  CHECK(h[0] == 0xe3b0c442u && h[7] == 0x7852b855u);
  return failures != 0;
}
