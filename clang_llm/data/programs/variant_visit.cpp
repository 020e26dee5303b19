// variant, optional, any and tuples: visits by table, values without a value, exceptions in assignment.
#include "check.h"
#include <any>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace variant_visit {

struct nothing {};
using value = std::variant<nothing, bool, long, double, std::string, std::vector<int>>;

template <class... F> struct overloaded : F... { using F::operator()...; };
template <class... F> overloaded(F...) -> overloaded<F...>;

std::string show(const value &v) {
  return std::visit(overloaded{[](nothing) { return std::string("none"); }, [](bool b) { return std::string(b ? "yes" : "no"); },
                               [](long n) { return std::to_string(n); }, [](double d) { return std::to_string(d).substr(0, 5); },
                               [](const std::string &s) { return '"' + s + '"'; },
                               [](const std::vector<int> &v) { return "[" + std::to_string(v.size()) + "]"; }},
                    v);
}

int compare(const value &a, const value &b) {
  return std::visit(
      [](const auto &x, const auto &y) -> int {
        using X = std::decay_t<decltype(x)>;
        using Y = std::decay_t<decltype(y)>;
        if constexpr (std::is_arithmetic_v<X> && std::is_arithmetic_v<Y>) {
          return x < y ? -1 : x > y ? 1 : 0;
        } else if constexpr (std::is_same_v<X, Y> && std::is_same_v<X, std::string>) {
          return x.compare(y) < 0 ? -1 : x.compare(y) > 0;
        } else {
          return 9;
        }
      },
      a, b);
}

struct grumpy {
  grumpy() = default;
  grumpy(const grumpy &) { throw std::runtime_error("no copies"); }
  grumpy &operator=(const grumpy &) = default;
};

std::optional<int> parse(const std::string &s) {
  int n = 0;
  if (s.empty()) return std::nullopt;
  for (char c : s) {
    if (c < '0' || c > '9') return {};
    n = n * 10 + (c - '0');
  }
  return n;
}

template <class T, size_t... I> long weigh(const T &t, std::index_sequence<I...>) {
  return ((static_cast<long>(std::get<I>(t)) * static_cast<long>(I + 1)) + ...);
}

}  // namespace variant_visit

int main() {
  using namespace variant_visit;
  std::vector<value> values{nothing{}, opaque(1) == 1, 42L, 2.5, std::string("text"), std::vector<int>(7)};
  std::string all;
  for (const value &v : values) all += show(v) + " ";
  std::printf("%s\n", all.c_str());
  CHECK(all == "none yes 42 2.500 \"text\" [7] ");
  CHECK(compare(values[1], values[2]) == -1 && compare(values[2], values[3]) == 1 && compare(values[4], values[0]) == 9);
  CHECK(compare(value(std::string("a")), value(std::string("b"))) == -1);
  values[0] = std::string("moved in");
  std::swap(values[0], values[static_cast<size_t>(opaque(2))]);
  CHECK(values[0].index() == 2 && std::get<std::string>(values[2]).size() == 8 && !std::get_if<long>(&values[2]));
  int thrown = 0;
  try {
    (void)std::get<double>(values[static_cast<size_t>(opaque(0))]);
  } catch (const std::bad_variant_access &) {
    ++thrown;
  }
  std::variant<int, grumpy> fragile = 1;
  grumpy g;
  try {
    fragile.emplace<grumpy>(g);
  } catch (const std::runtime_error &) {
    ++thrown;
  }
  CHECK(thrown == 2 && fragile.valueless_by_exception());
  fragile = opaque(3);
  CHECK(std::get<int>(fragile) == 3);
  CHECK(parse("123") == 123 && !parse("12x") && parse("").value_or(-1) == -1 && parse("0").has_value());
  std::any a = std::string("any");
  CHECK(std::any_cast<std::string &>(a) == "any" && !std::any_cast<int>(&a));
  a = opaque(5);
  CHECK(std::any_cast<int>(a) == 5);
  auto t = std::make_tuple(opaque(1), 'a', 3L, 4.0f);
  auto [one, letter, three, four] = t;
  CHECK(weigh(t, std::make_index_sequence<4>{}) == 1 + 2 * 97 + 9 + 16 && one + three + four == 8 && letter == 'a');
  CHECK(t < std::make_tuple(1, 'a', 3L, 5.0f) && std::tie(one, three) != std::make_tuple(3, 1L));
  return failures != 0;
}
