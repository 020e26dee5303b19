// What each function of an object file costs: the basis of choosing per function (docs/plans.md).
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <vector>

// Bytes for which each of Names (as the object spells them) is alone responsible: its code, and in ELF objects also its jump tables
// and constants, exception table and unwind entry, and its share of what the machine outliner made. 0 for a function that is not
// there. An estimate to choose by; what is chosen is measured as a whole.
std::vector<uint64_t> functionSizes(llvm::StringRef Object, llvm::ArrayRef<std::string> Names);
