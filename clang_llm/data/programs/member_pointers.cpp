// Pointers to members: data and functions, virtual and not, through bases, in tables, null, compared.
#include "check.h"
#include <functional>
#include <string>

namespace member_pointers {

struct account {
  long balance = 100;
  int fee = 2;
  double rate = 0.5;
  virtual ~account() = default;
  long deposit(long n) { return balance += n; }
  virtual long withdraw(long n) { return balance -= n + fee; }
  long half() const { return balance / 2; }
};
struct tagged {
  virtual ~tagged() = default;
  virtual char tag() const { return 't'; }
  int number = 9;
};
struct savings : tagged, account {
  long withdraw(long n) override { return n > 50 ? -1 : account::withdraw(n); }
  char tag() const override { return 's'; }
};

using operation = long (account::*)(long);

struct command {
  const char *name;
  operation run;
};
const command commands[] = {{"deposit", &account::deposit}, {"withdraw", &account::withdraw}, {"none", nullptr}};

long perform(account &a, const std::string &name, long n) {
  for (const command &c : commands)
    if (name == c.name) return c.run ? (a.*c.run)(n) : -1000;
  return -2000;
}

template <class T, class M> M total(const T *objects, int n, M T::*member) {
  M sum{};
  for (int i = 0; i < n; ++i) sum += objects[i].*member;
  return sum;
}

struct inner { int x, y; };
struct outer { char c; inner first, second; int array[3]; };

int chained(const outer &o, inner outer::*which, int inner::*coordinate) { return o.*which.*coordinate; }

struct machine {
  using state = void (machine::*)(char);
  state now = &machine::idle;
  int words = 0;
  void idle(char c) {
    if (c != ' ') ++words, now = &machine::inside;
  }
  void inside(char c) {
    if (c == ' ') now = &machine::idle;
  }
};

}  // namespace member_pointers

int main() {
  using namespace member_pointers;
  account plain;
  savings saver;
  CHECK(perform(plain, "deposit", opaque(10)) == 110 && perform(plain, "withdraw", opaque(60)) == 48);
  CHECK(perform(saver, "withdraw", opaque(60)) == -1 && perform(saver, "withdraw", opaque(8)) == 90);
  CHECK(perform(plain, "none", 1) == -1000 && perform(plain, "other", 1) == -2000);
  account several[3];
  several[opaque(1)].fee = 40;
  several[2].rate = 2.25;
  std::printf("%d %g %ld\n", total(several, 3, &account::fee), total(several, 3, &account::rate),
              total(several, 3, &account::balance));
  CHECK(total(several, 3, &account::fee) == 44 && total(several, 3, &account::rate) == 3.25);
  long (savings::*derived)(long) = &account::withdraw;  // the base subobject is not at the start
  CHECK((saver.*derived)(opaque(5)) == 83);
  long account::*balance = &account::balance;
  saver.*balance = 7;
  CHECK(saver.balance == 7 && saver.number == 9 && saver.half() == 3);
  char (tagged::*tag)() const = &tagged::tag;
  const tagged &as_tagged = saver;
  CHECK((as_tagged.*tag)() == 's');
  outer o{'o', {1, 2}, {3, 4}, {5, 6, 7}};
  CHECK(chained(o, opaque(1) ? &outer::second : &outer::first, &inner::y) == 4);
  CHECK((o.*(&outer::array))[opaque(2)] == 7);
  machine m;
  for (char c : std::string(" three small  words ")) (m.*m.now)(c);
  CHECK(m.words == 3 && m.now == &machine::idle);
  int outer::*none = nullptr;
  inner outer::*at = &outer::first;
  CHECK(!none && at != nullptr && at != &outer::second);
  auto bound = std::mem_fn(&account::half);
  std::printf("%ld\n", bound(plain));
  CHECK(bound(plain) == 24);
  return failures != 0;
}
