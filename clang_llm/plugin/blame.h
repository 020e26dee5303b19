// Which functions make an object need what plain -Oz does not need.
#pragma once

#include "object.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/Module.h"

// A value's name as the object spells it.
std::string objectName(const llvm::GlobalValue &Value);

// Names that an object with the summary Candidate needs and one with Baseline does not.
std::vector<std::string> neededMore(const ObjectSummary &Baseline, const ObjectSummary &Candidate);

// Places in Functions (names as the object spells them) of those that refer to one of Needed (likewise), rising. An inline function that
// Baseline has no copy of is no place to mend: those that refer to it are. Empty when anything but functions refers to a name: a
// variable, code generation itself.
std::vector<uint64_t> referrers(const llvm::Module &M, llvm::ArrayRef<std::string> Functions, llvm::ArrayRef<std::string> Needed,
                                const ObjectSummary &Baseline);
