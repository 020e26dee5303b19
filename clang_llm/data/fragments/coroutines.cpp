// weight: low
// options: -std=c++20
#include <coroutine>
struct series@ {
  struct promise_type {
    u32 now = 0;
    series@ get_return_object() { return series@{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(u32 v) { now = v; return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
  ~series@() { handle.destroy(); }
};
static series@ count@(u32 from, u32 step) { for (u32 i = 0; i < $[3..9]; ++i) { co_yield from; from = from * step + i; } }
u32 run@(u32 x) {
  series@ s = count@(x, $[3..9]);
  u32 h = x;
  for (s.handle.resume(); !s.handle.done(); s.handle.resume()) h = fold(h, s.handle.promise().now);
  return h;
}
