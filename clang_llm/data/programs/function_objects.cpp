// std::function, bind and callbacks kept in containers: small and large targets, empty ones, events that change the list.
#include "check.h"
#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace function_objects {

int copies, live;
struct heavy {
  std::array<int, 20> data{};
  explicit heavy(int n) { data.fill(n), ++live; }
  heavy(const heavy &o) : data(o.data) { ++copies, ++live; }
  heavy(heavy &&o) noexcept : data(o.data) { ++live; }
  ~heavy() { --live; }
  int operator()(int x) const { return data[static_cast<size_t>(x) % 20] + x; }
};

int subtract(int a, int b) { return a - b; }
struct tally {
  int sum = 0;
  int add(int n) { return sum += n; }
};

class events {
  std::map<int, std::function<int(events &, int)>> handlers_;
  int next_ = 1;

 public:
  int on(std::function<int(events &, int)> f) {
    handlers_[next_] = std::move(f);
    return next_++;
  }
  void off(int id) { handlers_.erase(id); }
  int fire(int n) {
    int sum = 0;
    auto snapshot = handlers_;
    for (auto &[id, f] : snapshot) sum += f(*this, n) * id;
    return sum;
  }
  size_t size() const { return handlers_.size(); }
};

std::function<long(long)> power(int n) {
  if (n == 0) return [](long) { return 1L; };
  auto lower = power(n - 1);
  return [lower](long x) { return x * lower(x); };
}

}  // namespace function_objects

int main() {
  using namespace function_objects;
  using namespace std::placeholders;
  {
    std::function<int(int)> f = heavy(opaque(5)), g = f, empty;
    CHECK(f(3) == 8 && g(4) == 9 && !empty && copies >= 1);
    f = nullptr;
    CHECK(!f && g);
    std::swap(f, g);
    CHECK(f(0) == 5 && !g);
    bool thrown = false;
    try {
      empty(1);
    } catch (const std::bad_function_call &) {
      thrown = true;
    }
    CHECK(thrown);
    f = std::bind(subtract, _1, opaque(2));
    CHECK(f(10) == 8);
  }
  CHECK(live == 0);
  auto reversed = std::bind(subtract, _2, _1);
  CHECK(reversed(opaque(3), 10) == 7);
  tally t;
  auto add = std::bind(&tally::add, &t, _1);
  auto add_copy = std::bind(&tally::add, t, _1);
  add(5);
  add_copy(100);
  CHECK(add(opaque(6)) == 11 && t.sum == 11);
  events e;
  int second = 0;
  e.on([&](events &self, int n) { return n > 2 ? (self.off(second), 1) : 0; });
  second = e.on([](events &, int n) { return n; });
  e.on([](events &self, int n) { return n == 5 ? self.on([](events &, int m) { return m; }) : 0; });
  CHECK(e.fire(opaque(2)) == 4 && e.fire(opaque(3)) == 7 && e.size() == 2);
  CHECK(e.fire(opaque(5)) == 1 + 3 * 4 && e.fire(1) == 4 && e.size() == 3);
  CHECK(power(opaque(5))(3) == 243 && power(opaque(0))(9) == 1);
  std::vector<std::function<int()>> made;
  for (int i = 0; i < 4; ++i) made.emplace_back([i, &made] { return i + static_cast<int>(made.size()); });
  int sum = 0;
  for (auto &m : made) sum = sum * 10 + m();
  std::printf("%d %ld %d\n", sum, power(7)(opaque(2)), e.fire(9));
  CHECK(sum == 4567);
  return failures != 0;
}
