// Keeps debug information out of what is only measured: none of it counts, and code generation spends a sixth of its time on it.
#pragma once

#include "llvm/IR/Module.h"

namespace llvm {
class TargetMachine;
}

// Before code generation: leaves out the debug information of M's object, unless anything that counts could come out otherwise.
// What it leaves to the passes of code generation is as it was; only what comes after them has nothing to do.
void leaveOutDebugInfo(llvm::Module &M, const llvm::TargetMachine &TM);
