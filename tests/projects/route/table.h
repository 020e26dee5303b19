// Rows of text in columns as wide as their widest cell.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

class Table {
public:
  void row(std::vector<std::string> cells);
  void sort();

private:
  friend std::ostream &operator<<(std::ostream &out, const Table &table);
  std::vector<std::vector<std::string>> rows;
};

std::ostream &operator<<(std::ostream &out, const Table &table);
