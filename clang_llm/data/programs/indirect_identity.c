/* Functions with the same body whose addresses are compared: merging them must not make them equal. */
#include "check.h"

struct handler { void (*run)(int *); const char *name; };

static void on_open(int *state) { *state = *state * 3 + 1; }
static void on_close(int *state) { *state = *state * 3 + 1; }
void indirect_identity_on_error(int *state) { *state = *state * 3 + 1; }
void indirect_identity_on_retry(int *state) { *state = *state * 3 + 1; }

/* The same code for types of the same layout. */
static int first_of_ints(const int *p, int n) { return n > 3 ? p[3] : p[0]; }
static int first_of_unsigned(const unsigned *p, int n) { return n > 3 ? (int)p[3] : (int)p[0]; }

/* Equal bodies, but the address of each is a key. */
static const struct handler handlers[] = {{on_open, "open"}, {on_close, "close"},
                                          {indirect_identity_on_error, "error"}, {indirect_identity_on_retry, "retry"}};

static const char *name_of(void (*run)(int *)) {
  const char *name = "none";
  for (int i = 0; i < 4; ++i)
    if (handlers[i].run == run) name = handlers[i].name;
  return name;
}

static const char text_a[] = "same", text_b[] = "same";
static const int table_a[] = {1, 2, 3}, table_b[] = {1, 2, 3};

/* Equal constants may only be merged when nobody asks for their addresses. */
int indirect_identity_distinct(const void *a, const void *b) { return a != b; }

static int sum_small(int n) { int s = 0; for (int i = 0; i < n; ++i) s += i * 2; return s; }
static int sum_other(int n) { int s = 0; for (int i = 0; i < n; ++i) s += i * 2; return s; }
static int sum_third(int n) { int s = 0; for (int i = 0; i < n; ++i) s += i * 3; return s; }

int main(void) {
  int state = opaque(1);
  for (int i = 0; i < 4; ++i) {
    handlers[opaque(i)].run(&state);
    printf("%s %d\n", name_of(handlers[i].run), state);
  }
  CHECK(state == 121);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) CHECK((handlers[opaque(i)].run == handlers[opaque(j)].run) == (i == j));
  CHECK(name_of(on_open)[0] == 'o' && name_of(indirect_identity_on_error)[0] == 'e');
  CHECK(indirect_identity_distinct(text_a, text_b) && indirect_identity_distinct(table_a, table_b));
  CHECK(indirect_identity_distinct((const void *)on_open, (const void *)on_close));
  int ints[] = {5, 6, 7, 8};
  unsigned unsigneds[] = {9, 10, 11, 12};
  CHECK(first_of_ints(ints, opaque(4)) == 8 && first_of_unsigned(unsigneds, opaque(3)) == 9);
  int (*sums[])(int) = {sum_small, sum_other, sum_third};
  CHECK(sums[opaque(0)](10) == 90 && sums[opaque(1)](10) == 90 && sums[opaque(2)](10) == 135);
  CHECK(sums[opaque(0)] != sums[opaque(1)]);
  return failures != 0;
}
