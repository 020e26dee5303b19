// How code of single functions is generated. The function pass codegen<...> notes it at a function: a frame pointer, other ways than
// the smallest ones of minsize, optional passes that LLVM's own gate for passes leaves out.
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"

// Lets pipelines name codegen.
void registerCodegen(llvm::PassBuilder &PB);
// From now on code generation of M leaves out what its functions do without. M must live as long as its context generates code.
void heedCodegen(llvm::Module &M);
