// What matters about a finished object: its size and its interface.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <array>
#include <string>
#include <vector>

// Bytes by what they are: instructions, what the program reads, what it may write, and the tables that unwind its stack.
enum PartOfObject { Code, ReadOnly, Writable, Unwind };
using Parts = std::array<uint64_t, 4>;

struct ObjectSummary {
  uint64_t Size = 0;                // bytes of allocated sections that hold data in the file (no .bss)
  Parts Bytes{};                    // the same, divided; clang_llm/system/objects.py divides alike
  std::vector<std::string> Defined; // strong external symbols as "name type binding visibility", sorted
  std::vector<std::string> Weak;    // names of weak definitions, sorted
  std::vector<std::string> Needed;  // names of undefined symbols, sorted
};

// False when Object is no object file that LLVM can read.
bool summarise(llvm::StringRef Object, ObjectSummary &Out);

// Functions that a compiler may call in any program, so needing them is no change of interface.
bool mayAlwaysBeCalled(llvm::StringRef Name);
