// route: reads `road FROM TO COST`, `path FROM TO`, `find CONDITION`, `groups` and `tree` from standard input.
#include "graph.h"
#include "lru.h"
#include "query.h"
#include "table.h"

#include <iostream>
#include <sstream>
#include <unordered_map>

namespace {

class Program {
public:
  void run(const std::string &line) {
    std::istringstream words(line);
    std::string command;
    if (!(words >> command) || command[0] == '#') return;
    auto found = commands.find(command);
    if (found == commands.end()) throw std::invalid_argument("unknown command " + command);
    (this->*found->second)(words);
  }

private:
  using Command = void (Program::*)(std::istringstream &);

  void road(std::istringstream &words) {
    std::string from, to;
    double cost = 0;
    if (!(words >> from >> to >> cost)) throw std::invalid_argument("expected road FROM TO COST");
    graph.connect(from, to, cost);
    paths.clear();
  }

  void path(std::istringstream &words) {
    std::string from, to;
    words >> from >> to;
    const auto &found = paths.get({from, to}, [this](const auto &ends) { return graph.shortest(ends.first, ends.second); });
    if (!found) throw std::invalid_argument("no path");
    std::cout << found->cost;
    for (const auto &place : found->places) std::cout << ' ' << place;
    std::cout << '\n';
  }

  void find(std::istringstream &words) {
    std::string rest;
    std::getline(words, rest);
    auto condition = parse_query(rest);
    Table table;
    graph.each([&](const Road &road) {
      Record record{{"from", road.from}, {"to", road.to}, {"cost", road.cost}};
      if (condition->holds(record)) table.row({road.from, road.to, to_text(road.cost)});
    });
    table.sort();
    std::cout << table;
  }

  void groups(std::istringstream &) {
    Table table;
    for (auto &group : graph.components()) table.row(std::move(group));
    std::cout << table;
  }

  void tree(std::istringstream &) {
    Table table;
    for (const auto &road : graph.spanning()) table.row({road.from, road.to, to_text(road.cost)});
    std::cout << table;
  }

  const std::unordered_map<std::string, Command> commands{
      {"road", &Program::road},     {"path", &Program::path}, {"find", &Program::find},
      {"groups", &Program::groups}, {"tree", &Program::tree},
  };
  Graph graph;
  Lru<std::pair<std::string, std::string>, std::optional<Path>> paths{64};
};

} // namespace

int main() {
  Program program;
  std::string line;
  int number = 0, failures = 0;
  while (std::getline(std::cin, line)) {
    ++number;
    try {
      program.run(line);
    } catch (const std::exception &error) {
      std::cerr << "line " << number << ": " << error.what() << '\n';
      ++failures;
    }
  }
  return failures ? 1 : 0;
}
