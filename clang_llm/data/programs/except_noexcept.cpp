// noexcept: the operator, functions that end the program when they throw, throwing destructors, move if it cannot throw.
#include "check.h"
#include <cstdio>
#include <exception>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace except_noexcept {

void may() {}
void never() noexcept {}
template <class T> void forwarded(T &&f) noexcept(noexcept(f())) { f(); }

int thrower(int n) {
  if (n > 0) throw n;
  return n;
}
int promised(int n) noexcept { return thrower(n) + 1; }
void in_destructor(int n) {
  struct local {
    int n;
    ~local() { thrower(n); }  // noexcept, as destructors are
  } l{n};
}
void allowed(int n) {
  struct local {
    int n;
    ~local() noexcept(false) { thrower(n); }
  } l{n};
}
void twice(int n) {
  struct local {
    ~local() noexcept(false) { throw 2; }
  } l;
  thrower(n);  // with n > 0 the destructor throws while the stack is unwound
}

// Runs it in a child whose terminate handler exits with 42; returns the child's exit status.
template <class F> int outcome(F f) {
  std::fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    std::set_terminate([] { _exit(42); });
    try {
      f();
    } catch (int n) {
      _exit(n);
    }
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int copied, moved;
struct safe {
  safe() = default;
  safe(const safe &) { ++copied; }
  safe(safe &&) noexcept { ++moved; }
};
struct risky {
  risky() = default;
  risky(const risky &) { ++copied; }
  risky(risky &&) { ++moved; }
};

template <class T> std::pair<int, int> grow() {
  copied = moved = 0;
  std::vector<T> v(3);
  v.reserve(v.capacity() + 1);
  return {copied, moved};
}

}  // namespace except_noexcept

int main() {
  using namespace except_noexcept;
  static_assert(!noexcept(may()) && noexcept(never()) && noexcept(forwarded(never)) && !noexcept(forwarded(may)));
  CHECK(outcome([] { thrower(opaque(7)); }) == 7);
  CHECK(outcome([] { promised(opaque(7)); }) == 42);
  CHECK(outcome([] { promised(opaque(0)); }) == 0);
  CHECK(outcome([] { in_destructor(opaque(1)); }) == 42);
  CHECK(outcome([] { allowed(opaque(9)); }) == 9);
  CHECK(outcome([] { twice(opaque(0)); }) == 2);
  CHECK(outcome([] { twice(opaque(1)); }) == 42);
  CHECK(outcome([] { forwarded([]() noexcept { thrower(opaque(3)); }); }) == 42);
  CHECK(outcome([] { forwarded([] { thrower(opaque(3)); }); }) == 3);
  auto [safe_copies, safe_moves] = grow<safe>();
  auto [risky_copies, risky_moves] = grow<risky>();
  std::printf("%d %d %d %d\n", safe_copies, safe_moves, risky_copies, risky_moves);
  CHECK(safe_copies == 0 && safe_moves == 3 && risky_copies == 3 && risky_moves == 0);
  return failures != 0;
}
