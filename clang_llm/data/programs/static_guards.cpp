// Local statics that several threads reach at once: made once, by one of them; those of templates; destroyed in reverse.
#include "check.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace static_guards {

std::atomic<int> made{0}, seen{0};
char farewell[16];
bool ran_main;

struct slow {
  int id;
  explicit slow(int n) : id(n) {
    for (volatile int i = 0; i < 20000; i = i + 1) {
    }
    ++made;
  }
};

const slow &shared() {
  static const slow one(opaque(41));
  return one;
}
template <int N> int instance() {
  static slow mine(N * 10 + opaque(1));
  return mine.id++;
}

int fallible(int n) {
  static const int value = n < 3 ? throw std::runtime_error("later") : n * 100;
  return value;
}

struct leaving {
  char mark;
  explicit leaving(char c) : mark(c) {}
  ~leaving() {
    std::size_t n = std::strlen(farewell);
    farewell[n] = mark;
    farewell[n + 1] = 0;
  }
};
void leave_in_reverse() {
  static leaving a('a');
  static leaving b('b');
}
void leave_later() { static leaving c('c'); }

// Registered first of all, and so the last to run.
void judge() {
  std::printf("%s\n", farewell);
  std::fflush(stdout);
  if (std::strcmp(farewell, "cba") != 0) std::_Exit(3);
}

std::once_flag flag;
int once_calls;
void reach() {
  std::call_once(flag, [] { ++once_calls; });
  seen += shared().id;
}

int chain(int n) {
  static int first = n;
  if (n == 0) return first;
  static int total = chain(0) + n;
  return total;
}

}  // namespace static_guards

int main() {
  using namespace static_guards;
  std::atexit(judge);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(reach);
  for (std::thread &t : threads) t.join();
  std::printf("%d %d %d\n", made.load(), seen.load(), once_calls);
  CHECK(made == 1 && seen == 164 && once_calls == 1);
  int a = instance<1>(), b = instance<2>(), c = instance<1>();
  CHECK(a == 11 && b == 21 && c == 12 && made == 3);
  int failed = 0;
  for (int i = 0; i < 6; ++i) {
    try {
      CHECK(fallible(opaque(i)) == 300);
    } catch (const std::runtime_error &) {
      ++failed;
    }
  }
  CHECK(failed == 3);
  CHECK(chain(opaque(5)) == 10 && chain(opaque(9)) == 10 && chain(opaque(0)) == 5);
  leave_in_reverse();
  leave_later();
  leave_in_reverse();
  return failures != 0;
}
