#include "describe.h"
#include "child.h"
#include "model/files.h"
#include "vocabulary.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace llvm;

static void writeType(raw_ostream &OS, const Type *T) {
  if (T->isIntegerTy())
    OS << 'i' << T->getIntegerBitWidth();
  else if (T->isPointerTy())
    OS << 'p';
  else if (T->isDoubleTy() || T->isFloatTy())
    OS << (T->isDoubleTy() ? 'd' : 'f');
  else if (T->isFloatingPointTy())
    OS << 'F';
  else if (T->isVectorTy())
    OS << 'V';
  else if (!T->isVoidTy())
    OS << 'S';
}

// Numbers by what they cost: none, a byte, more.
static char kindOf(const APInt &Number) {
  if (Number.isZero() || Number.isOne())
    return Number.isZero() ? '0' : '1';
  if (Number.isAllOnes())
    return 'm';
  if (Number.isPowerOf2())
    return 'b';
  return Number.isSignedIntN(8) ? 'c' : 'C';
}

// Operands by where they come from; names say nothing that carries over to other programs.
static char kindOf(const Value *V) {
  if (auto *Number = dyn_cast<ConstantInt>(V))
    return kindOf(Number->getValue());
  if (isa<Argument>(V))
    return 'a';
  if (auto *I = dyn_cast<Instruction>(V))
    return isa<AllocaInst>(I) ? 's' : isa<PHINode>(I) ? 'h' : I->hasOneUse() ? 'v' : 'w';
  if (auto *G = dyn_cast<GlobalVariable>(V))
    return G->isConstant() ? 'k' : 'g';
  if (isa<Function>(V))
    return 'f';
  if (isa<ConstantPointerNull>(V))
    return '0';
  if (isa<UndefValue>(V))
    return 'u';
  return isa<ConstantExpr>(V) ? 'e' : 'z';
}

static bool isCounted(const Value *V) { return !isa<BasicBlock>(V) && !isa<MetadataAsValue>(V); }

// Library functions and intrinsics have names that mean the same everywhere; others are "f", pointers to functions "v".
static std::string calleeOf(const CallBase &Call, const TargetLibraryInfo &TLI) {
  const Function *Callee = Call.getCalledFunction();
  if (!Callee)
    return Call.isInlineAsm() ? "asm" : "v";
  LibFunc Known;
  if (Callee->isIntrinsic())
    return Callee->getName().drop_front(5).split('.').first.str();
  return TLI.getLibFunc(*Callee, Known) ? Callee->getName().str() : "f";
}

static void writeInstruction(raw_ostream &OS, const Instruction &I, const TargetLibraryInfo &TLI) {
  OS << I.getOpcodeName() << '.';
  if (auto *Compare = dyn_cast<CmpInst>(&I)) {
    OS << CmpInst::getPredicateName(Compare->getPredicate()) << '.';
    writeType(OS, Compare->getOperand(0)->getType());
  } else if (auto *Store = dyn_cast<StoreInst>(&I)) {
    writeType(OS, Store->getValueOperand()->getType());
  } else {
    auto *Local = dyn_cast<AllocaInst>(&I);
    writeType(OS, Local ? Local->getAllocatedType() : I.getType());
  }
  OS << ' ';
  if (auto *Call = dyn_cast<CallBase>(&I)) {
    OS << calleeOf(*Call, TLI) << ' ';
    for (const Use &Argument : Call->args())
      if (isCounted(Argument))
        OS << kindOf(Argument.get());
  } else if (auto *Switch = dyn_cast<SwitchInst>(&I)) {
    OS << kindOf(Switch->getCondition()) << Log2_32_Ceil(Switch->getNumCases() + 1);
  } else {
    for (const Use &Operand : I.operands())
      if (isCounted(Operand))
        OS << kindOf(Operand.get());
  }
  OS << ';';
}

// A line is a block; a backward branch is "<".
static std::string textOf(const Function &F, const TargetLibraryInfo &TLI) {
  std::string Text;
  raw_string_ostream OS(Text);
  OS << (F.hasLocalLinkage() ? "local" : F.isDiscardableIfUnused() ? "inline" : "global") << (F.doesNotThrow() ? " " : " throws ");
  for (const Argument &A : F.args())
    writeType(OS, A.getType());
  OS << '\n';
  DenseMap<const BasicBlock *, unsigned> Places;
  for (const BasicBlock &Block : F)
    Places.insert({&Block, Places.size()});
  for (const BasicBlock &Block : F) {
    for (const Instruction &I : Block)
      if (!I.isDebugOrPseudoInst())
        writeInstruction(OS, I, TLI);
    for (const BasicBlock *Next : successors(&Block))
      OS << (Places.lookup(Next) <= Places.lookup(&Block) ? "<" : "");
    OS << '\n';
  }
  return OS.str();
}

// Runs a head in a child, which tells of the functions that it leaves; whether that went well, and what was told.
static bool inChild(Compile &C, const std::string &Head, function_ref<std::string(const std::vector<std::string> &)> Tell, std::string &Told) {
  if (!inVocabulary(StringRef(Head)))
    return false;
  Limits L = limitsFor(/*CpuSeconds=*/60);
  Child Only = runOne(L.Seconds, [&](int Pipe) {
    isolate(L);
    Recipe R;
    R.Module = Head;
    Pipelines Parsed;
    if (!Parsed.parse(C, R))
      _exit(ExitInvalid);
    Parsed.runHead(C);
    auto &FAM = C.MAM.getResult<FunctionAnalysisManagerModuleProxy>(C.M).getManager();
    std::vector<std::string> Texts;
    for (Function *F : definitions(C.M))
      Texts.push_back(textOf(*F, FAM.getResult<TargetLibraryAnalysis>(*F)));
    sendAll(Pipe, Tell(Texts));
    _exit(ExitOk);
  });
  Told = std::move(Only.Answer);
  return reap(Only).Status == "ok";
}

bool describe(Compile &C, const std::string &Head, std::vector<std::string> &Texts) {
  auto Tell = [](const std::vector<std::string> &Found) {
    std::string All;
    for (const std::string &Text : Found)
      All += Text + '\0';
    return All;
  };
  std::string Told;
  if (!inChild(C, Head, Tell, Told))
    return false;
  for (StringRef Rest = Told; !Rest.empty();) {
    auto Parts = Rest.split('\0');
    Texts.push_back(Parts.first.str());
    Rest = Parts.second;
  }
  return true;
}

bool ask(Compile &C, const Question &Q, std::string &Places, std::string &Why) {
  // A first byte says whether what follows are places or a reason.
  auto Tell = [&](const std::vector<std::string> &Texts) {
    model::Files Kept;
    model::Model M;
    std::string Said = "+", Refused;
    if (!model::readModel(Q.Directory, Kept, M, Refused))
      return "-" + Refused;
    for (unsigned Column : Q.Columns)
      if (Column >= M.P.Recipes)
        return std::string("-the model has fewer recipes than its menu");
    for (auto &Best : model::answers(M, Texts, Q.Family, Q.Columns, Q.Count, Refused))
      Said.append(Best.begin(), Best.end());
    return Refused.empty() ? Said : "-" + Refused;
  };
  std::string Told;
  if (!inChild(C, Q.Head, Tell, Told) || Told.empty())
    Told = "-the functions cannot be described";
  (Told[0] == '+' ? Places : Why) = Told.substr(1);
  return Told[0] == '+';
}
