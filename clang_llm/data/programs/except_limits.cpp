// Where exceptions end: noexcept functions, destructors while unwinding, uncaught ones: the program's handler is called.
#include "check.h"
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace except_limits {

volatile int progress;

[[noreturn]] void at_end() { _exit(40 + progress); }

void thrower(int n) {
  if (n >= 0) throw n;
}
void closed(int n) noexcept { thrower(n); }
struct careless {
  ~careless() noexcept(false) { thrower(progress); }
};
struct guarded {
  ~guarded() { thrower(progress); }  // implicitly noexcept
};

void by_noexcept() {
  progress = 1;
  try {
    closed(opaque(3));
  } catch (int) {
    progress = 20;
  }
}
void by_destructor() {
  progress = 2;
  try {
    guarded g;
  } catch (int) {
    progress = 20;
  }
}
void by_two() {
  progress = 3;
  try {
    careless c;
    thrower(opaque(7));
  } catch (int) {
    progress = 20;
  }
}
void uncaught() {
  progress = 4;
  try {
    thrower(opaque(7));
  } catch (const std::exception &) {
    progress = 20;
  }
}
void no_exception() {
  progress = 5;
  try {
    throw;
  } catch (...) {
    progress = 20;
  }
}
void caught() {
  progress = 6;
  try {
    careless c;
  } catch (int n) {
    _exit(n == 6 ? 60 : 61);
  }
}
void passes() {
  closed(opaque(-1));
  _exit(50);
}

int ending_of(void (*f)()) {
  std::fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    std::set_terminate(at_end);
    f();
    _exit(99);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace except_limits

int main() {
  using namespace except_limits;
  struct { void (*f)(); int wanted; } const all[] = {{by_noexcept, 41}, {by_destructor, 42}, {by_two, 43}, {uncaught, 44},
                                                     {no_exception, 45}, {caught, 60}, {passes, 50}};
  for (int i = 0; i < 7; ++i) {
    int ended = ending_of(all[opaque(i)].f);
    std::printf("%d\n", ended);
    CHECK(ended == all[i].wanted);
  }
  static_assert(noexcept(closed(1)) && !noexcept(thrower(1)));
  CHECK(progress == 0);
  return failures != 0;
}
