// Conditions over records of named fields: `cost < 5 and not (to = "c" or from = "d")`.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

using Field = std::variant<double, std::string>;
using Record = std::map<std::string, Field, std::less<>>;

class QueryError : public std::runtime_error {
public:
  QueryError(const std::string &what, std::size_t at) : std::runtime_error(what + " at " + std::to_string(at)) {}
};

class Condition {
public:
  virtual ~Condition() = default;
  virtual bool holds(const Record &record) const = 0;
  virtual std::string text() const = 0;
};

std::unique_ptr<Condition> parse_query(std::string_view text);
std::string to_text(const Field &field);
