#include "query.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <sstream>
#include <utility>
#include <vector>

std::string to_text(const Field &field) {
  return std::visit(
      [](const auto &value) {
        std::ostringstream out;
        out << value;
        return out.str();
      },
      field);
}

namespace {

enum class Compare { less, less_equal, equal, unequal, greater_equal, greater };

constexpr std::array<std::pair<std::string_view, Compare>, 6> comparisons{{
    {"<=", Compare::less_equal},
    {">=", Compare::greater_equal},
    {"!=", Compare::unequal},
    {"<", Compare::less},
    {">", Compare::greater},
    {"=", Compare::equal},
}};

class Comparison final : public Condition {
public:
  Comparison(std::string name, Compare how, Field wanted) : name(std::move(name)), how(how), wanted(std::move(wanted)) {}

  bool holds(const Record &record) const override {
    auto found = record.find(name);
    if (found == record.end() || found->second.index() != wanted.index()) return how == Compare::unequal;
    const Field &value = found->second;
    switch (how) {
    case Compare::less:
      return value < wanted;
    case Compare::less_equal:
      return value <= wanted;
    case Compare::equal:
      return value == wanted;
    case Compare::unequal:
      return value != wanted;
    case Compare::greater_equal:
      return value >= wanted;
    case Compare::greater:
      return value > wanted;
    }
    return false;
  }

  std::string text() const override {
    auto sign = std::find_if(comparisons.begin(), comparisons.end(), [this](const auto &row) { return row.second == how; });
    bool quoted = std::holds_alternative<std::string>(wanted);
    return name + " " + std::string(sign->first) + " " + (quoted ? '"' + to_text(wanted) + '"' : to_text(wanted));
  }

private:
  std::string name;
  Compare how;
  Field wanted;
};

class Group final : public Condition {
public:
  Group(bool all, std::vector<std::unique_ptr<Condition>> parts) : all(all), parts(std::move(parts)) {}

  bool holds(const Record &record) const override {
    auto holds = [&record](const auto &part) { return part->holds(record); };
    return all ? std::all_of(parts.begin(), parts.end(), holds) : std::any_of(parts.begin(), parts.end(), holds);
  }

  std::string text() const override {
    std::string joined = "(";
    for (const auto &part : parts) joined += (joined.size() > 1 ? (all ? " and " : " or ") : "") + part->text();
    return joined + ")";
  }

private:
  bool all;
  std::vector<std::unique_ptr<Condition>> parts;
};

class Not final : public Condition {
public:
  explicit Not(std::unique_ptr<Condition> part) : part(std::move(part)) {}
  bool holds(const Record &record) const override { return !part->holds(record); }
  std::string text() const override { return "not " + part->text(); }

private:
  std::unique_ptr<Condition> part;
};

class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  std::unique_ptr<Condition> whole() {
    auto found = group(false);
    skip();
    if (at < text.size()) throw QueryError("text after the condition", at);
    return found;
  }

private:
  void skip() {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
  }

  std::string_view peek_word() {
    skip();
    auto end = at;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    return text.substr(at, end - at);
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    at += word.size();
    return true;
  }

  bool take(std::string_view sign) {
    skip();
    if (text.substr(at, sign.size()) != sign) return false;
    at += sign.size();
    return true;
  }

  std::unique_ptr<Condition> group(bool all) {
    std::vector<std::unique_ptr<Condition>> parts;
    do parts.push_back(all ? primary() : group(true));
    while (take_word(all ? "and" : "or"));
    if (parts.size() == 1) return std::move(parts.front());
    return std::make_unique<Group>(all, std::move(parts));
  }

  std::unique_ptr<Condition> primary() {
    if (take_word("not")) return std::make_unique<Not>(primary());
    if (take("(")) {
      auto inner = group(false);
      if (!take(")")) throw QueryError("expected )", at);
      return inner;
    }
    std::string name(peek_word());
    if (name.empty()) throw QueryError("expected a name", at);
    at += name.size();
    for (const auto &[sign, how] : comparisons)
      if (take(sign)) return std::make_unique<Comparison>(std::move(name), how, value());
    throw QueryError("expected a comparison", at);
  }

  Field value() {
    skip();
    if (take("\"")) {
      auto end = text.find('"', at);
      if (end == std::string_view::npos) throw QueryError("string without an end", at);
      std::string found(text.substr(at, end - at));
      at = end + 1;
      return found;
    }
    long whole = 0;
    auto [stop, error] = std::from_chars(text.data() + at, text.data() + text.size(), whole);
    if (error != std::errc{}) throw QueryError("expected a value", at);
    at = static_cast<std::size_t>(stop - text.data());
    return static_cast<double>(whole);
  }

  std::string_view text;
  std::size_t at = 0;
};

} // namespace

std::unique_ptr<Condition> parse_query(std::string_view text) { return Parser(text).whole(); }
