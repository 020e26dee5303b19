#include "codegen.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;

static constexpr StringRef Element = "skip-codegen", Note = "clang-llm-skip-codegen";

// Each runs above -O0 only and asks LLVM's gate, so no function depends on it. The gate is told titles; the arguments are LLVM's, too.
static constexpr struct {
  StringRef Argument, Title;
} Skippable[] = {
    {"block-placement", "Branch Probability Basic Block Placement"},
    {"codegenprepare", "CodeGen Prepare"},
    {"early-machinelicm", "Early Machine Loop Invariant Code Motion"},
    {"machine-cp", "Machine Copy Propagation Pass"},
    {"machine-cse", "Machine Common Subexpression Elimination"},
    {"machine-scheduler", "Machine Instruction Scheduler"},
    {"machine-sink", "Machine code sinking"},
    {"peephole-opt", "Peephole Optimizations"},
    {"postra-machine-sink", "PostRA Machine Sink"},
    {"shrink-wrap", "Shrink Wrapping analysis"},
    {"stack-slot-coloring", "Stack Slot Coloring"},
    {"x86-optimize-LEAs", "X86 LEA Optimize"},
};

namespace {
class SkipCodegen : public PassInfoMixin<SkipCodegen> {
  std::string Arguments; // joined by ';'

public:
  explicit SkipCodegen(StringRef Arguments) : Arguments(Arguments) {}

  static bool isRequired() { return true; }

  PreservedAnalyses run(Function &F, FunctionAnalysisManager &) {
    StringRef Before = F.getFnAttribute(Note).getValueAsString();
    F.addFnAttr(Note, Before.empty() ? Arguments : (Before + ";" + Arguments).str());
    return PreservedAnalyses::all(); // no analysis looks at it
  }
};

class Gate : public compat::PassGate {
  const Module &M;

  bool shouldRun(StringRef Title, StringRef Unit) const override {
    const auto *Known = find_if(Skippable, [&](const auto &Each) { return Each.Title == Title; });
    // Units are told as "function (NAME)".
    if (Known == std::end(Skippable) || !Unit.consume_front("function (") || !Unit.consume_back(")"))
      return true;
    const Function *F = M.getFunction(Unit);
    SmallVector<StringRef, 8> Skipped;
    if (F)
      F->getFnAttribute(Note).getValueAsString().split(Skipped, ';');
    return !is_contained(Skipped, Known->Argument);
  }

public:
  explicit Gate(const Module &M) : M(M) {}
};
} // namespace

static bool parseSkipCodegen(StringRef Name, FunctionPassManager &Into) {
  if (!Name.consume_front(Element) || !Name.consume_front("<") || !Name.consume_back(">"))
    return false;
  SmallVector<StringRef, 8> Arguments;
  Name.split(Arguments, ';');
  bool Known = all_of(Arguments, [](StringRef One) { return any_of(Skippable, [&](const auto &Each) { return Each.Argument == One; }); });
  if (Known)
    Into.addPass(SkipCodegen(Name));
  return Known;
}

void registerSkipCodegen(PassBuilder &PB) {
  PB.registerPipelineParsingCallback(
      [](StringRef Name, FunctionPassManager &Into, ArrayRef<PassBuilder::PipelineElement>) { return parseSkipCodegen(Name, Into); });
}

void heedSkipCodegen(Module &M) {
  if (any_of(M, [](const Function &F) { return F.hasFnAttribute(Note); }))
    M.getContext().setOptPassGate(*new Gate(M)); // clang's code generation asks it when nothing of ours is left to own it
}
