#include "pipeline.h"
#include "compat.h"
#include "guard.h"
#include "llvm/Transforms/IPO/ElimAvailExtern.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"

using namespace llvm;

bool hasCoroutines(const Module &M) {
  return any_of(M, [](const Function &F) { return compat::startsWith(F.getName(), "llvm.coro."); });
}

namespace {
// While our own pipelines are parsed or run: default<Oz> in a list would otherwise call us again, without end.
struct Busy {
  PipelineState &State;
  explicit Busy(Compile &C) : State(C.State) { State.Busy = true; }
  ~Busy() { State.Busy = false; }
};
} // namespace

// What no list may leave undone. The -O0 pipeline is LLVM's own statement of what is mandatory; coroutines are split the way it
// does it, before the list, so that lists only ever see ordinary functions. Without coroutines its one effect is always-inline,
// which is better run with lifetime markers.
static void runMandatory(Compile &C) {
  ModulePassManager Passes;
  if (hasCoroutines(C.M)) {
    C.State.SkipOptional = true;
    C.PB.buildO0DefaultPipeline(OptimizationLevel::O0).run(C.M, C.MAM);
    C.State.SkipOptional = false;
  } else if (Error E = C.PB.parsePassPipeline(Passes, "always-inline")) {
    consumeError(std::move(E));
  } else {
    Passes.run(C.M, C.MAM);
  }
}

template <typename Manager> static bool parseOne(Compile &C, Manager &Into, StringRef Text) {
  if (Text.empty())
    return true;
  Error E = C.PB.parsePassPipeline(Into, guarded(Text));
  bool Parsed = !E;
  consumeError(std::move(E));
  return Parsed;
}

bool Pipelines::parse(Compile &C, const Recipe &R) {
  Busy Guard(C);
  Use = R.Use;
  for (const std::string &Text : R.Functions) {
    Functions.emplace_back();
    if (!parseOne(C, Functions.back(), Text))
      return false;
  }
  return parseOne(C, Module, R.Module) && parseOne(C, Closing, R.Closing);
}

void Pipelines::runHead(Compile &C) {
  Busy Guard(C);
  runMandatory(C);
  Module.run(C.M, C.MAM);
}

std::vector<Function *> definitions(Module &M) {
  std::vector<Function *> Found;
  for (Function &F : M)
    if (!F.isDeclaration())
      Found.push_back(&F);
  return Found;
}

// A recipe made for this module names one for each definition; whatever else comes is right as well, only of unknown size.
FunctionPassManager &Pipelines::chosen(size_t Place) { return Functions[Place < Use.size() ? Use[Place] : 0]; }

// Bodies that another object has are for inlining only. As -Oz does: they go before the end, and with them what only they refer to,
// which would be emitted here otherwise.
static void dropBodiesFromElsewhere(Compile &C) {
  if (none_of(C.M, [](const Function &F) { return F.hasAvailableExternallyLinkage(); }))
    return;
  ModulePassManager Passes;
  Passes.addPass(EliminateAvailableExternallyPass());
  Passes.addPass(GlobalDCEPass());
  Passes.run(C.M, C.MAM);
}

void Pipelines::runTail(Compile &C) {
  Busy Guard(C);
  if (!Functions.empty()) {
    auto &FAM = C.MAM.getResult<FunctionAnalysisManagerModuleProxy>(C.M).getManager();
    PreservedAnalyses Preserved = PreservedAnalyses::all();
    std::vector<Function *> Defined = definitions(C.M);
    for (size_t Place = 0; Place < Defined.size(); ++Place) {
      PreservedAnalyses Here = chosen(Place).run(*Defined[Place], FAM);
      FAM.invalidate(*Defined[Place], Here);
      Preserved.intersect(std::move(Here));
    }
    // As createModuleToFunctionPassAdaptor does it: what functions know is up to date, what the module knows may not be.
    Preserved.preserveSet<AllAnalysesOn<Function>>();
    Preserved.preserve<FunctionAnalysisManagerModuleProxy>();
    C.MAM.invalidate(C.M, Preserved);
  }
  dropBodiesFromElsewhere(C);
  if (!Closing.isEmpty())
    Closing.run(C.M, C.MAM);
}

void runDefault(Compile &C, bool OnlyMandatory) {
  Busy Guard(C);
  C.State.SkipOptional = OnlyMandatory;
  // The linker's summary of all modules matters to type tests alone, and a module with some is left to it.
  auto Passes = C.Into.Linked ? C.PB.buildLTODefaultPipeline(C.Level, /*ExportSummary=*/nullptr) : C.PB.buildPerModuleDefaultPipeline(C.Level);
  Passes.run(C.M, C.MAM);
}
