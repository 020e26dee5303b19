/* A register machine and a compiler of expressions for it: a large switch in a loop, calls, a heap of its own. */
#include "check.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum opcode { LOAD, COPY, ADD, SUB, MUL, LESS, JUMP, JUMP_ZERO, CALL, RETURN, PUT, END };
struct instruction { uint8_t op, to, a, b; };
struct machine { int32_t registers[16]; struct { int at, registers[4]; } frames[40]; int depth, steps; uint32_t printed; };

static int32_t execute(struct machine *m, const struct instruction *code) {
  for (int at = 0; m->steps < 20000; ++m->steps) {
    const struct instruction i = code[at++];
    int32_t *r = m->registers;
    switch ((enum opcode)i.op) {
      case LOAD: r[i.to] = (int8_t)i.a; break;
      case COPY: r[i.to] = r[i.a]; break;
      case ADD: r[i.to] = r[i.a] + r[i.b]; break;
      case SUB: r[i.to] = r[i.a] - r[i.b]; break;
      case MUL: r[i.to] = (int32_t)((uint32_t)r[i.a] * (uint32_t)r[i.b]); break;
      case LESS: r[i.to] = r[i.a] < r[i.b]; break;
      case JUMP: at = i.to; break;
      case JUMP_ZERO: if (!r[i.a]) at = i.to; break;
      case CALL:
        if (m->depth == 40) return -2;
        m->frames[m->depth].at = at;
        memcpy(m->frames[m->depth++].registers, r + 1, 4 * sizeof *r); /* the callee may use registers 1 to 4 */
        at = i.to;
        break;
      case RETURN:
        at = m->frames[--m->depth].at;
        memcpy(r + 1, m->frames[m->depth].registers, 4 * sizeof *r);
        break;
      case PUT: m->printed = m->printed * 31 + (uint32_t)r[i.a]; break;
      case END: return r[i.a];
      default: return -1;
    }
  }
  return -3;
}

struct compiler { const char *text; struct instruction code[64]; int n; };

static void emit(struct compiler *c, int op, int to, int a, int b) {
  c->code[c->n++] = (struct instruction){(uint8_t)op, (uint8_t)to, (uint8_t)a, (uint8_t)b};
}

static void sum(struct compiler *c, int into);
static void factor(struct compiler *c, int into) {
  if (*c->text == '(') {
    ++c->text;
    sum(c, into);
    ++c->text;
  } else {
    emit(c, LOAD, into, *c->text++ - '0', 0);
  }
}
static void product(struct compiler *c, int into) {
  for (factor(c, into); *c->text == '*'; emit(c, MUL, into, into, into + 1)) ++c->text, factor(c, into + 1);
}
static void sum(struct compiler *c, int into) {
  for (product(c, into); *c->text == '+' || *c->text == '-';) {
    int op = *c->text++ == '+' ? ADD : SUB;
    product(c, into + 1);
    emit(c, op, into, into, into + 1);
  }
}

int32_t vm_stack_evaluate(const char *text) {
  struct compiler c = {text, {{0, 0, 0, 0}}, 0};
  struct machine m = {{0}, {{0, {0}}}, 0, 0, 0};
  sum(&c, 0);
  emit(&c, END, 0, 0, 0);
  return execute(&m, c.code);
}

int main(void) {
  const char *texts[] = {"1+2*3", "(1+2)*3-4*(5-9)", "9*9*9-(8-(7-(6-5)))", "7"};
  for (int i = 0; i < 4; ++i) printf("%s = %d\n", texts[i], vm_stack_evaluate(texts[opaque(i)]));
  CHECK(vm_stack_evaluate(texts[1]) == 25 && vm_stack_evaluate(texts[2]) == 727);
  const struct instruction fibonacci[] = {/* r0 = fib(r1) */
      {LOAD, 1, 15, 0}, {CALL, 3, 0, 0}, {END, 0, 0, 0},
      {LOAD, 2, 2, 0}, {LESS, 3, 1, 2}, {JUMP_ZERO, 8, 3, 0}, {COPY, 0, 1, 0}, {RETURN, 0, 0, 0},
      {LOAD, 2, 1, 0}, {SUB, 1, 1, 2}, {CALL, 3, 0, 0}, {COPY, 4, 0, 0},
      {SUB, 1, 1, 2}, {CALL, 3, 0, 0}, {ADD, 0, 0, 4}, {PUT, 0, 0, 0}, {RETURN, 0, 0, 0}};
  struct machine m = {{0}, {{0, {0}}}, 0, 0, 0};
  int32_t result = execute(&m, fibonacci);
  printf("%d after %d steps, printed %u\n", result, m.steps, m.printed);
  CHECK(result == 610 && m.depth == 0);
  const struct instruction deep[] = {{CALL, 0, 0, 0}}, endless[] = {{JUMP, 0, 0, 0}}, unknown[] = {{99, 0, 0, 0}};
  const struct instruction *bad[] = {unknown, deep, endless};
  for (int i = 0; i < 3; ++i) {
    struct machine fresh = {{0}, {{0, {0}}}, 0, 0, 0};
    CHECK(execute(&fresh, bad[opaque(i)]) == -1 - i);
  }
  return failures != 0;
}
