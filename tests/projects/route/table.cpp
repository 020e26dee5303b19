#include "table.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

void Table::row(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }

void Table::sort() { std::sort(rows.begin(), rows.end()); }

std::ostream &operator<<(std::ostream &out, const Table &table) {
  std::vector<std::size_t> widths;
  for (const auto &row : table.rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto &row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      bool last = i + 1 == row.size();
      out << std::left << std::setw(last ? 0 : static_cast<int>(widths[i]) + 2) << row[i];
    }
    out << '\n';
  }
  return out;
}
