/* Packed and over-aligned structures, flexible array members, members found by their offset. */
#include "check.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct __attribute__((packed)) message {
  uint8_t type;
  uint32_t length;
  uint16_t port;
  uint64_t stamp;
  int8_t sign;
};

struct blob {
  unsigned n;
  char tag;
  short values[];
};

struct line { _Alignas(64) char bytes[64]; };

static struct line lines[3];

static struct blob *make(unsigned n, char tag) {
  struct blob *b = malloc(sizeof *b + n * sizeof b->values[0]);
  if (!b) abort();
  b->n = n;
  b->tag = tag;
  for (unsigned i = 0; i < n; ++i) b->values[i] = (short)(i * i - 5 * (unsigned)tag);
  return b;
}

long struct_packed_sum(const struct blob *b) {
  long sum = b->tag;
  for (unsigned i = 0; i < b->n; ++i) sum += b->values[i];
  return sum;
}

static unsigned encode(unsigned char *out, const struct message *messages, unsigned n) {
  unsigned at = 0;
  for (unsigned i = 0; i < n; ++i) {
    memcpy(out + at, &messages[i], sizeof messages[i]);
    at += sizeof messages[i];
  }
  return at;
}

int main(void) {
  struct message in[3], back;
  unsigned char wire[64];
  for (int i = 0; i < 3; ++i)
    in[i] = (struct message){(uint8_t)i, 0x01020304u << opaque(i), (uint16_t)(8080 + i), UINT64_C(0x1122334455667788) * (unsigned)(i + 1),
                             (int8_t)-i};
  unsigned n = encode(wire, in, (unsigned)opaque(3));
  CHECK(n == 48 && sizeof(struct message) == 16 && offsetof(struct message, stamp) == 7);
  for (unsigned i = 0; i < n; ++i) printf("%02x%c", wire[i], i % 16 == 15 ? '\n' : ' ');
  memcpy(&back, wire + 32, sizeof back);
  CHECK(back.length == 0x04080c10u && back.port == 8082 && back.sign == -2);
  in[1].length++;
  in[1].port = (uint16_t)(in[1].port + in[1].length);
  CHECK(in[1].type == 1 && in[1].stamp == UINT64_C(0x22446688aaccef10) && in[1].sign == -1);
  struct blob *a = make((unsigned)opaque(7), 'a'), *empty = make(0, 'e');
  printf("%ld %ld\n", struct_packed_sum(a), struct_packed_sum(empty));
  CHECK(struct_packed_sum(a) == 97 + 91 - 7 * 485 && struct_packed_sum(empty) == 'e');
  free(a);
  free(empty);
  for (int i = 0; i < 3; ++i) CHECK(((uintptr_t)&lines[opaque(i)] & 63) == 0);
  _Alignas(32) char local[33] = {0};
  CHECK(((uintptr_t)local & (uintptr_t)opaque(31)) == 0);
  char *member = (char *)&in[2] + offsetof(struct message, sign);
  CHECK(*(int8_t *)member == -2);
  return failures != 0;
}
