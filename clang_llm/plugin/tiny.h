// Modules that are not worth a search.
#pragma once

#include "settings.h"
#include "llvm/IR/Module.h"

// A test program of a configure script, or a module with fewer instructions than the user wants to have searched. Decided by the
// module and its name alone, never by time.
bool isTiny(const llvm::Module &M, llvm::StringRef Name, const Settings &S);
