// Generators: values out of nested loops and recursion, locals that live in the frame, early destruction.
#include "check.h"
#include <coroutine>
#include <string>
#include <utility>

namespace coro_generator {

int frames, locals;

struct counted_local {
  counted_local() { ++locals; }
  ~counted_local() { --locals; }
};

template <class T> struct generator {
  struct promise_type {
    T value{};
    promise_type() { ++frames; }
    ~promise_type() { --frames; }
    generator get_return_object() { return generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T v) {
      value = std::move(v);
      return {};
    }
    void return_void() {}
    void unhandled_exception() { throw; }
  };
  std::coroutine_handle<promise_type> handle;
  explicit generator(std::coroutine_handle<promise_type> h) : handle(h) {}
  generator(generator &&other) noexcept : handle(std::exchange(other.handle, {})) {}
  ~generator() {
    if (handle) handle.destroy();
  }
  bool next() {
    handle.resume();
    return !handle.done();
  }
  const T &value() const { return handle.promise().value; }
};

generator<unsigned> fibonacci(unsigned limit) {
  counted_local local;
  for (unsigned a = 0, b = 1; a < limit; b = std::exchange(a, b) + b) co_yield a;
}

generator<int> hanoi(int n, int from, int to) {
  counted_local local;
  if (n == 0) co_return;
  for (auto above = hanoi(n - 1, from, 3 - from - to); above.next();) co_yield above.value();
  co_yield n * 100 + from * 10 + to;
  for (auto above = hanoi(n - 1, 3 - from - to, to); above.next();) co_yield above.value();
}

generator<std::string> words(const std::string text) {
  std::string word;
  for (char c : text) {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      co_yield std::exchange(word, {});
    }
  }
  if (!word.empty()) co_yield word;
}

generator<long> large_frame(int n) {
  long table[40];
  for (int i = 0; i < 40; ++i) table[i] = i * n;
  for (int i = 0; i < 40; i += 13) {
    co_yield table[i];
    table[(i + 13) % 40] += table[i];
  }
}

}  // namespace coro_generator

int main() {
  using namespace coro_generator;
  unsigned sum = 0;
  for (auto g = fibonacci(static_cast<unsigned>(opaque(1000))); g.next();) sum += g.value();
  CHECK(sum == 2583);
  int moves = 0, last = 0;
  for (auto g = hanoi(opaque(5), 0, 2); g.next(); ++moves) last = last * 7 % 10007 + g.value();
  std::printf("%u %d %d\n", sum, moves, last);
  CHECK(moves == 31);
  std::string joined;
  for (auto g = words(" a few   words here "); g.next();) joined += g.value() + "|";
  CHECK(joined == "a|few|words|here|");
  {
    auto g = hanoi(4, 0, 1);
    for (int i = 0; i < opaque(5); ++i) CHECK(g.next());
    CHECK(frames > 1 && locals == frames);
    auto moved = std::move(g);
    CHECK(moved.next());
  }
  CHECK(frames == 0 && locals == 0);
  long total = 0;
  for (auto g = large_frame(opaque(3)); g.next();) total = total * 100 + g.value();
  std::printf("%ld %s\n", total, joined.c_str());
  CHECK(total == 401934);
  return failures != 0;
}
