#include "frontend.h"
#include "compat.h"
#include "generated.h"
#include "linker.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/Instructions.h"
#include <functional>
#include <vector>

using namespace llvm;
using compat::startsWith;
using compat::startsWithAny;

static StringRef reasonOfArgument(StringRef A) {
  struct Rule {
    StringRef Prefix;
    bool Exact;
    StringRef Reason;
  };
  static const Rule Rules[] = {
      {"-emit-llvm", false, "emit_llvm"},        {"-fembed-bitcode=", false, "emit_llvm"},
      {"-S", true, "assembly"},                  {"-emit-codegen-only", true, "assembly"},
      {"-flto", false, "lto"},                   {"-ffat-lto", false, "lto"},
      {"-fthinlto", false, "lto"},               {"-fsanitize", false, "sanitizer"},
      {"-fcoverage-mapping", true, "coverage"},  {"-coverage-", false, "coverage"},
      {"-femit-coverage", false, "coverage"},    {"-fprofile", false, "profile"},
      {"-fcs-profile", false, "profile"},        {"-fmemory-profile", false, "profile"},
      {"-Rpass", false, "remarks"},              {"-opt-record", false, "remarks"},
      {"-foptimization-record", false, "remarks"}, {"-load", true, "foreign_plugin"},
      {"-mlink-builtin-bitcode", true, "foreign_plugin"}, {"-mlink-bitcode-file", true, "foreign_plugin"},
      {"-fplugin", false, "foreign_plugin"}, {"-fenable-matrix", true, "language"},
      {"-fexperimental-sanitize-metadata", false, "sanitizer"}, {"-fpseudo-probe", false, "profile"}};
  for (const Rule &R : Rules)
    if (R.Exact ? A == R.Prefix : startsWith(A, R.Prefix))
      return R.Reason;
  return "";
}

// Objective-C needs its ARC passes and the GPU languages link foreign bitcode: neither is what pass lists were validated on.
static bool knownLanguage(StringRef Language) {
  static const StringRef Known[] = {"c", "c++", "cpp-output", "c++-cpp-output", "ir"};
  return is_contained(Known, Language);
}

// Their back ends register passes of their own that must run exactly once, at a place that lists do not know.
static bool knownTarget(StringRef Triple) {
  static const StringRef Foreign[] = {"amdgcn", "r600", "nvptx", "bpf", "dxil", "spir"};
  return !startsWithAny(Triple, Foreign);
}

// Tables of pointers, such as those of strings: nothing for a pass list to save, and reading 100,000 globals for the key alone
// made such compiles 18 % slower (double-conversion's gay-fixed.cc).
static bool isData(const Module &M) { return M.global_size() >= 1000 && M.global_size() > M.getInstructionCount(); }

// -finstrument-functions, -pg, XRay, patchable entries: clang's pipeline puts hooks into functions before it inlines them, or by how
// large they are in the end. As many as without us is what its users count on.
static bool isInstrumented(const Module &M) {
  static const StringRef Attributes[] = {"instrument-function-entry", "instrument-function-entry-inlined", "instrument-function-exit",
                                         "instrument-function-exit-inlined", "fentry-call", "function-instrument",
                                         "xray-instruction-threshold", "patchable-function-entry", "patchable-function-prefix"};
  return any_of(M, [](const Function &F) {
    return any_of(Attributes, [&](StringRef Attribute) { return F.hasFnAttribute(Attribute); });
  });
}

static StringRef reasonOfArguments(ArrayRef<StringRef> Arguments) {
  bool EmitsObject = false;
  unsigned Plugins = 0;
  for (size_t I = 0; I < Arguments.size(); ++I) {
    StringRef A = Arguments[I];
    EmitsObject |= A == "-emit-obj";
    Plugins += startsWith(A, "-fpass-plugin=");
    StringRef Reason = reasonOfArgument(A);
    if (!Reason.empty())
      return Reason;
    if (A == "-x" && I + 1 < Arguments.size() && !knownLanguage(Arguments[I + 1]))
      return "language";
  }
  if (!EmitsObject)
    return "assembly";
  return Plugins > 1 ? "foreign_plugin" : "";
}

StringRef bypassReason(ArrayRef<StringRef> Arguments, const Module &M, PassBuilder &PB, bool Links) {
  StringRef Reason = Links ? linkBypassReason(Arguments, M) : reasonOfArguments(Arguments);
  if (!Reason.empty())
    return Reason;
  if (!knownTarget(compat::tripleOf(M)))
    return "target";
  if (compat::hasProfile(PB))
    return "profile";
  if (!Links && (M.getModuleFlag("ThinLTO") || M.getModuleFlag("EnableSplitLTOUnit")))
    return "lto";
  if (M.getNamedMetadata("llvm.gcov"))
    return "coverage";
  if (M.getContext().getDiagHandlerPtr()->isAnyRemarkEnabled() || M.getContext().getMainRemarkStreamer())
    return "remarks";
  if (M.getContext().getOptPassGate().isEnabled())
    return "bisection";
  if (all_of(M, [](const Function &F) { return F.isDeclaration(); }))
    return "empty";
  if (isInstrumented(M))
    return "instrumented";
  if (isData(M))
    return "data";
  return "";
}

// Options of the -f and -m families that name files or concern diagnostics and modules, never code.
static bool irrelevantToCode(StringRef A) {
  static const StringRef Prefixes[] = {
      "-fdebug-compilation-dir", "-fdebug-prefix-map", "-fcoverage-", "-fmacro-", "-ffile-", "-fpass-plugin", "-fdiagnostics-",
      "-fno-diagnostics-", "-fcolor-", "-fno-color-", "-fansi-", "-fcaret-", "-fno-caret-", "-ferror-limit", "-fmessage-length",
      "-ftemplate-backtrace", "-fspell-", "-fno-spell-", "-fshow-", "-fno-show-", "-felide-", "-fno-elide-", "-fmodule",
      "-fimplicit-module", "-fprebuilt-module", "-fbuild-session", "-fbracket-depth", "-fconstexpr-", "-fretain-comments",
      "-fparse-all-comments", "-fdepfile-", "-mt-migrate"};
  return startsWithAny(A, Prefixes);
}

// The code-generation part of the -cc1 line. It covers every field of TargetOptions, whose layout changes with each LLVM, because
// clang derives them from these options.
static std::string codeGenOptions(ArrayRef<StringRef> Arguments) {
  static const StringRef WithValue[] = {"-mllvm", "-mrelocation-model", "-mthread-model", "-mlimit-float-precision", "-target-cpu",
                                        "-tune-cpu", "-target-feature", "-target-abi", "-triple", "-pic-level", "-ftrap-function"};
  static const StringRef Families[] = {"-f", "-m", "-O", "-target-", "-debug-info", "-dwarf", "-exception-model", "-vectorize-",
                                       "-gsplit"};
  std::string Out;
  auto Add = [&](StringRef Word) { Out += (Word + StringRef("", 1)).str(); };
  for (size_t I = 0; I < Arguments.size(); ++I) {
    StringRef A = Arguments[I];
    if (A == "-main-file-name" || A == "-split-dwarf-output") {
      ++I;
    } else if (is_contained(WithValue, A) && I + 1 < Arguments.size()) {
      Add(A);
      Add(Arguments[++I]);
    } else if (startsWithAny(A, Families) && !irrelevantToCode(A)) {
      Add(A);
      // "-mfloat-abi hard": the input file is never next, since -x and its language stand before it.
      if (I + 1 < Arguments.size() && !startsWith(Arguments[I + 1], "-"))
        Add(Arguments[++I]);
    }
  }
  return Out;
}

// The vendor's version text that clang leaves in the module ("Debian clang version 19.1.7 (3~deb12u1)").
static StringRef producer(const Module &M) {
  const NamedMDNode *Ident = M.getNamedMetadata("llvm.ident");
  if (!Ident || Ident->getNumOperands() == 0 || Ident->getOperand(0)->getNumOperands() == 0)
    return LLVM_VERSION_STRING;
  auto *Text = dyn_cast_or_null<MDString>(Ident->getOperand(0)->getOperand(0));
  return Text ? Text->getString() : StringRef(LLVM_VERSION_STRING);
}

static bool isDebugIntrinsic(const Instruction &I) {
  const auto *Call = dyn_cast<CallInst>(&I);
  const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
  return Callee && Callee->isIntrinsic() && startsWith(Callee->getName(), "llvm.dbg.");
}

namespace {
// Takes what must not reach the key out of a module, and on destruction puts it back exactly as it was: names of files and
// producers, and all debug information. Cloning the module and stripping the clone costs more (docs/cache-directory.md).
class Anonymous {
  Module &M;
  std::vector<std::function<void()>> Restore; // run backwards

  void takeNamed(StringRef Name) {
    NamedMDNode *Node = M.getNamedMetadata(Name);
    if (!Node)
      return;
    SmallVector<MDNode *, 4> Operands(Node->op_begin(), Node->op_end());
    Node->clearOperands();
    Restore.push_back([=] {
      for (MDNode *Operand : Operands)
        Node->addOperand(Operand);
    });
  }

  // !dbg of functions and variables.
  void takeSubject(GlobalObject &G) {
    SmallVector<MDNode *, 1> Nodes;
    G.getMetadata(LLVMContext::MD_dbg, Nodes);
    if (Nodes.empty())
      return;
    G.eraseMetadata(LLVMContext::MD_dbg);
    Restore.push_back([&G, Nodes] {
      for (MDNode *Node : Nodes)
        G.addMetadata(LLVMContext::MD_dbg, *Node);
    });
  }

  void takeAttachment(Instruction &I, unsigned Kind) {
    if (MDNode *Node = I.getMetadata(Kind)) {
      I.setMetadata(Kind, nullptr);
      Restore.push_back([&I, Kind, Node] { I.setMetadata(Kind, Node); });
    }
  }

  // A loop's identity holds the source locations of its begin and end.
  void takeLoopLocations(Instruction &I) {
    MDNode *Loop = I.getMetadata(LLVMContext::MD_loop);
    for (unsigned N = 1; Loop && N < Loop->getNumOperands(); ++N)
      if (Metadata *Location = Loop->getOperand(N); Location && Location->getMetadataID() == Metadata::DILocationKind) {
        Loop->replaceOperandWith(N, nullptr);
        Restore.push_back([=] { Loop->replaceOperandWith(N, Location); });
      }
  }

  void takeDebugInfo(Function &F) {
    takeSubject(F);
    for (BasicBlock &Block : F)
      for (auto Next = Block.begin(); Next != Block.end();) {
        Instruction &I = *Next++;
        if (isDebugIntrinsic(I)) {
          I.removeFromParent();
          Restore.push_back([&I, &Block, Next] { compat::insertInto(I, Block, Next); });
          continue;
        }
        if (DebugLoc Location = I.getDebugLoc()) {
          I.setDebugLoc(DebugLoc());
          Restore.push_back([&I, Location] { I.setDebugLoc(Location); });
        }
        compat::takeDebugRecords(I, Restore);
        if (I.hasMetadataOtherThanDebugLoc()) {
          takeAttachment(I, compat::AssignmentKind);
          takeLoopLocations(I);
        }
      }
  }

  void takeAsmLocations(Function &F) {
    for (BasicBlock &Block : F)
      for (Instruction &I : Block)
        if (auto *Call = dyn_cast<CallBase>(&I))
          if (Call->isInlineAsm())
            takeAttachment(I, M.getMDKindID("srcloc"));
  }

public:
  Anonymous(Module &M, bool HasDebugInfo) : M(M) {
    std::string Source = M.getSourceFileName();
    Restore.push_back([&M, Source] { M.setSourceFileName(Source); });
    M.setSourceFileName("");
    takeNamed("llvm.ident");
    takeNamed("llvm.commandline");
    for (Function &F : M)
      takeAsmLocations(F);
    if (!HasDebugInfo)
      return;
    takeNamed("llvm.dbg.cu");
    for (GlobalVariable &G : M.globals())
      takeSubject(G);
    for (Function &F : M)
      takeDebugInfo(F);
  }
  ~Anonymous() {
    for (auto Step = Restore.rbegin(); Step != Restore.rend(); ++Step)
      (*Step)();
  }
  Anonymous(const Anonymous &) = delete;
  Anonymous &operator=(const Anonymous &) = delete;
};
} // namespace

// Without WriteBitcodeToFile's symbol table, which would parse inline assembly and say nothing new.
static void writeModule(const Module &M, SmallVector<char, 0> &Out) {
  BitcodeWriter Writer(Out);
  Writer.writeModule(M, /*ShouldPreserveUseListOrder=*/false);
  Writer.writeStrtab();
}

Key canonicalKey(Module &M, ArrayRef<StringRef> Arguments, const TargetMachine &TM, bool Links) {
  bool HasDebugInfo = !M.debug_compile_units().empty();
  SmallVector<char, 1024> Prefix;
  auto Add = [&](StringRef Text) {
    Prefix.append(Text.begin(), Text.end());
    Prefix.push_back(0);
  };
  Add("clang-llm key " + std::to_string(CLANG_LLM_FORMAT));
  Add(LLVM_VERSION_STRING);
  Add(producer(M));
  Add("text+data");
  Add(HasDebugInfo ? "debug" : "no debug");
  Add(TM.getTargetTriple().str());
  Add(TM.getTargetCPU());
  Add(TM.getTargetFeatureString());
  Add(std::to_string(int(TM.getRelocationModel())) + " " + std::to_string(int(TM.getCodeModel())) + " " +
      std::to_string(int(TM.getOptLevel())));

  Key K;
  K.Options = Links ? linkOptions(Arguments) : codeGenOptions(Arguments);
  Prefix.append(K.Options.begin(), K.Options.end());
  {
    Anonymous Guard(M, HasDebugInfo);
    writeModule(M, K.Bitcode);
  }
  compat::KeyHash Hash;
  Hash.update(StringRef(Prefix.data(), Prefix.size()));
  Hash.update(StringRef(K.Bitcode.data(), K.Bitcode.size()));
  auto Digest = Hash.final();
  K.Hex = toHex(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Digest.data()), 32), /*LowerCase=*/true);
  return K;
}

// Without the operands that taking away debug information left empty; Known are the nodes that were seen before.
static MDNode *wholeLoop(MDNode *Loop, DenseMap<MDNode *, MDNode *> &Known) {
  MDNode *&Whole = Known[Loop];
  if (Whole)
    return Whole;
  SmallVector<Metadata *, 4> Kept = {nullptr};
  for (unsigned N = 1; N < Loop->getNumOperands(); ++N)
    if (Metadata *Operand = Loop->getOperand(N))
      Kept.push_back(Operand);
  Whole = Loop;
  if (Kept.size() < Loop->getNumOperands()) {
    Whole = MDNode::getDistinct(Loop->getContext(), Kept);
    Whole->replaceOperandWith(0, Whole);
  }
  return Whole;
}

SmallVector<char, 0> readableBitcode(const Key &K) {
  LLVMContext Context;
  auto M = parseBitcodeFile(MemoryBufferRef(StringRef(K.Bitcode.data(), K.Bitcode.size()), "module"), Context);
  if (!M) {
    consumeError(M.takeError());
    return K.Bitcode;
  }
  DenseMap<MDNode *, MDNode *> Known;
  bool Changed = false;
  for (Function &F : **M)
    for (BasicBlock &Block : F)
      for (Instruction &I : Block)
        if (MDNode *Loop = I.getMetadata(LLVMContext::MD_loop)) {
          MDNode *Whole = wholeLoop(Loop, Known);
          Changed |= Whole != Loop;
          I.setMetadata(LLVMContext::MD_loop, Whole);
        }
  if (!Changed)
    return K.Bitcode;
  SmallVector<char, 0> Out;
  writeModule(**M, Out);
  return Out;
}
