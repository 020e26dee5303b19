// Which pipelines may run at all: pass names and parameters of the generated vocabulary, and nothing else.
#pragma once

#include "llvm/ADT/StringRef.h"

// Whether every pass of Pipeline and each of its parameters is in the vocabulary, what must be given is, and each pass stands where its
// kind may. Pipeline is what stands in Adaptor. Whether it parses is for LLVM to say.
bool inVocabulary(llvm::StringRef Pipeline, llvm::StringRef Adaptor = "module");
