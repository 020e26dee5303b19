// The library's containers with types of our own: maps with comparators, hashes, iterators that stay valid, allocators.
#include "check.h"
#include <algorithm>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace containers {

struct point {
  int x, y;
  bool operator==(const point &) const = default;
};
struct bad_hash {
  std::size_t operator()(const point &p) const { return static_cast<std::size_t>(p.x & 3); }
};
struct by_length {
  bool operator()(const std::string &a, const std::string &b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

long allocations;
template <class T> struct counting {
  using value_type = T;
  counting() = default;
  template <class U> counting(const counting<U> &) {}
  T *allocate(std::size_t n) { return allocations += static_cast<long>(n), std::allocator<T>().allocate(n); }
  void deallocate(T *p, std::size_t n) { allocations -= static_cast<long>(n), std::allocator<T>().deallocate(p, n); }
  bool operator==(const counting &) const = default;
};

int shortest(const std::vector<std::string> &maze) {
  const point start{0, 0};
  const int rows = static_cast<int>(maze.size()), columns = static_cast<int>(maze[0].size());
  std::deque<point> queue{start};
  std::unordered_map<point, int, bad_hash> seen{{start, 0}};
  while (!queue.empty()) {
    point p = queue.front();
    queue.pop_front();
    if (p == point{columns - 1, rows - 1}) return seen[p];
    const point steps[] = {{p.x + 1, p.y}, {p.x - 1, p.y}, {p.x, p.y + 1}, {p.x, p.y - 1}};
    for (point q : steps)
      if (q.x >= 0 && q.y >= 0 && q.x < columns && q.y < rows && maze[static_cast<size_t>(q.y)][static_cast<size_t>(q.x)] == '.' &&
          seen.emplace(q, seen[p] + 1).second)
        queue.push_back(q);
  }
  return -1;
}

std::string encode(const std::string &text) {
  struct node { int weight; std::string letters; };
  auto heavier = [](const node &a, const node &b) { return a.weight != b.weight ? a.weight > b.weight : a.letters > b.letters; };
  std::map<char, int> counts;
  for (char c : text) ++counts[c];
  std::priority_queue<node, std::vector<node>, decltype(heavier)> heap(heavier);
  for (auto [c, n] : counts) heap.push({n, std::string(1, c)});
  std::map<char, std::string> codes;
  while (heap.size() > 1) {
    node a = heap.top();
    heap.pop();
    node b = heap.top();
    heap.pop();
    for (char c : a.letters) codes[c].insert(0, "0");
    for (char c : b.letters) codes[c].insert(0, "1");
    heap.push({a.weight + b.weight, a.letters + b.letters});
  }
  std::string out;
  for (char c : text) out += codes[c];
  return out;
}

}  // namespace containers

int main() {
  using namespace containers;
  CHECK(shortest({"..#.", "#...", "..#.", "#.#."}) == 6 && shortest({".#", "#."}) == -1);
  std::string code = encode("abracadabra");
  std::printf("%s\n", code.c_str());
  CHECK(code.size() == 23);
  std::set<std::string, by_length> words{"pear", "fig", "apple", "kiwi", "fig"};
  std::string joined;
  for (const auto &w : words) joined += w + " ";
  CHECK(joined == "fig kiwi pear apple " && *words.lower_bound("zzz") == "kiwi");
  std::map<int, std::vector<int>> groups;
  for (int i = 0; i < 30; ++i) groups[i * opaque(7) % 5].push_back(i);
  auto kept = groups.find(3);
  groups.erase(groups.begin(), kept);
  CHECK(kept->second.size() == 6 && groups.size() == 2 && groups.begin() == kept);
  {
    std::list<int, counting<int>> l;
    for (int i = 0; i < 10; ++i) i % 2 ? l.push_front(i) : l.push_back(i);
    l.sort();
    std::list<int, counting<int>> other(l);
    l.remove_if([](int x) { return x % 3 == 0; });
    other.splice(other.end(), l);
    CHECK(allocations == 16 && l.empty() && other.size() == 16 && other.back() == 8);
    std::vector<int, counting<int>> v(other.rbegin(), other.rend());
    std::nth_element(v.begin(), v.begin() + 8, v.end());
    CHECK(v[8] == 5 && std::count(v.begin(), v.end(), 1) == 2);
    std::rotate(v.begin(), std::min_element(v.begin(), v.end()), v.end());
    v.erase(std::unique(v.begin(), v.end()), v.end());
    CHECK(v.front() == 0);
  }
  CHECK(allocations == 0);
  std::unordered_map<std::string, int> tally;
  for (const char *w : {"a", "b", "a", "c", "a", "b"}) ++tally[w];
  std::vector<std::pair<int, std::string>> order;
  for (auto &[w, n] : tally) order.emplace_back(-n, w);
  std::sort(order.begin(), order.end());
  std::printf("%s %d\n", order[0].second.c_str(), order[2].first);
  CHECK(order[0] == std::make_pair(-3, std::string("a")) && order[2].second == "c");
  return failures != 0;
}
