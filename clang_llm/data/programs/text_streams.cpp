// Strings and streams: numbers to text and back, manipulators, a parser of JSON, a buffer of our own under a stream.
#include "check.h"
#include <cctype>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

namespace text_streams {

struct json {
  char kind = 'n';
  double number = 0;
  std::string text;
  std::vector<json> items;
  std::map<std::string, json> members;
};

class parser {
  std::istringstream in_;
  char next() {
    in_ >> std::ws;
    return static_cast<char>(in_.peek());
  }
  void expect(char c) {
    if (next() != c) throw std::invalid_argument(std::string("expected ") + c);
    in_.get();
  }

 public:
  explicit parser(const std::string &s) : in_(s) {}
  json value() {
    json v;
    char c = next();
    if (c == '[') {
      v.kind = 'a';
      for (expect('['); next() != ']';) {
        v.items.push_back(value());
        if (next() == ',') expect(',');
      }
      expect(']');
    } else if (c == '{') {
      v.kind = 'o';
      for (expect('{'); next() != '}';) {
        json key = value();
        expect(':');
        v.members[key.text] = value();
        if (next() == ',') expect(',');
      }
      expect('}');
    } else if (c == '"') {
      v.kind = 's';
      in_ >> std::quoted(v.text);
    } else if (std::isdigit(static_cast<unsigned char>(c)) || c == '-') {
      v.kind = 'd';
      in_ >> v.number;
    } else {
      throw std::invalid_argument("unexpected text");
    }
    return v;
  }
};

void write(std::ostream &out, const json &v) {
  if (v.kind == 'd') out << v.number;
  if (v.kind == 's') out << std::quoted(v.text);
  const char *separator = "";
  if (v.kind == 'a') {
    out << '[';
    for (const json &i : v.items) write(out << std::exchange(separator, ","), i);
    out << ']';
  }
  if (v.kind == 'o') {
    out << '{';
    for (const auto &[k, i] : v.members) write(out << std::exchange(separator, ",") << std::quoted(k) << ':', i);
    out << '}';
  }
}

// Counts what goes through it and turns it into capitals.
struct shouting : std::streambuf {
  std::string seen;
  int overflow(int c) override {
    seen += static_cast<char>(std::toupper(c));
    return c;
  }
};

}  // namespace text_streams

int main() {
  using namespace text_streams;
  std::ostringstream out;
  write(out, parser(R"( {"b": [1, -2.5, "x\"y", []], "a": {"k": 1e3}} )").value());
  std::puts(out.str().c_str());
  CHECK(out.str() == R"({"a":{"k":1000},"b":[1,-2.5,"x\"y",[]]})");
  int thrown = 0;
  for (const char *bad : {"[1,", "{\"a\" 1}", "nope", ""}) {
    try {
      parser(bad).value();
    } catch (const std::invalid_argument &e) {
      ++thrown;
      std::puts(e.what());
    }
  }
  CHECK(thrown == 4);
  std::ostringstream f;
  f << std::hex << std::showbase << opaque(255) << ' ' << std::dec << std::setw(6) << std::setfill('*') << opaque(-42) << ' '
    << std::fixed << std::setprecision(3) << 2.0 / 3 << ' ' << std::scientific << 12345.678 << std::boolalpha << ' ' << (opaque(1) == 1);
  std::puts(f.str().c_str());
  CHECK(f.str() == "0xff ***-42 0.667 1.235e+04 true");
  shouting buffer;
  std::ostream loud(&buffer);
  loud << "quiet " << opaque(7) << '!';
  CHECK(buffer.seen == "QUIET 7!");
  std::istringstream in("12 0x1f rest of it");
  int a = 0, b = 0;
  std::string word, line;
  in >> a >> std::hex >> b >> word;
  std::getline(in, line);
  CHECK(a == 12 && b == 31 && word == "rest" && line == " of it" && !(in >> a) && in.eof());
  std::string s = "The quick brown fox";
  s.replace(4, 5, "slow").insert(0, ">").erase(s.rfind(' '));
  CHECK(s == ">The slow brown" && s.substr(5, 4) == "slow" && s.find("row") == 11 && s.compare(1, 3, "The") == 0);
  CHECK(std::stoi("77", nullptr, 8) == 63 && std::to_string(opaque(-9)) == "-9" && std::stod("2.5e1x") == 25);
  return failures != 0;
}
