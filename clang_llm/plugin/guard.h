// Passes that LLVM runs in fewer places than lists do, each run only where it is sound (docs/soundness.md).
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include <string>

// Pipeline as LLVM's parser is to read it: what must be guarded is named by our own passes.
std::string guarded(llvm::StringRef Pipeline);
// Lets pipelines name our own passes.
void registerGuards(llvm::PassBuilder &PB);

// Whether a library or the run-time of a compiler may own this name: passes and code generation call such functions by name, and
// LLVM keeps a body from calling itself by nothing else.
bool mayBeLibraryFunction(llvm::StringRef Name);
