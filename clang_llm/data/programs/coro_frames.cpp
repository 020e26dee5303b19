// Coroutine frames: parameters copied and moved into them, custom allocation, references to promises, destruction order.
#include "check.h"
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace coro_frames {

std::vector<int> log_of;
int allocated;

struct noisy {
  int id;
  explicit noisy(int n) : id(n) {}
  noisy(noisy &&other) noexcept : id(std::exchange(other.id, 0)) {}
  ~noisy() {
    if (id) log_of.push_back(id);
  }
};

struct process {
  struct promise_type {
    int inputs = 0;
    static void *operator new(std::size_t n) {
      ++allocated;
      return std::malloc(n);
    }
    static void operator delete(void *p) {
      --allocated;
      std::free(p);
    }
    process get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    auto await_transform(int factor) {
      struct input {
        promise_type &p;
        int factor;
        bool await_ready() { return factor == 0; }
        void await_suspend(std::coroutine_handle<>) {}
        int await_resume() { return p.inputs * factor; }
      };
      return input{*this, factor};
    }
    void return_void() { log_of.push_back(-1); }
    void unhandled_exception() { log_of.push_back(-2); }
  };
  std::coroutine_handle<promise_type> handle;
  void send(int x) {
    handle.promise().inputs = x;
    handle.resume();
  }
};

process summing(noisy owner, const int &limit, std::unique_ptr<int> total) {
  noisy local(owner.id + 1);
  while (*total < limit) {
    *total += co_await 1;
    if (*total % 2) {
      noisy odd(100 + *total);
      *total += co_await 10;
    }
    *total += co_await 0;  // does not suspend
  }
  log_of.push_back(*total);
  co_return;
}

process failing(int n) {
  noisy before(7);
  int x = co_await 2;
  if (x > n) throw x;
  log_of.push_back(x);
  co_return;
}

}  // namespace coro_frames

int main() {
  using namespace coro_frames;
  const int limit = opaque(40);
  process p = summing(noisy(1), limit, std::make_unique<int>(0));
  CHECK(allocated == 1 && log_of.empty());
  p.send(4);
  p.send(5);
  CHECK(!p.handle.done());
  p.send(2);
  p.send(20);
  CHECK(!p.handle.done());
  p.send(0);
  CHECK(p.handle.done() && allocated == 1);
  for (int x : log_of) std::printf("%d ", x);
  std::printf("\n");
  p.handle.destroy();
  CHECK((log_of == std::vector<int>{109, 149, 49, -1, 2, 1}));
  for (int x : log_of) std::printf("%d ", x);
  std::printf("\n");
  log_of.clear();
  process cut = summing(noisy(50), limit, std::make_unique<int>(1));
  cut.send(2);
  cut.handle.destroy();  // in the middle: what lives in the frame is destroyed, innermost first
  CHECK((log_of == std::vector<int>{103, 51, 50}));
  log_of.clear();
  process f = failing(opaque(10)), g = failing(opaque(10));
  f.send(6);
  g.send(5);
  CHECK(f.handle.done() && g.handle.done());
  f.handle.destroy();
  g.handle.destroy();
  CHECK((log_of == std::vector<int>{7, -2, 10, -1, 7}));
  for (int x : log_of) std::printf("%d ", x);
  std::printf("\n");
  CHECK(allocated == 0);
  return failures != 0;
}
