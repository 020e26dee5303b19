// Passes of code generation that functions do without. The function pass skip-codegen<...> notes them at a function; LLVM's own gate
// for optional passes, asked before each of them, leaves them out.
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"

// Lets pipelines name skip-codegen.
void registerSkipCodegen(llvm::PassBuilder &PB);
// From now on code generation of M leaves out what its functions do without. M must live as long as its context generates code.
void heedSkipCodegen(llvm::Module &M);
