// Values in many registers over calls that may throw: handlers and clean-ups find them as they were.
#include "check.h"
#include <stdexcept>

namespace except_registers {

int thrown, cleaned;
struct cleaner {
  int &sum;
  int weight;
  ~cleaner() { sum += weight, ++cleaned; }
};

[[gnu::noinline]] int may_throw(int n) {
  if (n % 7 == 3) {
    ++thrown;
    throw n;
  }
  return n * 2;
}

// Eight values that none of the calls changes, floating ones among them.
[[gnu::noinline]] long many(int a, int b, int c, int d, double e, double f, float g, long h) {
  long p = a * b, q = c - d, r = a ^ d, result = 0;
  double x = e * f;
  for (int i = 0; i < 10; ++i) {
    try {
      result += may_throw(a + i) + p;
      result += may_throw(b + i) + q;
    } catch (int n) {
      result += n * 1000 + r + static_cast<long>(x);
      p += 1;
      continue;
    }
    result += h + static_cast<long>(g);
  }
  return result + p * q + static_cast<long>(x * 2) + r + a + b + c + d;
}

[[gnu::noinline]] int cleans(int n, int *where) {
  int sum = n;
  int first = n * 3, second = n ^ 21;
  {
    cleaner outer{sum, first};
    cleaner inner{sum, second};
    *where = sum;
    sum += may_throw(n);
    *where = sum + first + second;
  }
  return sum;
}

// What is changed in the block is seen by its handler.
[[gnu::noinline]] int progress(const int *values, int n) {
  int done = 0, sum = 0;
  try {
    for (; done < n; ++done) sum += may_throw(values[done]);
  } catch (int caught) {
    return -(done * 10000 + sum * 10 + caught % 10);
  }
  return sum;
}

[[gnu::noinline]] int deep(int n, int a, int b, int c) {
  if (n == 0) return may_throw(a);
  int d = a + b, e = b * c % 97, f = a - c;
  int r;
  try {
    r = deep(n - 1, a + 1, d, e);
  } catch (int caught) {
    if (n % 3) throw;
    r = caught + d;
  }
  return (r + d * 3 + e * 5 + f) % 100003;
}

}  // namespace except_registers

int main() {
  using namespace except_registers;
  long m = many(opaque(1), opaque(2), 30, opaque(4), 1.5, opaque(6), 2.5f, 100);
  std::printf("%ld %d\n", m, thrown);
  CHECK(thrown == 4 && m > 0);
  int where = 0;
  int fine = cleans(opaque(5), &where);
  CHECK(fine == 5 + 10 + 15 + (5 ^ 21) && where == 15 + 15 + 16 && cleaned == 2);
  bool caught = false;
  try {
    cleans(opaque(10), &where);
  } catch (int n) {
    caught = n == 10;
  }
  CHECK(caught && cleaned == 4 && where == 10);
  const int values[] = {1, 2, 4, 5, 17, 6};
  CHECK(progress(values, opaque(4)) == 24 && progress(values, opaque(6)) == -(40000 + 240 + 7));
  int sum = 0, passed = 0;
  for (int i = 0; i < 14; ++i) {
    try {
      sum += deep(opaque(i % 6), opaque(i), 2, 3);
    } catch (int) {
      ++passed;
    }
  }
  std::printf("%d %d\n", sum, passed);
  CHECK(passed == 1 && thrown == 8);
  return failures != 0;
}
