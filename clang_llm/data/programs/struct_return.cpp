// Large and non-trivial classes by value: elided, copied and moved results, arguments that are destroyed by the callee.
#include "check.h"
#include <array>
#include <string>
#include <utility>

namespace struct_return {

int made, copied, moved, destroyed;

struct traced {
  int id;
  std::array<long, 12> payload{};
  explicit traced(int n) : id(n) { ++made, payload.fill(n); }
  traced(const traced &o) : id(o.id), payload(o.payload) { ++copied; }
  traced(traced &&o) noexcept : id(std::exchange(o.id, -1)), payload(o.payload) { ++moved; }
  traced &operator=(traced o) noexcept {
    std::swap(id, o.id);
    std::swap(payload, o.payload);
    return *this;
  }
  ~traced() { ++destroyed; }
  long sum() const {
    long s = 0;
    for (long p : payload) s += p;
    return s;
  }
};

traced elided(int n) { return traced(n); }
traced named(int n) {
  traced t(n);
  t.payload[3] = 100;
  return t;
}
traced either(bool first) {
  traced a(1), b(2);
  if (first) return a;
  return b;
}
long consume(traced t) { return t.sum() + (t.payload[0] = 0); }
traced pass(traced t) { return t; }

struct trivial { double a, b, c, d; int e; };
trivial scale(trivial t, double k) { return {t.a * k, t.b * k, t.c * k, t.d * k, t.e + 1}; }
trivial repeated(trivial t, int n) { return n == 0 ? t : repeated(scale(t, 2), n - 1); }

struct mixed { float f; int i; };
struct homogeneous { float x, y, z, w; };
mixed flip(mixed m) { return {static_cast<float>(m.i), static_cast<int>(m.f)}; }
homogeneous turn(homogeneous h) { return {h.w, h.x, h.y, h.z}; }

std::pair<std::string, traced> both(int n) { return {std::string(static_cast<size_t>(n), 'x'), traced(n)}; }

struct holder {
  traced inside;
  traced take() && { return std::move(inside); }
  const traced &look() const & { return inside; }
};

}  // namespace struct_return

int main() {
  using namespace struct_return;
  {
    traced t = elided(opaque(4));
    CHECK(made == 1 && copied == 0 && moved == 0 && t.sum() == 48);
    CHECK(named(opaque(2)).sum() == 122 && copied == 0);
    CHECK(either(opaque(1) != 0).id == 1 && either(opaque(0) != 0).id == 2 && moved == 2);
    CHECK(consume(t) == 48 && t.payload[0] == 4 && copied == 1);
    CHECK(consume(std::move(t)) == 48 && t.id == -1);
    traced u = pass(pass(traced(opaque(9))));
    CHECK(u.id == 9 && u.payload[11] == 9);
    u = elided(3);
    CHECK(u.sum() == 36);
    traced &same = u;
    u = same;
    auto [text, last] = both(opaque(5));
    CHECK(text == "xxxxx" && last.id == 5);
    holder h{traced(opaque(8))};
    long before = h.look().sum();
    traced taken = std::move(h).take();
    CHECK(before == 96 && taken.id == 8 && h.look().id == -1);
  }
  std::printf("%d made, %d moved, %d gone\n", made, moved > 4, destroyed - copied - moved);
  CHECK(made + copied + moved == destroyed);
  trivial t = repeated({1, 2, 3, 4, 0}, opaque(10));
  CHECK(t.a == 1024 && t.d == 4096 && t.e == 10);
  mixed m = flip(flip({2.5f, opaque(7)}));
  homogeneous h = turn(turn({1, 2, 3, static_cast<float>(opaque(4))}));
  std::printf("%g %d %g %g\n", m.f, m.i, h.x, h.w);
  CHECK(m.f == 2 && m.i == 7 && h.x == 3 && h.w == 2);
  return failures != 0;
}
