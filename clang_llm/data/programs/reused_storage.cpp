// Objects that follow each other in the same storage: other types, other tables of virtual functions, own new and delete.
#include "check.h"
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace reused_storage {

int news, deletes, bytes;

struct base {
  int id = 1;
  virtual ~base() = default;
  virtual int kind() const { return 100 + id; }
  static void *operator new(std::size_t n) {
    ++news, bytes += static_cast<int>(n != 0);
    return std::malloc(n);
  }
  static void *operator new(std::size_t, void *where) { return where; }
  static void operator delete(void *p) {
    ++deletes;
    std::free(p);
  }
};
struct one : base { int kind() const override { return 200 + id; } };
struct two : base {
  int kind() const override { return 300 + id; }
};
struct alignas(64) wide : base {
  char text[64];
  static void *operator new(std::size_t n, std::align_val_t a) {
    ++news;
    return std::aligned_alloc(static_cast<std::size_t>(a), n);
  }
  static void operator delete(void *p, std::align_val_t) {
    ++deletes;
    std::free(p);
  }
};

// The table changes in a call that gets only the address.
[[gnu::noinline]] base *turn(base *p, int into) {
  p->~base();
  if (into == 1) return new (p) one;
  if (into == 2) return new (p) two;
  return new (p) base;
}
int all_kinds() {
  alignas(two) unsigned char storage[sizeof(two)];
  base *p = new (storage) base;
  int sum = p->kind();
  for (int i = 0; i < 6; ++i) {
    p = turn(p, opaque(i) % 3);
    sum = sum * 3 + p->kind();
    sum += std::launder(reinterpret_cast<base *>(storage))->id;
  }
  p->~base();
  return sum;
}

template <class T> T read(const unsigned char *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
// The same bytes hold a float and then an integer, each begun anew.
int retyped(int n) {
  alignas(8) unsigned char cell[8];
  int sum = 0;
  for (int i = 0; i < n; ++i) {
    float *f = new (cell) float(static_cast<float>(i) + 0.5f);
    float doubled = *f * 2;
    int *k = new (cell) int(static_cast<int>(doubled));
    *k += i;
    sum += read<int>(cell);
    long long *wide_one = new (cell) long long(i);
    *wide_one <<= 33;
    sum += static_cast<int>(read<long long>(cell) >> 32);
  }
  return sum;
}

struct constant { const int value; int &target; };
int replaced(int n) {
  int a = n, b = n * 2;
  constant c{n, a};
  int before = c.value + c.target;
  std::destroy_at(&c);
  constant *again = new (&c) constant{n + 5, b};
  return before * 1000 + std::launder(again)->value + again->target;
}

}  // namespace reused_storage

int main() {
  using namespace reused_storage;
  int kinds = all_kinds();
  std::printf("%d %d\n", kinds, retyped(opaque(9)));
  int sum = 101;
  for (int i = 0; i < 6; ++i) sum = sum * 3 + (i % 3 + 1) * 100 + 1 + 1;
  CHECK(kinds == sum && news == 0 && deletes == 0);
  CHECK(retyped(opaque(4)) == (1 + 4 + 7 + 10) + (0 + 2 + 4 + 6));
  for (int i = 0; i < 5; ++i) {
    std::unique_ptr<base> p(opaque(i) % 2 ? static_cast<base *>(new one) : new two);
    CHECK(p->kind() == (i % 2 ? 201 : 301));
  }
  CHECK(news == 5 && deletes == 5 && bytes == 5);
  {
    std::unique_ptr<wide> w(new wide);
    CHECK((reinterpret_cast<std::uintptr_t>(w.get()) & 63) == 0 && w->kind() == 101);
  }
  CHECK(news == 6 && deletes == 6);
  CHECK(replaced(opaque(10)) == 20000 + 15 + 20);
  return failures != 0;
}
