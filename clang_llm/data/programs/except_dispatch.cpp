// One throw and many handlers: by type, base, reference, pointer and ellipsis, the first that fits in their order.
#include "check.h"
#include <new>
#include <stdexcept>
#include <string>

namespace except_dispatch {

struct a { virtual ~a() = default; int x = 1; };
struct b { virtual ~b() = default; int y = 2; };
struct ab : a, b { int z = 3; };
struct hidden : private a { int w = 4; };
struct twice_a : ab { };
struct left : virtual a { };
struct right : virtual a { };
struct diamond : left, right { };
enum class code { one = 1, two };

[[noreturn]] void raise(int kind) {
  static ab object;
  static const int number = 6;
  switch (kind) {
    case 0: throw 1;
    case 1: throw 2u;
    case 2: throw 3L;
    case 3: throw 4.5;
    case 4: throw 'c';
    case 5: throw "text";
    case 6: throw std::string("string");
    case 7: throw a();
    case 8: throw ab();
    case 9: throw hidden();
    case 10: throw &object;
    case 11: throw &number;
    case 12: throw nullptr;
    case 13: throw code::two;
    case 14: throw std::out_of_range("range");
    case 15: throw std::bad_alloc();
    case 16: throw twice_a();
    case 17: throw diamond();
    default: throw static_cast<short>(kind);
  }
}

int sort_out(int kind) {
  try {
    raise(kind);
  } catch (int n) {
    return 100 + n;
  } catch (unsigned n) {
    return 200 + static_cast<int>(n);
  } catch (long n) {
    return 300 + static_cast<int>(n);
  } catch (double d) {
    return 400 + static_cast<int>(d * 2);
  } catch (const char *s) {
    return s ? 500 + s[0] : 599;
  } catch (const std::string &s) {
    return 600 + static_cast<int>(s.size());
  } catch (b &other) {
    return 700 + other.y;
  } catch (a &first) {
    return 800 + first.x;
  } catch (hidden &h) {
    return 900 + h.w;
  } catch (b *p) {
    return p ? 1000 + p->y : 1099;
  } catch (const int *p) {
    return 1100 + *p;
  } catch (code c) {
    return 1200 + static_cast<int>(c);
  } catch (const std::logic_error &e) {
    return 1300 + e.what()[0];
  } catch (const std::exception &) {
    return 1400;
  } catch (...) {
    return 1500;
  }
}

// Handlers in two frames: the inner ones take some, the rest goes on, past a clean-up.
struct mark {
  int &n;
  ~mark() { n += 10000; }
};
int in_turn(int kind) {
  int passed = 0;
  try {
    mark m{passed};
    try {
      raise(kind);
    } catch (const b &) {
      return 1 + passed;
    } catch (char c) {
      throw static_cast<int>(c);
    }
  } catch (int n) {
    return 2 + passed + n;
  } catch (const std::exception &) {
    return 3 + passed;
  } catch (...) {
    return 4 + passed;
  }
  return 0;
}

}  // namespace except_dispatch

int main() {
  using namespace except_dispatch;
  const int wanted[] = {101, 202, 303, 409, 1500, 616, 606, 801, 702, 904, 1002, 1106, 599, 1202, 1414, 1400, 702, 801, 1500};
  int sum = 0;
  for (int kind = 0; kind < 19; ++kind) {
    int got = sort_out(opaque(kind));
    std::printf("%d %d\n", got, in_turn(opaque(kind)));
    CHECK(got == wanted[kind]);
    sum += got;
  }
  std::printf("%d\n", sum);
  CHECK(in_turn(opaque(8)) == 1 && in_turn(opaque(4)) == 10002 + 'c' && in_turn(opaque(0)) == 10003);
  CHECK(in_turn(opaque(14)) == 10003 && in_turn(opaque(7)) == 10004);
  return failures != 0;
}
