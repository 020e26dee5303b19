// Virtual inheritance, calls during construction, thunks that adjust this, covariant results, multiple bases.
#include "check.h"
#include <memory>
#include <string>

namespace virtual_inherit {

std::string trace;

struct root {
  int id;
  explicit root(int n) : id(n) { trace += who(); }
  virtual ~root() { trace += '~', trace += who(); }
  virtual char who() const { return 'r'; }
  virtual const root *self() const { return this; }
};
struct left : virtual root {
  int l = 1;
  explicit left(int n) : root(n) { trace += who(); }
  ~left() override { trace += who(); }
  char who() const override { return 'l'; }
};
struct right : virtual root {
  int r = 2;
  explicit right(int n) : root(n * 2) { trace += this->who(); }
  char who() const override { return 'R'; }
  const right *self() const override { return this; }
};
struct both : left, right {
  int b = 3;
  explicit both(int n) : root(n + 1), left(n), right(n) { trace += who(); }
  char who() const override { return 'b'; }
  const both *self() const override { return this; }
};
struct leaf final : both {
  std::string name = "leaf";
  leaf() : root(77), both(5) {}
  char who() const override { return name.empty() ? '?' : 'f'; }
};

struct printer {
  virtual ~printer() = default;
  virtual std::string print(int width) const = 0;
};
struct sizer {
  virtual ~sizer() = default;
  virtual long size() const = 0;
  int padding = 7;
};
struct document : sizer, printer {
  std::string body;
  explicit document(std::string s) : body(std::move(s)) {}
  long size() const override { return static_cast<long>(body.size()) + padding; }
  std::string print(int width) const override { return body.substr(0, static_cast<size_t>(width)); }
};

int sum_of(const root &r) {
  int sum = r.id * 1000;
  if (auto p = dynamic_cast<const left *>(&r)) sum += p->l;
  if (auto p = dynamic_cast<const right *>(&r)) sum += p->r * 10;
  if (auto p = dynamic_cast<const both *>(&r)) sum += p->b * 100;
  return sum;
}

}  // namespace virtual_inherit

int main() {
  using namespace virtual_inherit;
  {
    std::unique_ptr<root> objects[] = {std::make_unique<root>(opaque(1)), std::make_unique<left>(2),
                                       std::make_unique<right>(3), std::make_unique<both>(4), std::make_unique<leaf>()};
    const int sums[] = {1000, 2001, 6020, 5321, 77321};
    for (int i = 0; i < 5; ++i) {
      const root &r = *objects[opaque(i)];
      std::printf("%c %d %d\n", r.who(), sum_of(r), r.self() == &r);
      CHECK(sum_of(r) == sums[i] && r.self() == &r);
    }
    const right *as_right = dynamic_cast<const right *>(objects[3].get());
    const void *whole = dynamic_cast<const void *>(as_right);
    CHECK(as_right->self() == as_right && whole != static_cast<const void *>(as_right));
    CHECK(objects[4]->who() == 'f');
  }
  std::printf("%s\n", trace.c_str());
  CHECK(trace.substr(0, 12) == "rrlrRrlRbrlR" && trace[12] == 'b');
  document d("a longer text");
  const printer &p = d;
  const sizer &s = d;
  CHECK(p.print(opaque(3)) == "a l" && s.size() == 20 && dynamic_cast<const sizer *>(&p) == &s);
  return failures != 0;
}
