/* Calls through tables, structures and arguments; targets that differ in nothing but what they return. */
#include "check.h"

typedef int (*operation)(int, int);

static int add(int a, int b) { return a + b; }
static int subtract(int a, int b) { return a - b; }
static int multiply(int a, int b) { return a * b; }
int indirect_table_modulo(int a, int b) { return b ? a % b : 0; }

static const struct { char symbol; operation run; int priority; } table[] = {
    {'+', add, 1}, {'-', subtract, 1}, {'*', multiply, 2}, {'%', indirect_table_modulo, 2}};

struct shape;
struct methods { int (*area)(const struct shape *); void (*grow)(struct shape *, int); const char *name; };
struct shape { const struct methods *methods; int width, height; };

static int area_box(const struct shape *s) { return s->width * s->height; }
static int area_triangle(const struct shape *s) { return s->width * s->height / 2; }
static void grow_both(struct shape *s, int by) { s->width += by, s->height += by; }
static void grow_wide(struct shape *s, int by) { s->width += by; }

static const struct methods box = {area_box, grow_both, "box"}, triangle = {area_triangle, grow_wide, "triangle"};

static operation find(char symbol) {
  for (unsigned i = 0; i < sizeof table / sizeof *table; ++i)
    if (table[i].symbol == symbol) return table[i].run;
  return 0;
}

/* Left to right, with a function chosen for each symbol. */
static int evaluate(const char *text) {
  int value = text[0] - '0';
  for (int i = 1; text[i]; i += 2) {
    operation run = find(text[i]);
    if (!run) return -999;
    value = run(value, text[i + 1] - '0');
  }
  return value;
}

/* A state that is a function which returns the next state. */
struct state { struct state (*next)(int); };
static struct state even(int c), odd(int c);
static struct state even(int c) { return (struct state){c == '1' ? odd : even}; }
static struct state odd(int c) { return (struct state){c == '1' ? even : odd}; }

static int applied(operation f, operation g, int x) { return f(g(x, x), g(f(x, 1), 2)); }

int main(void) {
  const char *texts[] = {"1+2*3", "9-4-3", "7%4*5", "8/2", "6"};
  for (int i = 0; i < 5; ++i) printf("%s = %d\n", texts[i], evaluate(texts[opaque(i)]));
  CHECK(evaluate("1+2*3") == 9 && evaluate("7%4*5") == 15 && evaluate("8/2") == -999);
  struct shape shapes[] = {{&box, 2, 3}, {&triangle, 4, 5}, {&box, 1, 1}};
  int total = 0;
  for (int round = 0; round < opaque(3); ++round) {
    for (int i = 0; i < 3; ++i) {
      shapes[i].methods->grow(&shapes[i], round);
      total += shapes[i].methods->area(&shapes[i]);
    }
    printf("%s %d\n", shapes[round].methods->name, total);
  }
  CHECK(total == 6 + 10 + 1 + 12 + 12 + 4 + 30 + 17 + 16);
  struct state s = {even};
  for (const char *p = "1101011"; *p; ++p) s = s.next(*p);
  CHECK(s.next == odd && s.next != even);
  printf("%d %d\n", applied(add, multiply, opaque(5)), applied(subtract, add, opaque(5)));
  CHECK(applied(add, multiply, opaque(5)) == 37);
  return failures != 0;
}
