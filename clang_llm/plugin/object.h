// What matters about a finished object: its size and its interface.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <array>
#include <string>
#include <vector>

// Bytes by what they are: instructions, what the program reads, what it may write, and the tables that unwind its stack.
enum PartOfObject { Code, ReadOnly, Writable, Unwind };
using Parts = std::array<uint64_t, 4>;

// The file that an object becomes a part of, where its linker is at work already.
struct Image {
  bool Linked = false;
  bool UnwindTable = false; // it gets an index of its unwind entries
  bool Moves = false;       // an address in its data costs a dynamic relocation
};

struct ObjectSummary {
  uint64_t Size = 0;                // bytes of allocated sections that hold data in the file (no .bss)
  Parts Bytes{};                    // the same, divided; clang_llm/system/objects.py divides alike
  std::vector<std::string> Defined; // strong external symbols as "name type binding visibility", sorted
  std::vector<std::string> Weak;    // names of weak definitions, sorted
  std::vector<std::string> Needed;  // names of undefined symbols, sorted
  bool Linked = false;              // its linker has resolved symbols: nothing more may be needed
};

// False when Object is no object file that LLVM can read. Into adds what it costs in a linked file.
bool summarise(llvm::StringRef Object, const Image &Into, ObjectSummary &Out);

// Functions that a compiler may call in any program, so needing them is no change of interface.
bool mayAlwaysBeCalled(llvm::StringRef Name);
