// needs: signals
#include <setjmp.h>
#include <signal.h>
static sigjmp_buf back@;
static volatile sig_atomic_t caught@;
static void handler@(int number) { ++caught@; if (caught@ % $[2..4] == 0) siglongjmp(back@, number); }
static NOINLINE u32 provoke@(u32 x) {
  volatile u32 n = 0;
  signal(SIG$[S=USR1 ~~ USR2 ~~ TERM], handler@);
  int code = sigsetjmp(back@, 1);
  for (; n < $[3..9]; ) { n = n + 1; raise(SIG$S); }
  return fold(x, n * 100 + (u32)code + (u32)caught@);
}
u32 run@(u32 x) { caught@ = 0; return provoke@(x); }
