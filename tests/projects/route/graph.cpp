#include "graph.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <stdexcept>
#include <tuple>

std::size_t Graph::place(std::string_view name) {
  auto [entry, fresh] = index.try_emplace(std::string(name), names.size());
  if (fresh) {
    names.emplace_back(name);
    edges.emplace_back();
  }
  return entry->second;
}

std::optional<std::size_t> Graph::known(std::string_view name) const {
  auto found = index.find(std::string(name));
  if (found == index.end()) return std::nullopt;
  return found->second;
}

void Graph::connect(std::string_view from, std::string_view to, double cost) {
  if (!(cost >= 0)) throw std::invalid_argument("a cost below zero between " + std::string(from) + " and " + std::string(to));
  auto a = place(from), b = place(to);
  edges[a].push_back({b, cost});
  edges[b].push_back({a, cost});
}

std::optional<Path> Graph::shortest(std::string_view from, std::string_view to) const {
  auto start = known(from), goal = known(to);
  if (!start || !goal) return std::nullopt;
  constexpr double far = std::numeric_limits<double>::infinity();
  std::vector<double> cost(names.size(), far);
  std::vector<std::size_t> before(names.size(), names.size());
  using Entry = std::pair<double, std::size_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open;
  cost[*start] = 0;
  open.emplace(0, *start);
  while (!open.empty()) {
    auto [so_far, at] = open.top();
    open.pop();
    if (so_far > cost[at]) continue;
    if (at == *goal) break;
    for (const auto &edge : edges[at]) {
      double through = so_far + edge.cost;
      if (through >= cost[edge.to]) continue;
      cost[edge.to] = through;
      before[edge.to] = at;
      open.emplace(through, edge.to);
    }
  }
  if (cost[*goal] == far) return std::nullopt;
  Path path{cost[*goal], {}};
  for (auto at = *goal; at != names.size(); at = before[at]) path.places.push_back(names[at]);
  std::reverse(path.places.begin(), path.places.end());
  return path;
}

namespace {
// Disjoint sets with path halving.
class Sets {
public:
  explicit Sets(std::size_t count) : parent(count) { std::iota(parent.begin(), parent.end(), std::size_t{0}); }
  std::size_t find(std::size_t at) {
    while (parent[at] != at) at = parent[at] = parent[parent[at]];
    return at;
  }
  bool join(std::size_t a, std::size_t b) {
    a = find(a), b = find(b);
    if (a == b) return false;
    parent[std::max(a, b)] = std::min(a, b);
    return true;
  }

private:
  std::vector<std::size_t> parent;
};
} // namespace

std::vector<std::vector<std::string>> Graph::components() const {
  Sets sets(names.size());
  for (std::size_t from = 0; from < edges.size(); ++from)
    for (const auto &edge : edges[from]) sets.join(from, edge.to);
  std::unordered_map<std::size_t, std::vector<std::string>> groups;
  for (std::size_t at = 0; at < names.size(); ++at) groups[sets.find(at)].push_back(names[at]);
  std::vector<std::vector<std::string>> found;
  for (auto &[root, members] : groups) {
    std::sort(members.begin(), members.end());
    found.push_back(std::move(members));
  }
  std::sort(found.begin(), found.end());
  return found;
}

void Graph::each(const std::function<void(const Road &)> &visit) const {
  for (std::size_t from = 0; from < edges.size(); ++from)
    for (const auto &edge : edges[from]) visit({names[from], names[edge.to], edge.cost});
}

std::vector<Road> Graph::spanning() const {
  struct Candidate {
    double cost;
    std::size_t from, to;
  };
  std::vector<Candidate> candidates;
  for (std::size_t from = 0; from < edges.size(); ++from)
    for (const auto &edge : edges[from])
      if (from < edge.to) candidates.push_back({edge.cost, from, edge.to});
  std::sort(candidates.begin(), candidates.end(), [](const auto &a, const auto &b) {
    return std::tie(a.cost, a.from, a.to) < std::tie(b.cost, b.from, b.to);
  });
  Sets sets(names.size());
  std::vector<Road> found;
  for (const auto &[cost, from, to] : candidates)
    if (sets.join(from, to)) found.push_back({names[from], names[to], cost});
  return found;
}
