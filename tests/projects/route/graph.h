// A road map: named places, roads with a cost in both directions, shortest paths.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct Road {
  std::string from, to;
  double cost;
};

struct Path {
  double cost = 0;
  std::vector<std::string> places;
};

class Graph {
public:
  void connect(std::string_view from, std::string_view to, double cost);
  std::optional<Path> shortest(std::string_view from, std::string_view to) const;
  std::vector<std::vector<std::string>> components() const;
  // Roads of a minimum spanning forest, cheapest first.
  std::vector<Road> spanning() const;
  void each(const std::function<void(const Road &)> &visit) const;
  std::size_t size() const { return names.size(); }

private:
  struct Edge {
    std::size_t to;
    double cost;
  };
  std::size_t place(std::string_view name);
  std::optional<std::size_t> known(std::string_view name) const;

  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> index;
  std::vector<std::vector<Edge>> edges;
};
