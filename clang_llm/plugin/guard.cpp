#include "guard.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/ValueHandle.h"
#include "llvm/Transforms/IPO/MergeFunctions.h"

using namespace llvm;

static constexpr StringRef Merge = "mergefunc", GuardedMerge = "clang-llm-mergefunc";

std::string guarded(StringRef Pipeline) {
  std::string Out;
  while (!Pipeline.empty()) {
    size_t End = Pipeline.find_first_of(",()<>;");
    StringRef Word = Pipeline.substr(0, End);
    Out += Word == Merge ? GuardedMerge : Word;
    Pipeline = Pipeline.drop_front(Word.size());
    Out += Pipeline.take_front(1);
    Pipeline = Pipeline.drop_front(std::min<size_t>(1, Pipeline.size()));
  }
  return Out;
}

bool mayBeLibraryFunction(StringRef Name) {
  static const TargetLibraryInfoImpl Table{Triple("x86_64-unknown-linux-gnu")};
  LibFunc Known;
  // compiler-rt, libgcc and the C++ run-time begin with underscores, as names that are reserved for them do.
  return compat::startsWith(Name, "__") || compat::startsWith(Name, "_Unwind") || Table.getLibFunc(Name, Known);
}

// Whether F's code depends on the frame that it runs in, or on being where it is.
static bool isBoundToItsFrame(const Instruction &I) {
  if (I.getType()->isTokenTy() || isa<VAArgInst>(I))
    return true;
  const auto *Call = dyn_cast<CallBase>(&I);
  if (!Call)
    return false;
  if (Call->isInlineAsm() || Call->isConvergent() || Call->hasFnAttr(Attribute::ReturnsTwice) || Call->isMustTailCall())
    return true;
  const Function *Callee = Call->getCalledFunction();
  if (!Callee)
    return false;
  if (Callee->hasFnAttribute(Attribute::ReturnsTwice))
    return true;
  static const StringRef Frames[] = {"llvm.returnaddress", "llvm.addressofreturnaddress", "llvm.frameaddress", "llvm.sponentry",
                                     "llvm.localescape",   "llvm.localrecover",           "llvm.eh.",          "llvm.va_",
                                     "llvm.stacksave",     "llvm.read_register",          "llvm.write_register"};
  return any_of(Frames, [&](StringRef Prefix) { return compat::startsWith(Callee->getName(), Prefix); });
}

// A function that shares its body with another, or jumps to it, loses what its name and its place stood for.
static bool mayMerge(const Function &F) {
  if (mayBeLibraryFunction(F.getName()) || F.hasSection() || F.isVarArg() || F.hasGC() || F.hasPrefixData() || F.hasPrologueData() ||
      F.isInterposable())
    return false;
  if (F.hasFnAttribute(Attribute::Naked) || F.hasFnAttribute(Attribute::ReturnsTwice) || F.hasFnAttribute(Attribute::OptimizeNone) ||
      F.hasFnAttribute("patchable-function-entry"))
    return false;
  return none_of(instructions(F), isBoundToItsFrame);
}

namespace {
// Merges functions of which nothing but their code matters. LLVM passes over bodies that another object has, so the others are
// declared such for as long as it runs.
class GuardedMergeFunctions : public PassInfoMixin<GuardedMergeFunctions> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &MAM) {
    std::vector<std::pair<WeakTrackingVH, GlobalValue::LinkageTypes>> Hidden;
    for (Function &F : M)
      if (!F.isDeclaration() && !F.hasAvailableExternallyLinkage() && !mayMerge(F)) {
        Hidden.push_back({&F, F.getLinkage()});
        F.setLinkage(GlobalValue::AvailableExternallyLinkage);
      }
    PreservedAnalyses Preserved = MergeFunctionsPass().run(M, MAM);
    for (auto &One : Hidden)
      if (auto *F = dyn_cast_or_null<Function>(static_cast<Value *>(One.first)))
        F->setLinkage(One.second);
    return Preserved;
  }
};
} // namespace

void registerGuards(PassBuilder &PB) {
  PB.registerPipelineParsingCallback([](StringRef Name, ModulePassManager &Into, ArrayRef<PassBuilder::PipelineElement>) {
    if (Name != GuardedMerge)
      return false;
    Into.addPass(GuardedMergeFunctions());
    return true;
  });
}
