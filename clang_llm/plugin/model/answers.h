// What is proposed for the functions of a module: for each the recipes of a menu that suit it, best first.
#pragma once

#include "model/tokens.h"

namespace model {

// How much larger a function of a profile is under a recipe than under the best one: rows of profiles, Recipes numbers each.
struct Profiles {
  const float *Excess = nullptr;
  size_t Count = 0, Recipes = 0;
};

struct Model {
  Shape S;
  Weights W;
  Profiles P;
  Tokenizer T;
};

// Most tokens of one module that are read, of a function that occurs again once. What is beyond has the menu's own order.
constexpr size_t MostTokens = 32768;

// The places of Count recipes among Columns (which are columns of the profiles), each the one that adds most to those before it in what a
// function of such logits is expected to take. Empty when the logits are no numbers.
std::vector<uint8_t> bestSet(const std::vector<float> &Logits, const Profiles &P, const std::vector<uint32_t> &Columns, size_t Count);

// Such a set for each text; empty, with the reason, when there is none.
std::vector<std::vector<uint8_t>> answers(const Model &M, const std::vector<std::string> &Texts, const std::string &Family,
                                          const std::vector<uint32_t> &Columns, size_t Count, std::string &Why, bool Wide = true);

} // namespace model
