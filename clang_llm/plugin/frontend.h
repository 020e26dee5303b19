// What clang was asked to do, read from its own -cc1 line and from the module.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include <string>

// Why this compile, or link, is left to clang (docs/plugin.md), or empty: it is ours. Arguments are those of clang -cc1 or the linker.
llvm::StringRef bypassReason(llvm::ArrayRef<llvm::StringRef> Arguments, const llvm::Module &M, llvm::PassBuilder &PB, bool Links);

struct Key {
  std::string Hex;                    // 64 digits
  llvm::SmallVector<char, 0> Bitcode; // of the canonical module
  std::string Options;                // code-generation part of the -cc1 line, every word ended by NUL
};

// The cache key (docs/cache-directory.md). M is unchanged afterwards.
Key canonicalKey(llvm::Module &M, llvm::ArrayRef<llvm::StringRef> Arguments, const llvm::TargetMachine &TM, bool Links);

// The canonical module as passes may read it.
llvm::SmallVector<char, 0> readableBitcode(const Key &K);
