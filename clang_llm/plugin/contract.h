// What every candidate keeps of -Oz's object beside its symbols (docs/soundness.md): sections, alignments, checks, notes.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include <string>
#include <vector>

// One thing to hold on to. Relation says how a candidate's value must stand to -Oz's: '=' the same, '<' not more, '>' not less (what
// only one of them has is 0 in the other); '~' the same, '^' not less, where both have it.
struct Fact {
  char Relation = '=';
  std::string Reason, What; // why a candidate is refused, and for what
  uint64_t Value = 0;

  std::string text() const;
  // False when Text is no fact's text.
  bool read(llvm::StringRef Text);
};

// What the source said, to be asked before any pass has run.
struct Promises {
  std::vector<std::string> Weak;  // definitions that a linker may have to find here
  std::vector<Fact> Alignments;
  llvm::StringSet<> Sections;     // that functions were put into by name
  bool HasLibraryFunctions = false;
};

Promises promisesOf(const llvm::Module &M);

// Facts of a module that is ready for code generation, before it; Alignments of the module as it is.
std::vector<Fact> factsOf(const llvm::Module &M);
std::vector<Fact> alignmentsOf(const llvm::Module &M);

// Who refers to whom, by the names in the object; only worth knowing where there are library functions.
class References {
  llvm::StringMap<llvm::StringSet<>> From;

public:
  explicit References(const llvm::Module &M);
  void add(llvm::StringRef Function, llvm::StringRef Name) { From[Function].insert(Name); }
  // Library functions that reach themselves.
  std::vector<Fact> recursions() const;
};

// Facts of an object. Calls are added to Known, if it is given.
std::vector<Fact> factsOf(llvm::StringRef Object, const Promises &P, References *Known);

// The reason of the first fact that Candidate breaks, or empty.
std::string broken(const std::vector<Fact> &Baseline, const std::vector<Fact> &Candidate);
