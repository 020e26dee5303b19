// Tests of route's parts; prints what is wrong and exits with 1 when anything is.
#include "graph.h"
#include "lru.h"
#include "query.h"
#include "table.h"

#include <iostream>
#include <sstream>

namespace {

int checks, failures;

template <class Found, class Wanted> void expect(const char *what, const Found &found, const Wanted &wanted) {
  ++checks;
  if (found == wanted) return;
  ++failures;
  std::cout << what << ": found " << found << ", wanted " << wanted << '\n';
}

std::string join(const std::vector<std::string> &words) {
  std::string joined;
  for (const auto &word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

template <class Action> std::string failure(Action action) {
  try {
    action();
  } catch (const std::exception &error) {
    return error.what();
  }
  return "no failure";
}

void test_graph() {
  Graph graph;
  graph.connect("a", "b", 4);
  graph.connect("a", "c", 1);
  graph.connect("c", "b", 2);
  graph.connect("b", "d", 5);
  graph.connect("x", "y", 1.5);
  auto path = graph.shortest("a", "d");
  expect("cost", path->cost, 8.0);
  expect("path", join(path->places), "a c b d");
  expect("no path", graph.shortest("a", "x").has_value(), false);
  expect("no place", graph.shortest("a", "nowhere").has_value(), false);
  expect("itself", join(graph.shortest("a", "a")->places), "a");
  std::string groups;
  for (const auto &group : graph.components()) groups += "[" + join(group) + "]";
  expect("groups", groups, "[a b c d][x y]");
  double total = 0;
  for (const auto &road : graph.spanning()) total += road.cost;
  expect("tree", total, 9.5);
  expect("negative", failure([&] { graph.connect("a", "b", -1); }), "a cost below zero between a and b");
}

void test_grid() {
  // On a square grid with cost 1 everywhere, the way is as long as the two distances together.
  Graph graph;
  auto name = [](int x, int y) { return std::to_string(x) + "/" + std::to_string(y); };
  constexpr int side = 20;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      if (x + 1 < side) graph.connect(name(x, y), name(x + 1, y), 1);
      if (y + 1 < side) graph.connect(name(x, y), name(x, y + 1), 1);
    }
  expect("grid", graph.shortest(name(0, 0), name(side - 1, side - 1))->cost, 2.0 * (side - 1));
  expect("forest", graph.spanning().size(), std::size_t{side * side - 1});
  expect("places", graph.size(), std::size_t{side * side});
}

void test_query() {
  const Record record{{"from", std::string("a")}, {"to", std::string("b")}, {"cost", 4.0}};
  const std::pair<const char *, bool> rows[] = {
      {"cost < 5", true},
      {"cost>=5 or to = \"b\"", true},
      {"cost = 4 and from != \"a\"", false},
      {"not (cost > 3 and cost <= 4)", false},
      {"not cost > 3 or from < \"b\"", true},
      {"missing = 1", false},
      {"missing != 1", true},
      {"cost = \"4\"", false},
  };
  for (const auto &[text, wanted] : rows) expect(text, parse_query(text)->holds(record), wanted);
  expect("text", parse_query("a=1 and b<2 or not c>=\"x\"")->text(), "((a = 1 and b < 2) or not c >= \"x\")");
  expect("no value", failure([] { parse_query("a ="); }), "expected a value at 3");
  expect("no sign", failure([] { parse_query("a 1"); }), "expected a comparison at 2");
  expect("open", failure([] { parse_query("(a = 1"); }), "expected ) at 6");
  expect("rest", failure([] { parse_query("a = 1 b"); }), "text after the condition at 6");
}

void test_lru() {
  Lru<int, std::string> cache(3);
  int made = 0;
  auto make = [&made](int key) {
    ++made;
    return std::string(static_cast<std::size_t>(key), '*');
  };
  for (int key : {1, 2, 3, 1, 4, 1, 2}) cache.get(key, make);
  expect("made", made, 5);
  expect("hits", cache.hits(), std::size_t{2});
  expect("size", cache.size(), std::size_t{3});
  expect("value", cache.get(4, make), "****");
}

void test_table() {
  Table table;
  table.row({"b", "long cell", "1"});
  table.row({"aaa", "x", "22"});
  table.sort();
  std::ostringstream out;
  out << table;
  expect("table", out.str(), "aaa  x          22\nb    long cell  1\n");
}

} // namespace

int main() {
  test_graph();
  test_grid();
  test_query();
  test_lru();
  test_table();
  std::cout << checks << " checks, " << failures << " failures\n";
  return failures ? 1 : 0;
}
