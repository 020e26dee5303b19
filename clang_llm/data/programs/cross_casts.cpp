// Casts across virtual bases and beside them, from constructors and destructors too, and pointers to virtual members.
#include "check.h"
#include <cstdio>
#include <typeinfo>

namespace cross_casts {

struct shape {
  int sides = 0;
  virtual ~shape() = default;
  virtual int area() const { return sides; }
};
struct named {
  int letter = 'n';
  virtual ~named() = default;
  virtual int name() const { return letter; }
};
struct colour : virtual shape {
  int shade = 3;
  int area() const override { return shade * 100 + sides; }
};
struct border : virtual shape, virtual named {
  int width = 2;
  int name() const override { return letter + width; }
};
struct hidden_base {
  virtual ~hidden_base() = default;
  int secret = 11;
};

int casts_seen;
struct window : colour, named, border, private hidden_base {
  int n;
  explicit window(int value) : n(value) {
    sides = value;
    casts_seen = casts_seen * 10 + look(this);
  }
  ~window() override { casts_seen = casts_seen * 10 + look(this); }
  static int look(const shape *s) {
    return (dynamic_cast<const colour *>(s) != nullptr) + 2 * (dynamic_cast<const border *>(s) != nullptr) +
           4 * (dynamic_cast<const window *>(s) != nullptr);
  }
  int area() const override { return n * 1000 + border::sides; }
  int name() const override { return n; }
};
struct last : window {
  last() : window(8) {}
  int area() const override { return -1; }
  int extra = 77;
};

int through(const shape *s) {
  int code = s->area();
  if (auto c = dynamic_cast<const colour *>(s)) code += c->shade * 10000;
  if (auto b = dynamic_cast<const border *>(s)) code += b->width * 100000;
  return code;
}
// Two bases of this type: from the whole it is ambiguous, from one of the parts it is not.
int names_of(const border *b) {
  const named &own = *b;
  return own.name() * 2 + (dynamic_cast<const void *>(&own) == dynamic_cast<const void *>(b));
}

using query = int (shape::*)() const;
int ask(const shape &s, query q) { return (s.*q)(); }
struct counter {
  int total = 0;
  virtual ~counter() = default;
  virtual void add(int n) { total += n; }
  void twice(int n) { total += 2 * n; }
};
struct padded { virtual ~padded() = default; long pad[3] = {1, 2, 3}; };
struct both : padded, counter {
  void add(int n) override { total -= n, pad[0] += n; }
};
int apply(counter &c, void (counter::*f)(int), int n) {
  (c.*f)(n);
  return c.total;
}

}  // namespace cross_casts

int main() {
  using namespace cross_casts;
  shape plain;
  plain.sides = opaque(4);
  colour red;
  border thin;
  {
    window w(opaque(5));
    last l;
    const shape *shapes[] = {&plain, &red, &thin, static_cast<const colour *>(&w), static_cast<const colour *>(&l)};
    const int wanted[] = {4, 30300, 200000, 235005, 229999};
    for (int i = 0; i < 5; ++i) {
      std::printf("%d\n", through(shapes[opaque(i)]));
      CHECK(through(shapes[opaque(i)]) == wanted[i]);
    }
    const border *as_border = dynamic_cast<const border *>(shapes[opaque(3)]);
    CHECK(as_border && names_of(as_border) == 11 && names_of(&thin) == ('n' + 2) * 2 + 1);
    CHECK(dynamic_cast<const hidden_base *>(shapes[3]) == nullptr);
    const hidden_base *secret = (const hidden_base *)&w;  // only this cast may pass the private base
    CHECK(secret->secret == 11 && dynamic_cast<const window *>(secret) == nullptr);
    bool bad = false;
    try {
      (void)dynamic_cast<const border &>(*shapes[opaque(1)]);
    } catch (const std::bad_cast &) {
      bad = true;
    }
    CHECK(bad && typeid(*shapes[opaque(4)]) == typeid(last) && typeid(*shapes[3]) != typeid(*shapes[4]));
    query q = opaque(1) ? &shape::area : nullptr;
    CHECK(ask(w, q) == 5005 && ask(l, q) == -1 && ask(red, q) == 300);
  }
  std::printf("%d\n", casts_seen);
  CHECK(casts_seen == 7777);
  both b;
  counter c;
  void (counter::*f[])(int) = {&counter::add, &counter::twice};
  CHECK(apply(b, f[opaque(0)], 5) == -5 && apply(b, f[opaque(1)], 5) == 5 && apply(c, f[opaque(0)], 3) == 3);
  CHECK(b.pad[0] == 6 && f[opaque(0)] != f[opaque(1)] && f[0] == &counter::add);
  void (both::*g)(int) = f[opaque(1)];
  (b.*g)(10);
  CHECK(b.total == 25);
  return failures != 0;
}
