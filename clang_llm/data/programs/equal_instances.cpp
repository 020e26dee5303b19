// Functions of the same code that are not the same: template instances, members, lambdas, each with its own statics.
#include "check.h"
#include <cstdio>

namespace equal_instances {

template <class T> int counted(T) {
  static int calls = 0;
  return ++calls;
}
template <int N> int numbered(int x) { return x * 3 + 1; }
template <class T> T *slot() {
  static T value{};
  return &value;
}

struct first { int value; int get() const { return value + 1; } static int make(int n) { return n * 5; } };
struct second { int value; int get() const { return value + 1; } static int make(int n) { return n * 5; } };

// Equal bodies at different places of a table of virtual functions.
struct interface {
  virtual ~interface() = default;
  virtual int open(int n) { return n + 7; }
  virtual int close(int n) { return n + 7; }
};
struct changed : interface {
  int close(int n) override { return n + 8; }
};

inline int shared_inline(int x) {
  static int sum = 100;
  return sum += x;
}
int by_one() { return shared_inline(1); }
int by_two() { return shared_inline(1); }

using function = int (*)(int);
template <class F> function plain(F f) { return f; }

int key_of(function f) {
  static const function keys[] = {numbered<1>, numbered<2>, numbered<3>, first::make, second::make};
  for (int i = 0; i < 5; ++i)
    if (keys[i] == f) return i;
  return -1;
}

enum small : unsigned char { none, some };
template <class T> bool is_same_place(const T *a, const T *b) { return a == b; }

}  // namespace equal_instances

int main() {
  using namespace equal_instances;
  for (int i = 0; i < 3; ++i) counted(i);
  counted(2u);
  counted(none);
  int ints = counted(1), unsigneds = counted(1u), enums = counted(some), longs = counted(1L);
  std::printf("%d %d %d %d\n", ints, unsigneds, enums, longs);
  CHECK(ints == 4 && unsigneds == 2 && enums == 2 && longs == 1);
  function all[] = {numbered<1>, numbered<2>, numbered<3>, first::make, second::make};
  for (int i = 0; i < 5; ++i) {
    CHECK(key_of(all[opaque(i)]) == i);
    for (int j = 0; j < i; ++j) CHECK(all[opaque(i)] != all[opaque(j)]);
    std::printf("%d\n", all[i](opaque(10)));
  }
  *slot<int>() = opaque(5);
  *slot<unsigned>() = 6;
  CHECK(*slot<int>() == 5 && *slot<unsigned>() == 6 && *slot<long>() == 0);
  CHECK(is_same_place<void>(slot<int>(), slot<int>()) && !is_same_place<void>(slot<int>(), slot<unsigned>()));
  int (first::*f)() const = &first::get;
  int (second::*s)() const = &second::get;
  CHECK((first{opaque(1)}.*f)() == 2 && (second{opaque(2)}.*s)() == 3);
  int (interface::*opens)(int) = &interface::open, (interface::*closes)(int) = &interface::close;
  interface plain_one;
  changed other;
  interface &i = opaque(1) ? static_cast<interface &>(other) : plain_one;
  CHECK(opens != closes && (i.*opens)(1) == 8 && (i.*closes)(1) == 9 && (plain_one.*closes)(1) == 8);
  function lambdas[] = {plain([](int x) { return x ^ 9; }), plain([](int x) { return x ^ 9; })};
  CHECK(lambdas[opaque(0)] != lambdas[opaque(1)] && lambdas[0](opaque(1)) == 8);
  CHECK(by_one() == 101 && by_two() == 102 && static_cast<int (*)()>(by_one) != by_two);
  return failures != 0;
}
