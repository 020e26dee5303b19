// Lambdas: captures by value, reference and move, recursion, generic and mutable ones, as function pointers.
#include "check.h"
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lambda_capture {

using plain = int (*)(int);

plain choose(int which) {
  switch (which) {
    case 0: return [](int x) { return x + 1; };
    case 1: return [](int x) { return x * x; };
    default: return +[](int x) { return -x; };
  }
}

auto adder(int n) {
  return [n](int x) { return x + n; };
}
auto curried(int a) {
  return [a](int b) { return [a, b](int c) { return a * 100 + b * 10 + c; }; };
}
template <class F, class G> auto compose(F f, G g) {
  return [f, g](auto x) { return f(g(x)); };
}

struct widget {
  int factor = 3;
  std::vector<std::function<int(int)>> actions;
  void fill() {
    actions.push_back([this](int x) { return factor * x; });
    actions.push_back([*this](int x) { return factor * x; });
    actions.push_back([f = factor * 10](int x) mutable { return f += x; });
  }
};

template <class F> int fixpoint(F f, int n) { return f(f, n); }

std::vector<int> seen;
struct later {
  std::function<void()> f;
  ~later() { f(); }
};

void scoped(int n) {
  later outer{[&n] { seen.push_back(n); }};
  n += 5;
  later inner{[n] { seen.push_back(n); }};
  n += 10;
}

}  // namespace lambda_capture

int main() {
  using namespace lambda_capture;
  for (int i = 0; i < 3; ++i) std::printf("%d ", choose(opaque(i))(7));
  CHECK(choose(opaque(0))(7) == 8 && choose(opaque(1))(7) == 49 && choose(opaque(2))(7) == -7);
  CHECK(adder(opaque(3))(4) == 7 && curried(opaque(1))(2)(3) == 123);
  auto both = compose(adder(1), compose([](auto x) { return x * 2; }, adder(opaque(10))));
  CHECK(both(5) == 31);
  widget w;
  w.fill();
  w.factor = opaque(5);
  CHECK(w.actions[0](2) == 10 && w.actions[1](2) == 6 && w.actions[2](1) == 31 && w.actions[2](1) == 32);
  auto copy = w.actions[2];
  CHECK(copy(10) == 42 && w.actions[2](0) == 32);
  int factorial = fixpoint([](auto self, int n) -> int { return n < 2 ? 1 : n * self(self, n - 1); }, opaque(7));
  CHECK(factorial == 5040);
  scoped(opaque(1));
  CHECK((seen == std::vector<int>{6, 16}));
  auto owned = [p = std::make_unique<int>(opaque(9))](int x) { return *p + x; };
  auto moved = std::move(owned);
  CHECK(moved(1) == 10);
  std::vector<std::string> names{"delta", "al", "charlie", "bo"};
  int comparisons = 0;
  std::sort(names.begin(), names.end(), [&comparisons](const auto &a, const auto &b) {
    ++comparisons;
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  CHECK(names[0] == "al" && names[1] == "bo" && names[3] == "charlie" && comparisons > 2);
  int total = 0;
  auto visit = [&total](auto... values) { ((total = total * 10 + values), ...); };
  visit(1, 2L, static_cast<char>(opaque(3)));
  visit();
  std::printf("%d %d %zu\n", factorial, total, names.size());
  CHECK(total == 123);
  return failures != 0;
}
