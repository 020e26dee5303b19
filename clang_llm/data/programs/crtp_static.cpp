// Static polymorphism: CRTP, mix-ins, type lists, constexpr algorithms checked again at run time, concepts.
#include "check.h"
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <type_traits>
#include <utility>

namespace crtp_static {

template <class Self> struct comparable {
  bool operator!=(const Self &o) const { return !(self() == o); }
  bool operator>(const Self &o) const { return o < self(); }
  bool operator<=(const Self &o) const { return !(o < self()); }

 private:
  const Self &self() const { return static_cast<const Self &>(*this); }
};
template <class Self> struct counted {
  static inline int live = 0;
  counted() { ++live; }
  counted(const counted &) { ++live; }
  ~counted() { --live; }
};
struct meters : comparable<meters>, counted<meters> {
  double v;
  explicit meters(double x) : v(x) {}
  bool operator==(const meters &o) const { return v == o.v; }
  bool operator<(const meters &o) const { return v < o.v; }
};
struct seconds : counted<seconds> {};

constexpr std::uint32_t hash(std::string_view s) {
  std::uint32_t h = 2166136261u;
  for (char c : s) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

template <std::size_t N> constexpr std::array<unsigned, N> primes() {
  std::array<unsigned, N> found{};
  std::size_t n = 0;
  for (unsigned c = 2; n < N; ++c) {
    bool prime = true;
    for (std::size_t i = 0; i < n && prime; ++i) prime = c % found[i] != 0;
    if (prime) found[n++] = c;
  }
  return found;
}
constexpr auto table = primes<40>();

template <class T> constexpr T sorted(T values) {
  for (std::size_t i = 1; i < values.size(); ++i)
    for (std::size_t j = i; j > 0 && values[j] < values[j - 1]; --j) std::swap(values[j], values[j - 1]);
  return values;
}

template <class T>
concept shape = requires(const T &t) {
  { t.area() } -> std::convertible_to<double>;
};
struct square { double side; double area() const { return side * side; } };
struct disc { int r; long area() const { return 3L * r * r; } };
double measure(const shape auto &s) { return s.area(); }
double measure(const auto &) { return -1; }

int dispatch(std::string_view word) {
  switch (hash(word)) {
    case hash("start"): return 1;
    case hash("stop"): return 2;
    case hash("pause"): return 3;
    default: return 0;
  }
}

template <class... T> struct list {};
template <class L> struct size_sum;
template <class... T> struct size_sum<list<T...>> : std::integral_constant<std::size_t, (sizeof(T) + ... + 0)> {};
template <int N> struct fibonacci : std::integral_constant<long, fibonacci<N - 1>::value + fibonacci<N - 2>::value> {};
template <> struct fibonacci<0> : std::integral_constant<long, 0> {};
template <> struct fibonacci<1> : std::integral_constant<long, 1> {};

template <int... I> int spread(std::integer_sequence<int, I...>, int x) {
  int weights[] = {(I * x)...};
  int sum = 0;
  for (int w : weights) sum = sum * 3 + w;
  return sum;
}

}  // namespace crtp_static

int main() {
  using namespace crtp_static;
  {
    meters a(opaque(1)), b(2.5), c = a;
    seconds s;
    CHECK(a < b && b > a && a <= c && a != b && !(a != c));
    CHECK(meters::live == 3 && seconds::live == 1);
  }
  CHECK(meters::live == 0 && seconds::live == 0);
  static_assert(table[39] == 173 && fibonacci<50>::value == 12586269025);
  auto again = primes<40>();
  unsigned sum = 0;
  for (std::size_t i = 0; i < 40; ++i) sum = sum * 7 + table[static_cast<std::size_t>(opaque(static_cast<int>(i)))];
  std::printf("%u\n", sum);
  CHECK(again == table);
  constexpr auto fixed = sorted(std::array{5, 3, 9, 1});
  CHECK(fixed == sorted(std::array{opaque(9), 1, opaque(5), 3}));
  const square s{1.5};
  const disc d{opaque(2)};
  CHECK(measure(s) == 2.25 && measure(d) == 12 && measure(opaque(4)) == -1);
  const char *words[] = {"start", "stop", "pause", "begin"};
  for (int i = 0; i < 4; ++i) CHECK(dispatch(words[opaque(i)]) == (i + 1) % 4);
  using types = list<char, int, double>;
  CHECK(size_sum<types>::value == 13);
  std::printf("%d\n", spread(std::make_integer_sequence<int, 6>{}, opaque(2)));
  CHECK(spread(std::make_integer_sequence<int, 4>{}, opaque(1)) == 18);
  return failures != 0;
}
