// Inline functions with statics, templates instantiated more than once, inline variables: one copy of each.
#include "check.h"
#include <string>
#include <utility>

namespace static_inline {

inline int next_number() {
  static int number = 100;
  return ++number;
}

template <class T> struct counter {
  static int count;
  static inline T latest{};
  static int bump(T value) {
    static T sum{};
    ++count;
    latest = value;
    return static_cast<int>(sum = sum + value);
  }
};
template <class T> int counter<T>::count = 5;

template <int N> inline const char *tag() {
  static const char text[] = {'t', static_cast<char>('0' + N), 0};
  return text;
}

struct registry {
  static registry &get() {
    static registry only;
    return only;
  }
  int uses = 0;

 private:
  registry() = default;
};

inline int &global_reference() {
  static int value = opaque(9);
  return value;
}

using function = int (*)();
inline function address() { return &next_number; }
template <class F> int call_twice(F f) {
  int first = f();
  return first * 1000 + f();
}

template <class... T> inline int total(T... values) {
  static int calls = 0;
  return (values + ... + 0) + 1000 * ++calls;
}

auto make_counter() {
  return [n = 0]() mutable { return ++n; };
}

auto unique_a = [] { static int calls = 0; return ++calls; };
auto unique_b = [] { static int calls = 0; return ++calls; };

}  // namespace static_inline

int main() {
  using namespace static_inline;
  CHECK(next_number() == 101 && address()() == 102 && call_twice(next_number) == 103104);
  CHECK(address() == &next_number);
  CHECK(counter<int>::bump(opaque(3)) == 3 && counter<int>::bump(4) == 7 && counter<long>::bump(1) == 1);
  CHECK(counter<int>::count == 7 && counter<long>::count == 6 && counter<int>::latest == 4);
  std::printf("%s %s %d\n", tag<1>(), tag<2>(), counter<double>::bump(1.5));
  CHECK(tag<1>() == tag<1>() && tag<1>() != tag<2>() && tag<2>()[1] == '2');
  registry::get().uses += 3;
  CHECK(&registry::get() == &registry::get() && registry::get().uses == 3);
  global_reference() += 1;
  CHECK(global_reference() == 10);
  CHECK(total(1, 2, 3) == 1006 && total(1, 2, 3) == 2006 && total(1, 2) == 1003 && total() == 1000);
  auto a = make_counter(), b = make_counter();
  a();
  CHECK(a() == 2 && b() == 1);
  auto c = a;
  CHECK(c() == 3 && a() == 3);
  unique_a();
  CHECK(unique_a() == 2 && unique_b() == 1);
  std::printf("%d %d\n", next_number(), total(opaque(5)));
  return failures != 0;
}
