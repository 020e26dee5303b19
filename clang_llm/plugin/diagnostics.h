// What the back end says of a module: a candidate may only win when it says what -Oz says, word for word.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include <string>
#include <vector>

// A warning or an error. An empty Text says that it cannot be compared: errors, and warnings whose place in the source is not known.
struct Saying {
  std::string Function; // as the object spells it
  std::string Text;
};

// Notes what the back end says; nobody else hears it.
struct Listener : llvm::DiagnosticHandler {
  std::vector<Saying> &Said;
  explicit Listener(std::vector<Saying> &Said) : Said(Said) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &Info) override;
};

// Whether the user would read the same.
bool saysTheSame(llvm::ArrayRef<Saying> Baseline, llvm::ArrayRef<Saying> Candidate);
// Places in Functions of those of which something else is said; empty when others are to blame, too.
std::vector<uint64_t> placesOfDifference(llvm::ArrayRef<Saying> Baseline, llvm::ArrayRef<Saying> Candidate,
                                         llvm::ArrayRef<std::string> Functions);
