// How a module is compiled instead of by -Oz (docs/plans.md).
#pragma once

#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

// A module pipeline; then, for every function that it leaves, one of several function pipelines; then a closing module pipeline.
// Without function pipelines it is one pass list for the whole module.
struct Recipe {
  std::string Module;
  std::vector<std::string> Functions; // what stands inside function(...); an empty text runs nothing
  std::vector<unsigned> Use;          // definition after Module, in module order -> place in Functions; empty: all the first
  std::string Closing;                // empty: none
  std::string Output;                 // of `emit`: where the child that measures it leaves the object; empty: nowhere

  bool staged() const { return !Functions.empty(); }
  // For people and logs.
  std::string text() const;
};

// Reads a text (one list) or an object {"module", "functions", "use", "closing"}. False when it is neither, or inconsistent.
bool readRecipe(const llvm::json::Value &Value, Recipe &Out);
bool readRecipe(const llvm::json::Object &Object, Recipe &Out);
// Whether JSON text may be given to LLVM's parser: it nests few levels deep.
bool isShallow(llvm::StringRef Text);
// Whether every pass and parameter of R is in the vocabulary.
bool inVocabulary(const Recipe &R);
