// Which handler is chosen: bases, pointers, qualifiers, unrelated types, function-try-blocks, private bases.
#include "check.h"
#include <new>
#include <stdexcept>
#include <typeinfo>

namespace except_types {

struct base { virtual ~base() = default; virtual int id() const { return 1; } };
struct left : virtual base { int id() const override { return 2; } };
struct right : virtual base { int id() const override { return 3; } };
struct both : left, right { int id() const override { return 4; } };
struct hidden : private base {};
enum class code { red = 10, green };
union bits { int i; float f; };

void raise(int what) {
  static int object = 5;
  switch (what) {
    case 0: throw base();
    case 1: throw left();
    case 2: throw both();
    case 3: throw hidden();
    case 4: throw code::green;
    case 5: throw &object;
    case 6: throw static_cast<const int *>(&object);
    case 7: throw 'c';
    case 8: throw nullptr;
    case 9: throw bits{3};
    case 10: throw std::bad_alloc();
    case 11: throw std::length_error("long");
    case 12: throw 1u;
  }
}

int choose(int what) {
  try {
    raise(what);
  } catch (right &r) {
    return 100 + r.id();
  } catch (base &b) {
    return 200 + b.id();
  } catch (code c) {
    return 300 + static_cast<int>(c);
  } catch (int *p) {
    return p ? 400 + *p : 499;
  } catch (const int *p) {
    return 500 + *p;
  } catch (int) {
    return 600;
  } catch (char c) {
    return 700 + c - 'a';
  } catch (bits &b) {
    return 800 + b.i;
  } catch (std::logic_error &) {
    return 900;
  } catch (std::exception &e) {
    return typeid(e) == typeid(std::bad_alloc) ? 1000 : 1001;
  } catch (...) {
    return -1;
  }
  return 0;
}

struct member {
  explicit member(int n) { if (n < 0) throw n; }
};

struct owner {
  member m;
  int state;
  explicit owner(int n) try : m(n), state(n) {
    if (n > 100) throw 1.5;
  } catch (int code) {
    throw code * 2;
  }
};

int function_block(int n) try {
  if (n > 3) throw n;
  return n;
} catch (int caught) {
  return -caught;
}

int make(int n) {
  try {
    owner o(n);
    return o.state;
  } catch (int code) {
    return code;
  } catch (double d) {
    return static_cast<int>(d * 10);
  }
}

}  // namespace except_types

int main() {
  using namespace except_types;
  const int wanted[] = {201, 202, 104, -1, 311, 405, 505, 702, 499, 803, 1000, 900, -1, 0};
  for (int i = 0; i < 14; ++i) {
    int chosen = choose(opaque(i));
    std::printf("%d ", chosen);
    CHECK(chosen == wanted[i]);
  }
  std::printf("\n%d %d %d\n", make(5), make(opaque(-4)), make(opaque(101)));
  CHECK(make(opaque(5)) == 5 && make(opaque(-4)) == -8 && make(opaque(101)) == 15);
  CHECK(function_block(opaque(2)) == 2 && function_block(opaque(9)) == -9);
  return failures != 0;
}
