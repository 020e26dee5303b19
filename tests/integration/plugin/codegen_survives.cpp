// Walks through frames of every kind, looks at them from inside, leaves them by every way: test_codegen_survives.py.
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>
#ifdef __x86_64__
#define PC REG_RIP
#define WRECK()                                                                                                  \
  __asm__ volatile("movl $7, %%ebx\n\tmovl $7, %%r12d\n\tmovl $7, %%r13d\n\tmovl $7, %%r14d\n\tmovl $7, %%r15d" ::: \
                   "rbx", "r12", "r13", "r14", "r15", "cc", "memory")
#else
#define PC REG_EIP
#define WRECK() __asm__ volatile("movl $7, %%esi\n\tmovl $7, %%edi" ::: "esi", "edi", "cc", "memory")
#endif
// Each function has a section of its own: its bounds tell whose an address is.
#define IN(name)                                       \
  extern "C" char __start_##name[], __stop_##name[]; \
  __attribute__((noinline, section(#name)))

static char letter(uintptr_t pc);
static char seen[80];
static volatile int nothing, cleaned, stepping, steps, wrong, misaligned;
static int (*volatile visit)(int);
static jmp_buf out;
static sigjmp_buf after_fault;

struct tidy { int by; ~tidy() { cleaned = cleaned + by; } };

// Below the stack pointer where the machine has a red zone; volatile, so that it is memory.
IN(walk_l) int leaf(int x) {
  volatile int cells[10];
  for (int i = 0; i < 10; i++) cells[i] = x + i;
  for (int round = 0; round < 4; round++)
    for (int i = 0; i < 10; i++) cells[i] = cells[i] * 3 + cells[(i + 7) % 10] % 11;
  return cells[3] ^ cells[8];
}
// Small, with values over the call.
IN(walk_e) int walk_e(int x, int y) {
  int a = x * 3, b = y ^ x;
  int r = visit(a + b);
  return r + a * b + nothing;
}
// A frame of several pages, and assembly that overwrites what calls preserve.
IN(walk_d) int walk_d(int x, int y) {
  volatile char room[13000];
  int a = x + y, b = x * y, c = x - y, d = x ^ y;
  room[0] = (char)a;
  room[12999] = (char)b;
  WRECK();
  int r = walk_e(c, d);
  WRECK();
  return r + room[0] * 3 + room[12999] + a + b + c + d;
}
// A loop with more values than there are registers for them, and a local to be destroyed.
IN(walk_c) int walk_c(int x, int y) {
  tidy t = {x + 1};
  int a = x, b = y, c = x * y, d = x + 5, e = y - 3, f = x ^ y, g = 7, sum = 0;
  for (int i = 0; i < 2; i++) {
    sum += walk_d(a + i, e);
    a += b & 3, b ^= c & 15, c = (c + d) & 255, d += e, e ^= f, f = (f + g) & 63, g = (g + a) & 31;
  }
  return sum + a + b + c + d + e + f + g + t.by;
}
// Nothing need be saved on the way out that comes first.
IN(walk_b) int walk_b(int x, int y) {
  if (__builtin_expect(x < 0, 0)) return y * 2;
  int a = x * 5, b = y * 7;
  int r = walk_c(a & 15, b & 15);
  if (r == 0x7fffffff) return a;
  return r + a * b + nothing;
}
// Over-aligned locals, memory from alloca, and a variable array: a frame with a base register.
IN(walk_a) int walk_a(int x, int y) {
  alignas(64) unsigned char line[64];
  char *moving = (char *)__builtin_alloca((unsigned)(x * 16 + 8));
  volatile uintptr_t place = (uintptr_t)line;
  misaligned = misaligned + ((place & 63) != 0);
  memset(line, x, sizeof line);
  memset(moving, y, (unsigned)(x * 16 + 8));
  int values[x + 2];
  for (int i = 0; i < x + 2; i++) values[i] = i * y;
  int r = walk_b(x, y);
  return r + line[x] + moving[x] + values[x + 1] + walk_b(-x, line[1]);
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *to) {
  int before = 0;
  uintptr_t pc = _Unwind_GetIPInfo(context, &before);
  char *text = (char *)to;
  size_t n = strlen(text);
  char c = letter(before ? pc : pc - 1);
  if (n + 1 < sizeof seen && (n || c != '.')) text[n] = c, text[n + 1] = 0;
  return c == 'm' ? _URC_END_OF_STACK : _URC_NO_REASON;
}
static void unwind(char *text) {
  text[0] = 0;
  _Unwind_Backtrace(on_frame, text);
}

static void on_signal(int, siginfo_t *, void *) { unwind(seen); }
static void on_fault(int, siginfo_t *, void *) {
  unwind(seen);
  siglongjmp(after_fault, 1);
}
static void on_start(int, siginfo_t *, void *context) { ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= 0x100; }
// After every instruction.
static void on_step(int, siginfo_t *, void *context) {
  ucontext_t *now = (ucontext_t *)context;
  char here = letter((uintptr_t)now->uc_mcontext.gregs[PC]);
  if (!stepping) now->uc_mcontext.gregs[REG_EFL] &= ~0x100;
  if (here == '.') return;
  static const char whole[] = "ledcbam";
  char text[sizeof seen];
  unwind(text);
  steps = steps + 1;
  if (strcmp(text, strchr(whole, here)) != 0 && wrong++ == 0) strcpy(seen, text);
}

static int no_visit(int n) { return n ^ 5; }
static int by_backtrace(int n) {
  void *frames[32];
  int count = backtrace(frames, 32);
  seen[0] = 0;
  for (int i = 0, at = 0; i < count; i++) {
    char c = letter((uintptr_t)frames[i] - 1);
    if (at || c != '.') seen[at++] = c, seen[at] = 0;
    if (c == 'm') break;
  }
  return n + 1;
}
static int by_unwind(int n) { unwind(seen); return n + 2; }
static int by_signal(int n) { raise(SIGUSR1); return n + 3; }
static int by_jump(int n) { longjmp(out, n & 7 ? n & 7 : 9); return 0; }
#ifdef __EXCEPTIONS
static int by_throw(int n) { throw n; }
#endif
IN(walk_m) static int fault_in_leaf(volatile char *closed, int x) {
  volatile int cells[6] = {x, x + 1, x + 2};
  if (sigsetjmp(after_fault, 1) == 0) return *closed + cells[2];
  return cells[0] * 100 + cells[2];
}

#define WITHIN(section, c) \
  if (pc >= (uintptr_t)__start_##section && pc < (uintptr_t)__stop_##section) return c
static char letter(uintptr_t pc) {
  WITHIN(walk_a, 'a');
  WITHIN(walk_b, 'b');
  WITHIN(walk_c, 'c');
  WITHIN(walk_d, 'd');
  WITHIN(walk_e, 'e');
  WITHIN(walk_l, 'l');
  WITHIN(walk_m, 'm');
  return '.';
}
static void handle(int number, void (*f)(int, siginfo_t *, void *)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = f;
  action.sa_flags = SA_SIGINFO;
  sigaction(number, &action, nullptr);
}

__attribute__((section("walk_m"))) int main() {
  handle(SIGUSR1, on_signal);
  handle(SIGUSR2, on_start);
  handle(SIGTRAP, on_step);
  handle(SIGSEGV, on_fault);
  int (*const visits[])(int) = {no_visit, leaf, by_backtrace, by_unwind, by_signal};
  for (int i = 0; i < 5; i++) {
    visit = visits[i];
    int x = i + 2, r = walk_a(x, 9 - i);
    printf("%d: %d %s\n", x, r, seen);
    seen[0] = 0;
  }
  visit = by_jump;
  int kept = nothing + 11;
  int code = setjmp(out);
  if (code == 0) walk_a(3, 4);
  printf("jumped %d %d\n", code, kept);
#ifdef __EXCEPTIONS
  visit = by_throw;
  cleaned = 0;
  for (int i = 0; i < 4; i++) {
    int a = i * 3 + nothing, b = a ^ 21, c = a * b;
    try {
      printf("%d\n", walk_a(i, 5));
    } catch (int n) {
      printf("caught %d %d %d %d %d\n", n, cleaned, a, b, c);
    }
  }
#endif
  volatile char *closed = (volatile char *)mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("fault %d", fault_in_leaf(closed, nothing + 4));
  printf(" %s\n", seen);
  seen[0] = 0;
  visit = leaf;
  stepping = 1;
  raise(SIGUSR2);
  int r = walk_a(3, 5);
  stepping = 0;
  printf("stepped %d %d, wrong %d %s, misaligned %d\n", r, steps > 200, wrong, seen, misaligned);
  return 0;
}
