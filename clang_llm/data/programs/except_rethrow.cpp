// Rethrowing, nested exceptions, catch-all, exceptions kept in a pointer and thrown again later.
#include "check.h"
#include <exception>
#include <stdexcept>
#include <string>

namespace except_rethrow {

int copies;
struct counted {
  int value;
  explicit counted(int v) : value(v) {}
  counted(const counted &other) : value(other.value) { ++copies; }
};

std::string trail;

[[noreturn]] void wrap(const char *what) { std::throw_with_nested(std::runtime_error(what)); }

void layers(int n) {
  try {
    if (n == 0) throw std::out_of_range("bottom");
    layers(n - 1);
  } catch (...) {
    trail += static_cast<char>('0' + n);
    if (n % 2) throw;
    wrap(n == 0 ? "zero" : "even");
  }
}

int unwind(const std::exception &e) {
  std::printf("%s\n", e.what());
  try {
    std::rethrow_if_nested(e);
  } catch (const std::exception &inner) {
    return 1 + unwind(inner);
  }
  return 1;
}

std::exception_ptr keep(int what) {
  try {
    if (what == 1) throw counted(41);
    if (what == 2) throw "text";
    if (what == 3) throw std::string(40, 's');
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

int classify(const std::exception_ptr &p) {
  if (!p) return 0;
  try {
    std::rethrow_exception(p);
  } catch (counted &c) {
    return c.value++;
  } catch (const char *s) {
    return s[0];
  } catch (...) {
    return -1;
  }
}

int changed() {
  try {
    try {
      throw counted(1);
    } catch (counted &c) {
      c.value = 7;
      throw;
    }
  } catch (counted c) {
    return c.value;
  }
}

// Throws while another exception is being handled, and comes back to the first.
int interleaved() {
  int sum = 0;
  try {
    throw 1;
  } catch (int outer) {
    for (int i = 0; i < 3; ++i) {
      try {
        throw 10L * i;
      } catch (long inner) {
        sum += static_cast<int>(inner) + outer;
      }
    }
    try {
      throw;
    } catch (int again) {
      sum += again * 1000;
    }
  }
  return sum + std::uncaught_exceptions();
}

struct watcher {
  int *seen;
  ~watcher() { *seen = std::uncaught_exceptions(); }
};

}  // namespace except_rethrow

int main() {
  using namespace except_rethrow;
  int depth = 0;
  try {
    layers(opaque(5));
  } catch (const std::exception &e) {
    depth = unwind(e);
  }
  CHECK(trail == "012345" && depth == 4);
  std::exception_ptr first = keep(opaque(1));
  CHECK(classify(first) == 41 && classify(first) == 42);
  CHECK(classify(keep(opaque(2))) == 't' && classify(keep(opaque(3))) == -1 && classify(keep(opaque(0))) == 0);
  int value = changed();
  std::printf("%d %d\n", value, interleaved());
  CHECK(value == 7 && interleaved() == 1033);
  int during = -1, without = -1;
  { watcher w{&without}; }
  try {
    watcher w{&during};
    throw 1;
  } catch (int) {
  }
  CHECK(during == 1 && without == 0 && std::uncaught_exceptions() == 0);
  std::printf("%d\n", copies >= 1);
  return failures != 0;
}
