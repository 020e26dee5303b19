// Operators of our own: fractions, three-way comparison, conversions, subscripts, increments and literals.
#include "check.h"
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <string>
#include <vector>

namespace operators {

struct fraction {
  long n, d;
  constexpr fraction(long a = 0, long b = 1) : n(a), d(b) {
    long g = std::gcd(n, d);
    if (g) n /= g, d /= g;
    if (d < 0) n = -n, d = -d;
  }
  friend constexpr fraction operator+(fraction a, fraction b) { return {a.n * b.d + b.n * a.d, a.d * b.d}; }
  friend constexpr fraction operator-(fraction a) { return {-a.n, a.d}; }
  friend constexpr fraction operator-(fraction a, fraction b) { return a + -b; }
  friend constexpr fraction operator*(fraction a, fraction b) { return {a.n * b.n, a.d * b.d}; }
  friend constexpr fraction operator/(fraction a, fraction b) { return {a.n * b.d, a.d * b.n}; }
  fraction &operator+=(fraction b) { return *this = *this + b; }
  friend constexpr bool operator==(fraction, fraction) = default;
  friend constexpr std::strong_ordering operator<=>(fraction a, fraction b) { return a.n * b.d <=> b.n * a.d; }
  explicit operator bool() const { return n != 0; }
  explicit operator double() const { return static_cast<double>(n) / static_cast<double>(d); }
  fraction operator++(int) {
    fraction old = *this;
    n += d;
    return old;
  }
  fraction &operator++() {
    n += d;
    return *this;
  }
};
constexpr fraction operator""_f(unsigned long long n) { return {static_cast<long>(n)}; }

class matrix {
  std::size_t columns_;
  std::vector<fraction> cells_;

 public:
  matrix(std::size_t columns, std::initializer_list<fraction> cells) : columns_(columns), cells_(cells) {}
  struct row {
    matrix &m;
    std::size_t r;
    fraction &operator[](std::size_t c) { return m.cells_[r * m.columns_ + c]; }
  };
  row operator[](std::size_t r) { return {*this, r}; }
  std::size_t size() const { return columns_; }
  fraction operator()(std::size_t r, std::size_t c) const { return cells_[r * columns_ + c]; }
};

fraction determinant(matrix m) {
  fraction result = 1_f;
  for (std::size_t i = 0; i < m.size(); ++i) {
    std::size_t pivot = i;
    while (pivot < m.size() && !m[pivot][i]) ++pivot;
    if (pivot == m.size()) return 0_f;
    if (pivot != i) {
      result = -result;
      for (std::size_t c = 0; c < m.size(); ++c) std::swap(m[i][c], m[pivot][c]);
    }
    result = result * m[i][i];
    for (std::size_t r = i + 1; r < m.size(); ++r) {
      fraction factor = m[r][i] / m[i][i];
      for (std::size_t c = i; c < m.size(); ++c) m[r][c] = m[r][c] - factor * m[i][c];
    }
  }
  return result;
}

struct version {
  int major, minor;
  std::string tag;
  auto operator<=>(const version &) const = default;
};

}  // namespace operators

int main() {
  using namespace operators;
  fraction sum, harmonic;
  for (int i = 1; i <= opaque(12); ++i) harmonic += fraction(1, i);
  std::printf("%ld/%ld\n", harmonic.n, harmonic.d);
  CHECK(harmonic == fraction(86021, 27720) && static_cast<double>(fraction(3, opaque(4))) == 0.75);
  CHECK(fraction(1, 3) < fraction(2, opaque(5)) && fraction(-1, 2) > fraction(opaque(-2), 3) && !sum);
  fraction f(1, 2), old = f++;
  CHECK(old == fraction(1, 2) && f == fraction(3, 2) && ++f == fraction(5, opaque(2)));
  static_assert(fraction(2, -4) == fraction(-1, 2) && 3_f / 6_f == fraction(1, 2));
  matrix m(3, {0, 2, fraction(1, 2), 3, fraction(opaque(1), 3), 1, 4, 5, 6});
  fraction d = determinant(m);
  std::printf("%ld/%ld\n", d.n, d.d);
  CHECK(d == 0_f - 2_f * (18_f - 4_f) + fraction(1, 2) * (15_f - fraction(4, 3)));
  CHECK(m(0, 1) == 2_f && determinant(matrix(2, {1, 2, 2, fraction(opaque(4))})) == 0_f);
  version a{1, opaque(2), "a"}, b{1, 2, "b"}, c{1, 10, ""};
  CHECK(a < b && b < c && a != b && (c <=> c) == 0 && std::is_gt(c <=> a));
  return failures != 0;
}
