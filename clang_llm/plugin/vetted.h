// What a plan of the cache may be made of (docs/soundness.md).
#pragma once

#include "recipe.h"
#include "settings.h"

// Whether each piece of R is shipped for this LLVM, or vouched for by this user in a file that nobody else may write.
bool isVetted(const Settings &S, const Recipe &R);
// Whether Seal is this user's for an entry with this checksum: what was measured here, by his own processes (plans/store/seal.py).
bool isSealed(const Settings &S, llvm::StringRef Checksum, llvm::StringRef Seal);
