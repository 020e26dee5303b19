// Our side of full LTO: the linker that runs us, its command line, and which links are left to it (docs/lto.md).
#pragma once

#include "pipeline.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/StringSaver.h"

// The words of the linker's own command line, response files read; none when they cannot be read.
llvm::SmallVector<llvm::StringRef, 64> linkArguments(llvm::StringSaver &Saver);

// Those that say how code is generated, every word ended by NUL: a part of the key.
std::string linkOptions(llvm::ArrayRef<llvm::StringRef> Arguments);

// What the linked file is to be, and its name.
Image imageOf(llvm::ArrayRef<llvm::StringRef> Arguments, const llvm::TargetMachine &TM);
llvm::StringRef outputOf(llvm::ArrayRef<llvm::StringRef> Arguments);

// Whether an input cannot be read twice.
bool readsPipe(llvm::ArrayRef<llvm::StringRef> Arguments);

// Why this link is left to the linker (docs/lto.md), or empty: it is ours.
llvm::StringRef linkBypassReason(llvm::ArrayRef<llvm::StringRef> Arguments, const llvm::Module &M);
