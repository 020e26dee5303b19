// What matters about a finished object: its size and its interface.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

struct ObjectSummary {
  uint64_t Size = 0;                // bytes of allocated sections that hold data in the file (no .bss)
  uint64_t Code = 0;                // of these, bytes of sections with instructions
  std::vector<std::string> Defined; // strong external symbols as "name type binding visibility", sorted
  std::vector<std::string> Weak;    // names of weak definitions, sorted
  std::vector<std::string> Needed;  // names of undefined symbols, sorted
};

// False when Object is no object file that LLVM can read.
bool summarise(llvm::StringRef Object, ObjectSummary &Out);

// Functions that a compiler may call in any program, so needing them is no change of interface.
bool mayAlwaysBeCalled(llvm::StringRef Name);
