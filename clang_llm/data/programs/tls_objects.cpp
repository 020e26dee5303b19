// Thread-local objects with constructors and destructors, made on first use in each thread, destroyed in reverse order.
#include "check.h"
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tls_objects {

std::mutex lock;
std::vector<std::string> log_of;
int made;

void note(const std::string &s) {
  std::lock_guard<std::mutex> hold(lock);
  log_of.push_back(s);
}

struct tracer {
  std::string name;
  explicit tracer(const char *n) : name(n) {
    std::lock_guard<std::mutex> hold(lock);
    ++made;
  }
  ~tracer() {
    if (reports) note("~" + name);
  }
  bool reports = false;
};

thread_local tracer first("first");
thread_local int plain = 3;
extern thread_local std::vector<int> history;
thread_local std::vector<int> history{1, 2};
inline thread_local int shared_inline = static_cast<int>(sizeof(int)) * 2;

int next() {
  static thread_local tracer second("second");
  static thread_local int counter = opaque(10);
  second.reports = first.reports;
  return ++counter;
}

template <class T> struct slot {
  static thread_local T value;
};
template <class T> thread_local T slot<T>::value = T(7);

void work(int id, long *result) {
  first.reports = true;
  long sum = 0;
  for (int i = 0; i < id + 2; ++i) {
    history.push_back(id);
    plain += id;
    slot<long>::value *= 2;
    shared_inline += i;
    sum += next();
  }
  *result = sum * 1000000 + static_cast<long>(history.size()) * 10000 + plain * 100 + slot<long>::value + shared_inline;
}

}  // namespace tls_objects

int main() {
  using namespace tls_objects;
  plain = 50;
  for (int id = 0; id < 3; ++id) {
    long result = 0;
    std::thread(work, opaque(id), &result).join();
    std::printf("%ld\n", result);
    int n = id + 2;
    long sum = 10L * n + n * (n + 1) / 2;
    CHECK(result == sum * 1000000 + (2 + n) * 10000 + (3 + id * n) * 100 + (7L << n) + 8 + n * (n - 1) / 2);
  }
  CHECK(log_of.size() == 6 && log_of[0] == "~second" && log_of[1] == "~first");
  CHECK(plain == 50 && history.size() == 2 && slot<long>::value == 7 && shared_inline == 8);
  CHECK(next() == 11 && next() == 12);
  int before = made;
  long ignored = 0;
  std::thread([&] { plain = 1; }).join();
  std::thread(work, 0, &ignored).join();
  std::printf("%d\n", made - before);
  CHECK(made - before >= 2);
  return failures != 0;
}
