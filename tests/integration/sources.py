"""C and C++ sources for the plugin's tests."""

from __future__ import annotations

#: Freestanding, with a jump table, loops, a constant table and an inlinable helper.
FREESTANDING = """
typedef unsigned u32;
typedef unsigned char u8;
static const u32 primes[16] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53};
static u32 rotate(u32 x, u32 n) { return (x << n) | (x >> (32 - n)); }
u32 checksum(const u8 *data, u32 length) {
  u32 sum = 0xffffffffu;
  while (length--) {
    sum ^= *data++;
    for (int bit = 0; bit < 8; bit++)
      sum = (sum >> 1) ^ (0xedb88320u & -(sum & 1));
  }
  return ~sum;
}
u32 scramble(u32 a, u32 b) {
  for (int i = 0; i < 16; i++) {
    a += primes[i] * b;
    b ^= rotate(a, 5);
  }
  return a ^ b;
}
int decide(int x) {
  switch (x) {
  case 0: return 5;
  case 1: return 9;
  case 2: return -4;
  case 3: return 77;
  case 4: return 8;
  case 9: return 3;
  default: return x * 3;
  }
}
struct point { int x; short y; char tag; };
void clear(struct point *points, int count) {
  for (int i = 0; i < count; i++) {
    points[i].x = i;
    points[i].y = (short)(i * 2);
    points[i].tag = 0;
  }
}
"""

#: Inline-only library functions, templates, exceptions and destructors.
CXX = """
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
struct Table {
  std::map<std::string, std::vector<int>> rows;
  void add(const std::string &name, int value) {
    if (name.empty()) throw std::invalid_argument("empty");
    rows[name].push_back(value);
  }
};
template <typename T> T total(const std::vector<T> &values) {
  T sum{};
  for (const T &value : values) sum += value;
  return sum;
}
template int total<int>(const std::vector<int> &);
int count(Table &table, const std::string &name) {
  try {
    table.add(name, 1);
  } catch (const std::exception &) {
    return -1;
  }
  return total(table.rows[name]);
}
"""

#: Enough of the library that plain instcombine does not reach its fixpoint in one go (LLVM 18 and later abort then).
NO_FIXPOINT = """
#include <algorithm>
#include <regex>
#include <string>
#include <vector>
bool matches(const std::string &s) { return std::regex_match(s, std::regex("[a-z]+\\\\d*")); }
void sort(std::vector<std::string> &v) { std::sort(v.begin(), v.end()); }
"""

#: A stack frame that -Wframe-larger-than sees.
BIG_FRAME = "void use(char *); void frame(void) { char bytes[5000]; use(bytes); }\n"

COROUTINE = """
#include <coroutine>
#include <utility>
struct Sequence {
  struct promise_type {
    int value;
    Sequence get_return_object() { return Sequence{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int x) { value = x; return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
  explicit Sequence(std::coroutine_handle<promise_type> h) : handle(h) {}
  Sequence(Sequence &&other) : handle(std::exchange(other.handle, {})) {}
  ~Sequence() { if (handle) handle.destroy(); }
  bool next() { handle.resume(); return !handle.done(); }
};
Sequence upto(int n) { for (int i = 0; i < n; i++) if (i % 3) co_yield i; else co_yield i * i; }
Sequence doubled(int n) {
  Sequence inner = upto(n);
  while (inner.next()) { co_yield inner.handle.promise().value; co_yield 2 * inner.handle.promise().value; }
}
int main() {
  int sum = 0;
  Sequence all = doubled(10);
  while (all.next()) sum = (sum * 3 + all.handle.promise().value) % 251;
  return sum;
}
"""


def strings(count: int) -> str:
    """Return C source with ``count`` strings in a table and one function of few instructions."""
    table = ", ".join(f'"string {number}"' for number in range(count))
    return f"const char *const table[] = {{{table}}};\nconst char *at(unsigned n) {{ return table[n % {count}]; }}\n"
