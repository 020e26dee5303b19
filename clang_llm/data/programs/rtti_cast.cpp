// Run-time type information: typeid of objects and null, casts down, across and to void, visitors by type.
#include "check.h"
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <typeinfo>
#include <vector>

namespace rtti_cast {

struct shape { virtual ~shape() = default; };
struct circle : shape { int radius = 3; };
struct polygon : shape { int corners; explicit polygon(int n) : corners(n) {} };
struct square : polygon { square() : polygon(4) {} };
struct named { virtual ~named() = default; std::string name = "n"; };
struct labelled : square, named { int extra = 8; };
template <class T> struct wrapper : shape { T value{}; };
namespace { struct local : shape {}; }

int describe(const shape *s) {
  if (dynamic_cast<const circle *>(s)) return 1;
  if (auto p = dynamic_cast<const polygon *>(s)) return 10 + p->corners + (typeid(*s) == typeid(polygon) ? 100 : 0);
  if (dynamic_cast<const wrapper<int> *>(s)) return 2;
  if (dynamic_cast<const wrapper<unsigned> *>(s)) return 3;
  return typeid(*s) == typeid(local) ? 4 : 0;
}

std::map<std::type_index, int> counts;
void count(const shape &s) { ++counts[typeid(s)]; }

struct leaf;
struct branch;
struct visitor {
  virtual ~visitor() = default;
  virtual int visit(const leaf &) = 0;
  virtual int visit(const branch &) = 0;
};
struct node {
  virtual ~node() = default;
  virtual int accept(visitor &) const = 0;
};
struct leaf : node {
  int value;
  explicit leaf(int v) : value(v) {}
  int accept(visitor &v) const override { return v.visit(*this); }
};
struct branch : node {
  std::unique_ptr<node> left, right;
  branch(std::unique_ptr<node> l, std::unique_ptr<node> r) : left(std::move(l)), right(std::move(r)) {}
  int accept(visitor &v) const override { return v.visit(*this); }
};
struct summing : visitor {
  int visit(const leaf &l) override { return l.value; }
  int visit(const branch &b) override { return b.left->accept(*this) + b.right->accept(*this); }
};
struct depth : visitor {
  int visit(const leaf &) override { return 1; }
  int visit(const branch &b) override {
    int l = b.left->accept(*this), r = b.right->accept(*this);
    return 1 + (l > r ? l : r);
  }
};

std::unique_ptr<node> build(int from, int to) {
  if (to - from == 1) return std::make_unique<leaf>(from);
  int middle = from + (to - from + 2) / 3;
  return std::make_unique<branch>(build(from, middle), build(middle, to));
}

}  // namespace rtti_cast

int main() {
  using namespace rtti_cast;
  std::vector<std::unique_ptr<shape>> shapes;
  shapes.push_back(std::make_unique<circle>());
  shapes.push_back(std::make_unique<polygon>(opaque(7)));
  shapes.push_back(std::make_unique<square>());
  shapes.push_back(std::make_unique<labelled>());
  shapes.push_back(std::make_unique<wrapper<int>>());
  shapes.push_back(std::make_unique<wrapper<unsigned>>());
  shapes.push_back(std::make_unique<local>());
  shapes.push_back(std::make_unique<circle>());
  const int wanted[] = {1, 117, 14, 14, 2, 3, 4, 1};
  for (int i = 0; i < 8; ++i) {
    std::printf("%d ", describe(shapes[static_cast<size_t>(i)].get()));
    CHECK(describe(shapes[static_cast<size_t>(opaque(i))].get()) == wanted[i]);
    count(*shapes[static_cast<size_t>(i)]);
  }
  CHECK(counts.size() == 7 && counts[typeid(circle)] == 2);
  auto *l = dynamic_cast<named *>(shapes[3].get());  // a cast across
  CHECK(l && l->name == "n" && dynamic_cast<labelled *>(l)->extra == 8 && dynamic_cast<shape *>(l) == shapes[3].get());
  CHECK(dynamic_cast<void *>(l) == static_cast<void *>(shapes[3].get()) && !dynamic_cast<named *>(shapes[2].get()));
  int thrown = 0;
  try {
    (void)dynamic_cast<circle &>(*shapes[static_cast<size_t>(opaque(2))]);
  } catch (const std::bad_cast &) {
    thrown += 1;
  }
  try {
    shape *none = opaque(0) ? shapes[0].get() : nullptr;
    thrown += typeid(*none) == typeid(shape) ? 100 : 1000;
  } catch (const std::bad_typeid &) {
    thrown += 10;
  }
  CHECK(thrown == 11);
  auto tree = build(0, opaque(40));
  summing s;
  depth d;
  std::printf("\n%d %d\n", tree->accept(s), tree->accept(d));
  CHECK(tree->accept(s) == 780 && typeid(*tree) == typeid(branch));
  return failures != 0;
}
