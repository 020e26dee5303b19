// Exceptions from constructors of array elements, members and bases: what was made is destroyed once, memory is freed.
#include "check.h"
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace except_arrays {

int made, destroyed, allocated, limit, order;

struct element {
  int id;
  element() : id(made) {
    if (made == limit) throw made * 10;
    ++made;
  }
  element(const element &other) : id(other.id + 100) {
    if (made == limit) throw -1;
    ++made;
  }
  ~element() {
    ++destroyed;
    order = (order * 7 + id) % 10007;
  }
  // Counts; the rest is what the library does.
  static void *operator new[](std::size_t n) {
    ++allocated;
    return ::operator new[](n);
  }
  static void operator delete[](void *p) {
    --allocated;
    ::operator delete[](p);
  }
};

struct base {
  element one, two;
  virtual ~base() = default;
};
struct whole : base {
  element rest[3];
  std::unique_ptr<element> more;
  whole() : more(new element) {}
};

int attempt(void (*what)(), int at) {
  made = destroyed = order = 0;
  limit = at;
  try {
    what();
  } catch (int n) {
    CHECK(made == destroyed);
    return n;
  }
  CHECK(made == destroyed);
  return -1000;
}

void local() {
  element parts[5];
  element copy(parts[opaque(2)]);
  order += copy.id;
}
void on_heap() {
  element *parts = new element[static_cast<unsigned>(opaque(6))];
  delete[] parts;
}
void nested() {
  element grid[2][3];
  order += grid[1][2].id;
}
void member() { whole w; }
void list() { std::vector<element> v{element(), element(), element()}; }
void grown() {
  std::vector<element> v;
  for (int i = 0; i < 4; ++i) v.emplace_back();
}
void over_aligned() {
  struct alignas(64) wide { element e; char pad[60]; };
  std::vector<std::unique_ptr<wide>> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(std::make_unique<wide>());
    CHECK((reinterpret_cast<std::size_t>(all.back().get()) & 63) == 0);
  }
}

}  // namespace except_arrays

int main() {
  using namespace except_arrays;
  void (*const all[])() = {local, on_heap, nested, member, list, grown, over_aligned};
  int finished = 0;
  for (int i = 0; i < 7; ++i)
    for (int at = 0; at < 8; ++at) {
      int result = attempt(all[opaque(i)], opaque(at));
      std::printf("%d.%d: %d, %d made, %d\n", i, at, result, made, order);
      CHECK(allocated == 0);
      CHECK(result == -1000 || result == -1 || result == at * 10);
      finished += result == -1000;
    }
  std::printf("%d\n", finished);
  CHECK(attempt(on_heap, opaque(100)) == -1000 && made == 6);
  CHECK(attempt(local, opaque(5)) == -1 && made == 5);
  return failures != 0;
}
