// Exceptions within handlers: thrown again from deep inside, nested, kept and handed to threads, counted while they fly.
#include "check.h"
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace except_nested {

std::string trace;

struct witness {
  char mark;
  int before = std::uncaught_exceptions();
  explicit witness(char c) : mark(c) {}
  ~witness() {
    trace += mark;
    trace += static_cast<char>('0' + std::uncaught_exceptions() - before);
  }
};

// Throws and catches while another exception is on its way.
struct busy {
  ~busy() {
    try {
      witness inside('i');
      throw 5;
    } catch (int n) {
      trace += static_cast<char>('0' + n);
    }
  }
};

[[noreturn]] void again() { throw; }

int layers(int n) {
  try {
    witness w('a');
    busy b;
    if (n == 0) throw std::runtime_error("deep");
    return layers(n - 1) + 1;
  } catch (const std::runtime_error &) {
    try {
      if (n % 2) again();
      throw std::logic_error("other");
    } catch (const std::logic_error &e) {
      trace += e.what()[0];
      throw;
    } catch (...) {
      trace += '.';
      throw;
    }
  }
}

int depth_of(const std::exception &e) {
  try {
    std::rethrow_if_nested(e);
  } catch (const std::exception &inner) {
    return depth_of(inner) + 1;
  } catch (int n) {
    return n;
  }
  return 0;
}
void wrap(int n) {
  try {
    if (n == 0) throw opaque(40);
    wrap(n - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error("layer " + std::to_string(n)));
  }
}

struct holder {
  int value;
  explicit holder(int n) try : value(n > 3 ? throw n : n) {
  } catch (int &caught) {
    caught += 100;  // goes on by itself
  }
};
int held(int n) {
  try {
    return holder(n).value;
  } catch (int caught) {
    return -caught;
  }
}

// The inner exception ends while the outer one is still handled.
int interleaved() {
  int sum = 0;
  try {
    throw 1;
  } catch (int outer) {
    for (int i = 0; i < 3; ++i) {
      try {
        throw i * 10.0;
      } catch (double inner) {
        sum += static_cast<int>(inner) + outer;
        if (i == 1) continue;
      }
    }
    try {
      throw;
    } catch (int same) {
      sum += same * 1000;
    }
  }
  return sum;
}

}  // namespace except_nested

int main() {
  using namespace except_nested;
  std::string what;
  try {
    layers(opaque(3));
  } catch (const std::exception &e) {
    what = e.what();
  }
  std::printf("%s %s\n", what.c_str(), trace.c_str());
  CHECK(what == "other" && std::uncaught_exceptions() == 0);
  CHECK(trace.substr(0, 7) == "i15a1oi" && std::current_exception() == nullptr);
  try {
    wrap(opaque(3));
  } catch (const std::exception &e) {
    std::printf("%s %d\n", e.what(), depth_of(e));
    CHECK(depth_of(e) == 43);
  }
  CHECK(held(opaque(2)) == 2 && held(opaque(7)) == -107);
  int sum = interleaved();
  CHECK(sum == 30 + 3 + 1000);
  std::exception_ptr kept;
  std::thread other([&] {
    try {
      throw std::out_of_range("from a thread");
    } catch (...) {
      kept = std::current_exception();
    }
  });
  other.join();
  int caught = 0;
  for (int i = 0; i < 2; ++i) {
    try {
      std::rethrow_exception(kept);
    } catch (const std::logic_error &e) {
      caught += std::string(e.what()) == "from a thread";
    }
  }
  CHECK(caught == 2);
  return failures != 0;
}
