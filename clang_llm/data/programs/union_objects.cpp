// Unions with members that have constructors, placement new, storage that is reused, over-aligned and raw memory.
#include "check.h"
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace union_objects {

int strings;
struct text {
  std::string s;
  explicit text(const char *p) : s(p) { ++strings; }
  text(const text &o) : s(o.s) { ++strings; }
  ~text() { --strings; }
};

class either {
  enum { NUMBER, TEXT, LIST } kind_ = NUMBER;
  union {
    long number_;
    text text_;
    std::vector<int> list_;
  };
  void clear() {
    if (kind_ == TEXT) text_.~text();
    if (kind_ == LIST) list_.~vector();
    kind_ = NUMBER;
    number_ = 0;
  }

 public:
  either() : number_(0) {}
  explicit either(long n) : number_(n) {}
  explicit either(const char *p) : kind_(TEXT), text_(p) {}
  either(const either &o) : number_(0) { *this = o; }
  either &operator=(const either &o) {
    if (this == &o) return *this;
    clear();
    if (o.kind_ == TEXT) new (&text_) text(o.text_);
    else if (o.kind_ == LIST) new (&list_) std::vector<int>(o.list_);
    else number_ = o.number_;
    kind_ = o.kind_;
    return *this;
  }
  ~either() { clear(); }
  void append(int n) {
    if (kind_ != LIST) {
      clear();
      new (&list_) std::vector<int>();
      kind_ = LIST;
    }
    list_.push_back(n);
  }
  long weight() const {
    switch (kind_) {
      case NUMBER: return number_;
      case TEXT: return static_cast<long>(text_.s.size()) * 100;
      case LIST: {
        long sum = 10000;
        for (int n : list_) sum += n;
        return sum;
      }
    }
    return -1;
  }
};

template <class T, int N> class pool {
  union slot {
    slot *next;
    alignas(T) unsigned char bytes[sizeof(T)];
  };
  slot slots_[N];
  slot *free_ = nullptr;

 public:
  int live = 0;
  pool() {
    for (slot &s : slots_) s.next = free_, free_ = &s;
  }
  template <class... A> T *make(A &&...a) {
    if (!free_) return nullptr;
    slot *s = free_;
    free_ = s->next;
    ++live;
    return new (s->bytes) T(std::forward<A>(a)...);
  }
  void drop(T *p) {
    p->~T();
    slot *s = reinterpret_cast<slot *>(p);
    s->next = free_;
    free_ = s;
    --live;
  }
};

struct alignas(64) wide { char c[64]; };
struct with_const { const int fixed; int other; };

struct counted {
  static int news, deletes;
  int x = 1;
  static void *operator new(std::size_t n) { return ++news, ::operator new(n); }
  static void operator delete(void *p) { ++deletes, ::operator delete(p); }
};
int counted::news, counted::deletes;

}  // namespace union_objects

int main() {
  using namespace union_objects;
  {
    either a(opaque(5)), b("text"), c(b), d;
    d.append(opaque(1)), d.append(2);
    either all[] = {a, b, c, d};
    all[0] = all[3];
    all[3] = all[1];
    all[1] = either(7L);
    all[2] = all[2];
    for (const either &e : all) std::printf("%ld ", e.weight());
    CHECK(all[0].weight() == 10003 && all[1].weight() == 7 && all[2].weight() == 400 && all[3].weight() == 400);
    b.append(9);
    CHECK(b.weight() == 10009 && strings == 3);
  }
  CHECK(strings == 0);
  pool<text, 3> p;
  text *one = p.make("one"), *two = p.make("two"), *three = p.make("three");
  CHECK(!p.make("four") && p.live == 3);
  p.drop(two);
  text *again = p.make("again");
  CHECK(static_cast<void *>(again) == static_cast<void *>(two) && again->s == "again" && three->s == "three");
  for (text *t : {one, again, three}) p.drop(t);
  CHECK(strings == 0 && p.live == 0);
  auto w = std::make_unique<wide[]>(static_cast<size_t>(opaque(3)));
  CHECK((reinterpret_cast<std::uintptr_t>(&w[1]) & 63) == 0);
  with_const *k = new with_const{opaque(1), 2};
  k->~with_const();
  k = new (k) with_const{opaque(10), 20};
  std::printf("%d %d\n", k->fixed, std::launder(k)->other);
  CHECK(k->fixed == 10 && k->other == 20);
  delete k;
  counted *volatile kept = new counted;  // a pair whose pointer nobody sees may be left out altogether
  delete kept;
  CHECK(counted::news == counted::deletes);
  return failures != 0;
}
