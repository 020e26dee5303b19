// Runs pass lists on clang's module.
#pragma once

#include "object.h"
#include "recipe.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"

// What a pass-builder callback of ours may need to know about the work in progress.
struct PipelineState {
  bool Busy = false;         // our own pipelines are being built or run: pipeline callbacks stay out
  bool SkipOptional = false; // a list has run: of clang's own passes only the mandatory ones run
};

// clang's side of one compile.
struct Compile {
  llvm::PassBuilder &PB;
  llvm::Module &M;
  llvm::ModuleAnalysisManager &MAM;
  llvm::TargetMachine &TM;
  llvm::OptimizationLevel Level;
  PipelineState &State;
  Image Into;       // linked: the module is what a linker merged, and the pipeline that of its LTO
  std::string Name; // for people: the source's, or the linked file's
};

// A recipe that LLVM has parsed.
class Pipelines {
  llvm::ModulePassManager Module, Closing;
  std::vector<llvm::FunctionPassManager> Functions;
  std::vector<unsigned> Use;

  llvm::FunctionPassManager &chosen(size_t Place);

public:
  // False when LLVM does not know a pass, or not in this place.
  bool parse(Compile &C, const Recipe &R);
  // The mandatory lowerings and the module pipeline.
  void runHead(Compile &C);
  // Every function's pipeline and the closing one. Recipes with the same head share it.
  void runTail(Compile &C);
};

// Definitions in module order: what Recipe::Use counts, once the head has run.
std::vector<llvm::Function *> definitions(llvm::Module &M);
// Whether a list must be followed by the passes of clang's own pipeline that may not be left out: they lower coroutines.
bool hasCoroutines(const llvm::Module &M);
// clang's own -Oz pipeline, or the linker's own; after a list ran, only the passes of it that may not be left out.
void runDefault(Compile &C, bool OnlyMandatory);
