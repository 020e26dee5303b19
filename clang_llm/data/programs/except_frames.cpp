// Exceptions through many frames: every object on the way is destroyed once, in order, whatever was inlined.
#include "check.h"
#include <stdexcept>
#include <string>

namespace except_frames {

int alive, order;

struct guard {
  int id;
  explicit guard(int n) : id(n) { ++alive; }
  guard(const guard &other) : id(other.id + 1000) { ++alive; }
  ~guard() {
    --alive;
    order = (order * 31 + id) % 1000003;
  }
};

int descend(int n, int limit) {
  guard here(n);
  if (n == limit) throw std::runtime_error("level " + std::to_string(n));
  int below = descend(n + 1, limit);
  guard after(n + 500);
  return below + 1;
}

int by_value(guard g, int n) {
  if (n < 0) throw n;
  return g.id + n;
}

int in_loop(int limit) {
  int done = 0;
  for (int i = 0;; ++i) {
    guard g(i);
    try {
      if (i % 3 == 2) throw i;
      if (i == limit) break;
      ++done;
    } catch (int &caught) {
      guard inner(caught * 10);
      done += 100;
      if (caught > limit) throw;
      continue;
    }
  }
  return done;
}

struct whole {
  guard first{1};
  guard parts[3]{guard(2), guard(3), guard(4)};
  whole(bool broken) {
    if (broken) throw std::logic_error("half made");
  }
};

}  // namespace except_frames

int main() {
  using namespace except_frames;
  std::string message;
  try {
    descend(0, opaque(30));
  } catch (const std::exception &e) {
    message = e.what();
  }
  std::printf("%s %d %d\n", message.c_str(), alive, order);
  CHECK(message == "level 30" && alive == 0);
  order = 0;
  int caught = 0;
  try {
    by_value(guard(7), opaque(-5));
  } catch (int n) {
    caught = n;
  }
  CHECK(caught == -5 && alive == 0 && by_value(guard(7), 1) == 8);
  int looped = in_loop(opaque(6));
  std::printf("%d %d\n", looped, order);
  CHECK(looped == 204 && alive == 0);
  bool thrown = false;
  try {
    in_loop(opaque(2));
  } catch (int) {
    thrown = true;
  }
  CHECK(thrown && alive == 0);
  for (int broken = 0; broken < 2; ++broken) {
    try {
      whole w(opaque(broken) != 0);
      CHECK(alive == 4 && !broken);
    } catch (const std::logic_error &) {
      CHECK(broken == 1);
    }
    std::printf("%d %d\n", alive, order);
  }
  CHECK(alive == 0);
  return failures != 0;
}
