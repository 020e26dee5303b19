// What an object of LTO adds to the file that is linked from it, beyond its sections' sizes (docs/lto.md).
#pragma once

#include "object.h"
#include "llvm/Object/ObjectFile.h"

// Adds it to Out, which has the sizes already.
void chargeImage(const llvm::object::ObjectFile &Object, const Image &Into, ObjectSummary &Out);
