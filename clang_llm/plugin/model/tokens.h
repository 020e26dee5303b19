// The tokens of a function's text: byte-pair encoding inside blocks, as the library `tokenizers` does it for our tokenizer.json.
#pragma once

#include "model/network.h"
#include <string>
#include <unordered_map>
#include <utility>

namespace model {

// What tokenizer.json holds: texts with their numbers, and pairs of texts that become one, the first first.
struct Vocabulary {
  std::vector<std::pair<std::string, uint32_t>> Texts;
  std::vector<std::pair<std::string, std::string>> Merges;
};

// The tokens that stand around a text, and those of the answers.
struct Marks {
  uint32_t Begin = 0, Family = 0, Cut = 0;
  Tokens Questions;
  Tokens Sizes;
  uint32_t FirstProfile = 0; // the others follow it
};

class Tokenizer {
  struct Merge {
    uint64_t Pair = ~uint64_t(0);
    uint32_t Rank = 0, Becomes = 0;
  };
  std::unordered_map<std::string, uint32_t> Numbers;
  std::vector<Merge> Merges; // open addressing: a pair is where its hash says, or behind that
  std::vector<int64_t> OfByte = std::vector<int64_t>(256, -1);

  size_t slot(uint64_t Pair) const;
  const Merge *merge(uint32_t Left, uint32_t Right) const;
  void encodeBlock(const char *Text, size_t Size, Tokens &Out) const;

public:
  // False, with the reason, when a pair or what it becomes is no token.
  bool read(const Vocabulary &From, std::string &Why);
  bool find(const std::string &Text, uint32_t &Number) const;
  // What our tokenizers have around a text, for a family of targets.
  bool findMarks(const std::string &Family, size_t Profiles, Marks &Out, std::string &Why) const;
  // A character without a token is left out.
  Tokens encode(const std::string &Text) const;
};

// The tokens of a function with those in front and the questions behind; of a long one the beginning and the end, Longest in all.
Tokens question(const Tokenizer &Of, const Marks &Around, const std::string &Text, size_t Longest);

} // namespace model
