/* Large structures by value: passed, returned, changed in the callee without the caller noticing. */
#include "check.h"
#include <string.h>

struct matrix { double m[3][3]; };
struct record { char name[40]; int marks[10]; struct matrix turn; };
struct pair { long a; double b; };
struct tiny { char c[3]; };
struct hfa { float x, y, z; };

static struct matrix identity(void) { return (struct matrix){{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}; }

static struct matrix multiply(struct matrix a, struct matrix b) {
  struct matrix product = {{{0}}};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) product.m[i][j] += a.m[i][k] * b.m[k][j];
  return product;
}

/* Changes its copy; the caller's must stay as it was. */
int struct_value_spoil(struct record r) {
  int sum = 0;
  for (int i = 0; i < 10; ++i) {
    sum += r.marks[i];
    r.marks[i] = -1;
  }
  r.name[0] = '?';
  memset(&r.turn, 0, sizeof r.turn);
  return sum + r.name[1];
}

struct pair struct_value_swap(struct pair p) { return (struct pair){(long)p.b, (double)p.a}; }

static struct tiny rotate(struct tiny t) { return (struct tiny){{t.c[1], t.c[2], t.c[0]}}; }

static struct hfa cross(struct hfa a, struct hfa b) {
  return (struct hfa){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static struct record twice(struct record r, int n) {
  if (n == 0) return r;
  for (int i = 0; i < 10; ++i) r.marks[i] *= 2;
  r.turn = multiply(r.turn, r.turn);
  return twice(r, n - 1);
}

int main(void) {
  struct record r = {.name = "record", .turn = identity()};
  for (int i = 0; i < 10; ++i) r.marks[i] = opaque(i);
  r.turn.m[0][2] = 0.5;
  int sum = struct_value_spoil(r);
  CHECK(sum == 45 + 'e' && strcmp(r.name, "record") == 0 && r.marks[9] == 9 && r.turn.m[2][2] == 1);
  struct record later = twice(r, opaque(3));
  printf("%d %g %g\n", later.marks[9], later.turn.m[0][2], r.turn.m[0][2]);
  CHECK(later.marks[9] == 72 && later.turn.m[0][2] == 4 && r.turn.m[0][2] == 0.5);
  r.turn = multiply(r.turn, r.turn); /* source and target are one object */
  CHECK(r.turn.m[0][2] == 1 && r.turn.m[0][0] == 1);
  struct pair p = struct_value_swap(struct_value_swap((struct pair){opaque(3), 8.0}));
  CHECK(p.a == 3 && p.b == 8.0);
  struct tiny t = rotate(rotate((struct tiny){{'a', 'b', (char)opaque('c')}}));
  printf("%.3s\n", t.c);
  CHECK(t.c[0] == 'c' && t.c[1] == 'a');
  struct hfa v = cross((struct hfa){1, 2, (float)opaque(3)}, (struct hfa){4, 5, 6});
  printf("%g %g %g\n", v.x, v.y, v.z);
  CHECK(v.x == -3 && v.y == 6 && v.z == -3);
  return failures != 0;
}
