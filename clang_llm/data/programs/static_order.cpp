// Dynamic initialisation: order within a file, before main, guards of local statics, constants made at compile time.
#include "check.h"
#include <stdexcept>
#include <string>
#include <vector>

namespace static_order {

// Made by whoever needs it first, in either order of initialisation.
std::vector<int> &record() {
  static std::vector<int> r;
  return r;
}

struct step {
  int id;
  explicit step(int n) : id(n) { record().push_back(n); }
};

step one(1);
int computed = static_cast<int>(record().size()) * 10 + opaque(3);
step two(computed);
const std::string text = "made of " + std::to_string(two.id);
static int early = computed + 1;

constexpr int squares(int n) { return n == 0 ? 0 : n * n + squares(n - 1); }
constexpr int constant = squares(10);
struct table {
  int values[16];
  constexpr table() : values() {
    for (int i = 0; i < 16; ++i) values[i] = i * i ^ 5;
  }
};
constexpr table folded;
const table &alias = folded;

template <int N> struct numbered {
  static step made;
  static int touch() { return made.id; }
};
template <int N> step numbered<N>::made(N + 100);
inline step inline_one(7);

int attempts;
int stubborn(bool fail) {
  static int value = [fail] {
    ++attempts;
    if (fail) throw std::runtime_error("not yet");
    return attempts * 11;
  }();
  return value;
}

int recursive_static(int n) {
  static int sum = 0;
  static const int base = opaque(n);
  sum += n;
  if (n > 0) return recursive_static(n - 1);
  return sum * 100 + base;
}

struct pair_of_refs {
  const int &a;
  int &b;
};
pair_of_refs refs{constant, computed};

}  // namespace static_order

int main() {
  using namespace static_order;
  CHECK(numbered<5>::touch() == 105);
  // Inline variables and statics of templates may come before or after: nothing of their order is printed.
  std::printf("%d\n", computed >= 13 && early == computed + 1);
  std::vector<int> ordered;
  for (int id : record())
    if (id == 1 || id == computed) ordered.push_back(id);
  CHECK(ordered.size() == 2 && ordered[0] == 1 && two.id == computed && early == computed + 1);
  CHECK(text == "made of " + std::to_string(computed) && record().size() == 4);
  static_assert(constant == 385 && folded.values[3] == 12);
  CHECK(alias.values[opaque(15)] == (225 ^ 5));
  for (int i = 0; i < 3; ++i) {
    try {
      stubborn(opaque(i) < 2);
    } catch (const std::runtime_error &) {
    }
  }
  CHECK(attempts == 3 && stubborn(true) == 33 && attempts == 3);
  CHECK(recursive_static(opaque(4)) == 1004 && recursive_static(opaque(1)) == 1104);
  refs.b += 5;
  CHECK(computed == early + 4 && &refs.a == &constant && inline_one.id == 7);
  return failures != 0;
}
