// Tasks that await each other, a scheduler with a queue, values and exceptions that travel through co_await.
#include "check.h"
#include <coroutine>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace coro_task {

std::deque<std::coroutine_handle<>> ready;
std::string trace;

template <class T> struct task {
  struct promise_type {
    T value{};
    std::exception_ptr error;
    std::coroutine_handle<> waiting = std::noop_coroutine();
    task get_return_object() { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct to_waiting {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> h) noexcept { ready.push_back(h.promise().waiting); }
      void await_resume() noexcept {}
    };
    to_waiting final_suspend() noexcept { return {}; }
    void return_value(T v) { value = std::move(v); }
    void unhandled_exception() { error = std::current_exception(); }
  };
  std::coroutine_handle<promise_type> handle;
  explicit task(std::coroutine_handle<promise_type> h) : handle(h) {}
  task(task &&other) noexcept : handle(std::exchange(other.handle, {})) {}
  ~task() {
    if (handle) handle.destroy();
  }
  bool await_ready() { return handle.done(); }
  void await_suspend(std::coroutine_handle<> h) {
    handle.promise().waiting = h;
    ready.push_back(handle);
  }
  T await_resume() {
    if (handle.promise().error) std::rethrow_exception(handle.promise().error);
    return std::move(handle.promise().value);
  }
};

struct yield {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> h) { ready.push_back(h); }
  int await_resume() { return static_cast<int>(ready.size()); }
};

task<int> fibonacci(int n) {
  if (n < 2) co_return n;
  int a = co_await fibonacci(n - 1);
  co_return a + co_await fibonacci(n - 2);
}

task<std::string> worker(char name, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    trace += name;
    co_await yield();
    if (i == 3) throw std::runtime_error(std::string("tired ") + name);
  }
  co_return std::string(static_cast<size_t>(rounds), name);
}

task<int> boss(int rounds) {
  std::string result;
  auto slow = worker('s', 2);
  for (char name : {'a', 'b'}) {
    try {
      result += co_await worker(name, name == 'a' ? rounds : 2);
    } catch (const std::runtime_error &e) {
      result += e.what();
    }
    co_await yield();
  }
  result += co_await slow;
  trace += "=" + result;
  co_return static_cast<int>(result.size());
}

template <class T> T run(task<T> t) {
  ready.push_back(t.handle);
  while (!ready.empty()) {
    auto next = ready.front();
    ready.pop_front();
    next.resume();
  }
  return t.await_resume();
}

}  // namespace coro_task

int main() {
  using namespace coro_task;
  int f = run(fibonacci(opaque(12)));
  CHECK(f == 144);
  int size = run(boss(opaque(6)));
  std::printf("%d %d %s\n", f, size, trace.c_str());
  CHECK(trace == "aaaabbss=tired abbss" && size == 11);
  trace.clear();
  CHECK(run(boss(opaque(3))) == 7 && trace == "aaabbss=aaabbss");
  bool thrown = false;
  try {
    run(worker('x', opaque(9)));
  } catch (const std::exception &e) {
    thrown = std::string(e.what()) == "tired x";
  }
  CHECK(thrown && ready.empty());
  return failures != 0;
}
