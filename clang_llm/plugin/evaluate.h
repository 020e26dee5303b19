// Measures pass lists: each in a forked child that runs the list, clang's mandatory passes and clang's own code generation,
// and sends back what it saw. A list that crashes, hangs or devours memory dies there.
#pragma once

#include "object.h"
#include "settings.h"
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
};

struct Measurement {
  std::string Status = "failed"; // architecture.md, section 5
  ObjectSummary Object;
  bool Diagnosed = false; // the back end reported a warning or an error
  double CpuSeconds = 0;

  bool ok() const { return Status == "ok"; }
};

// Runs the mandatory lowerings and then Pipeline on the module of C. False when it does not parse.
bool runList(Compile &C, llvm::StringRef Pipeline);

// Size and interface under plain -Oz.
Measurement measureBaseline(Compile &C);

// Each of Pipelines, at most S.Jobs at once, in their order; checked against Baseline.
std::vector<Measurement> measureLists(Compile &C, const Measurement &Baseline, llvm::ArrayRef<std::string> Pipelines, const Settings &S);
