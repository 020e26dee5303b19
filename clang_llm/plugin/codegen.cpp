#include "codegen.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/InstrTypes.h"

using namespace llvm;

static constexpr StringRef Element = "codegen", Note = "clang-llm-codegen";
static constexpr StringRef FramePointer = "frame-pointer", NoMinSize = "no-minsize", NoJumpTables = "no-jump-tables";
static constexpr StringRef AfterLoops = "Merge contiguous icmps into a memcmp"; // runs right after loop strength reduction

// Each runs above -O0 only and asks LLVM's gate, so no function depends on it. The gate is told titles; the names are LLVM's, too.
static constexpr struct {
  StringRef Without, Title;
} Skippable[] = {
    {"no-arm-prera-ldst-opt", "ARM pre- register allocation load / store optimization pass"},
    {"no-block-placement", "Branch Probability Basic Block Placement"},
    {"no-branch-folder", "Control Flow Optimizer"},
    {"no-codegenprepare", "CodeGen Prepare"},
    {"no-early-machinelicm", "Early Machine Loop Invariant Code Motion"},
    {"no-loop-reduce", "Loop Strength Reduction"},
    {"no-machine-cse", "Machine Common Subexpression Elimination"},
    {"no-machine-scheduler", "Machine Instruction Scheduler"},
    {"no-machine-sink", "Machine code sinking"},
    {"no-machinelicm", "Machine Loop Invariant Code Motion"},
    {"no-post-RA-sched", "Post RA top-down list latency scheduler"},
    {"no-postmisched", "PostRA Machine Instruction Scheduler"},
    {"no-postra-machine-sink", "PostRA Machine Sink"},
    {"no-shrink-wrap", "Shrink Wrapping analysis"},
    {"no-x86-optimize-LEAs", "X86 LEA Optimize"},
};

static bool known(StringRef Token) {
  return Token == FramePointer || Token == NoMinSize || Token == NoJumpTables || any_of(Skippable, [&](const auto &Each) { return Each.Without == Token; });
}

// Not where assembly may want the register, nor on machines that let users reserve it (RISC-V: -ffixed-x8).
static bool mayHaveFramePointer(const Function &F) {
  return Triple(compat::tripleOf(*F.getParent())).isX86() && none_of(instructions(F), [](const Instruction &I) {
           const auto *Call = dyn_cast<CallBase>(&I);
           return Call && Call->isInlineAsm();
         });
}

namespace {
class Codegen : public PassInfoMixin<Codegen> {
  SmallVector<std::string, 4> Tokens;

public:
  explicit Codegen(ArrayRef<StringRef> Tokens) {
    for (StringRef Token : Tokens)
      this->Tokens.push_back(Token.str());
  }

  static bool isRequired() { return true; }

  PreservedAnalyses run(Function &F, FunctionAnalysisManager &) {
    for (StringRef Token : Tokens)
      if (Token == NoMinSize)
        F.removeFnAttr(Attribute::MinSize); // optsize stays: push and pop of constants, say, are short but not to unwind
      else if (Token == NoJumpTables)
        F.addFnAttr(NoJumpTables, "true");
      else if (Token != FramePointer)
        F.addFnAttr(Note, (F.getFnAttribute(Note).getValueAsString() + ";" + Token).str());
      else if (mayHaveFramePointer(F))
        F.addFnAttr(FramePointer, "all");
    return PreservedAnalyses::all(); // no analysis depends on it
  }
};

class Gate : public compat::PassGate {
  const Module &M;
  mutable const Function *Asked = nullptr, *PastLoops = nullptr; // the last of which a pass asked, and for which AfterLoops did

  // Loops are told without their function. It is the one before whose loops somebody asked, or else the next one in the module.
  const Function *ofLoop() const {
    if (Asked != PastLoops)
      return Asked;
    auto Next = PastLoops ? std::next(PastLoops->getIterator()) : M.begin();
    while (Next != M.end() && Next->isDeclaration())
      ++Next;
    return Next != M.end() ? &*Next : nullptr;
  }

  const Function *of(StringRef Title, StringRef Unit) const {
    if (Unit == "loop")
      return ofLoop();
    // Units are told as "function (NAME)".
    if (!Unit.consume_front("function (") || !Unit.consume_back(")"))
      return nullptr;
    Asked = M.getFunction(Unit);
    if (Title == AfterLoops)
      PastLoops = Asked;
    return Asked;
  }

  bool shouldRun(StringRef Title, StringRef Unit) const override {
    const Function *F = of(Title, Unit);
    const auto *Known = find_if(Skippable, [&](const auto &Each) { return Each.Title == Title; });
    if (!F || Known == std::end(Skippable))
      return true;
    SmallVector<StringRef, 8> Noted;
    F->getFnAttribute(Note).getValueAsString().split(Noted, ';');
    return !is_contained(Noted, Known->Without);
  }

public:
  explicit Gate(const Module &M) : M(M) {}
};
} // namespace

static bool parseCodegen(StringRef Name, FunctionPassManager &Into) {
  if (!Name.consume_front(Element) || !Name.consume_front("<") || !Name.consume_back(">"))
    return false;
  SmallVector<StringRef, 8> Tokens;
  Name.split(Tokens, ';');
  if (!all_of(Tokens, known))
    return false;
  Into.addPass(Codegen(Tokens));
  return true;
}

void registerCodegen(PassBuilder &PB) {
  PB.registerPipelineParsingCallback(
      [](StringRef Name, FunctionPassManager &Into, ArrayRef<PassBuilder::PipelineElement>) { return parseCodegen(Name, Into); });
}

void heedCodegen(Module &M) {
  if (any_of(M, [](const Function &F) { return F.hasFnAttribute(Note); }))
    M.getContext().setOptPassGate(*new Gate(M)); // clang's code generation asks it when nothing of ours is left to own it
}
