#include "linker.h"
#include "compat.h"
#include "settings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Support/CommandLine.h"
#include <fcntl.h>
#include <unistd.h>

using namespace llvm;
using compat::startsWith;
using compat::startsWithAny;

SmallVector<StringRef, 64> linkArguments(StringSaver &Saver) {
  SmallVector<StringRef, 64> Arguments;
  int File = openRegular("/proc/self/cmdline", O_RDONLY);
  if (File < 0)
    return Arguments;
  SmallVector<StringRef, 64> Read;
  StringRef(Saver.save(readBounded(File, std::string::npos))).split(Read, '\0', -1, /*KeepEmpty=*/false);
  close(File);
  SmallVector<const char *, 64> Words;
  for (StringRef Word : Read)
    Words.push_back(Word.data()); // each ends with a NUL
  cl::ExpandResponseFiles(Saver, cl::TokenizeGNUCommandLine, Words);
  for (const char *Word : Words)
    Arguments.push_back(Word);
  return Arguments;
}

// An option without the dashes before it, or empty.
static StringRef optionOf(StringRef Word) {
  bool Dashed = Word.consume_front("-");
  Word.consume_front("-");
  return Dashed ? Word : "";
}

// What clang says to every linker of LTO, and what changes no code that we do not measure; LLVM's own options begin with a dash.
static bool isUsual(StringRef Option) {
  static const StringRef Usual[] = {"-", "mcpu=", "O1", "O2", "O3", "jobs=", "thinlto", "/"};
  if (Option.consume_front("plugin-opt="))
    return startsWithAny(Option, Usual);
  return startsWithAny(Option, {"lto-O1", "lto-O2", "lto-O3", "lto-CGO", "lto-validate-all-vtables", "lto-known-safe-vtables"});
}

static StringRef reasonOfOption(StringRef Option) {
  static const StringRef Others[] = {"opt-remarks", "save-temps", "time-trace", "emit-llvm", "disable-verify", "reproduce"};
  if (Option == "r" || Option == "relocatable")
    return "relocatable";
  // lld redirects a symbol that LTO sees defined only where no pass has looked through it: what comes of that is its own affair.
  if (startsWithAny(Option, {"wrap", "defsym"}))
    return "redefined";
  if (startsWith(Option, "icf=") && Option != "icf=none")
    return "icf"; // what it folds, only the linker knows
  if ((startsWith(Option, "lto-") || startsWith(Option, "plugin-opt=")) && !isUsual(Option))
    return "lto_options";
  return startsWithAny(Option, Others) ? "lto_options" : "";
}

std::string linkOptions(ArrayRef<StringRef> Arguments) {
  static const StringRef Families[] = {"lto-", "plugin-opt=-", "plugin-opt=O", "mllvm="};
  std::string Out("link\0", 5);
  auto Add = [&](StringRef Word) { Out += (Word + StringRef("", 1)).str(); };
  for (size_t I = 0; I < Arguments.size(); ++I) {
    StringRef Option = optionOf(Arguments[I]);
    if (Option == "mllvm" && I + 1 < Arguments.size())
      Add(Arguments[++I]);
    else if (startsWithAny(Option, Families))
      Add(Option);
  }
  return Out;
}

Image imageOf(ArrayRef<StringRef> Arguments, const TargetMachine &TM) {
  Image Into;
  Into.Linked = true;
  Into.UnwindTable = any_of(Arguments, [](StringRef Word) { return optionOf(Word) == "eh-frame-hdr"; });
  bool Packed = any_of(Arguments, [](StringRef Word) { return Word.contains("relr") || Word.contains("relative-relocs"); });
  Into.Moves = TM.getRelocationModel() == Reloc::PIC_ && !Packed;
  return Into;
}

StringRef outputOf(ArrayRef<StringRef> Arguments) {
  StringRef Found;
  for (size_t I = 0; I + 1 < Arguments.size(); ++I)
    if (Arguments[I] == "-o")
      Found = Arguments[++I];
  return Found;
}

bool readsPipe(ArrayRef<StringRef> Arguments) {
  return any_of(Arguments, [](StringRef Word) {
    return !startsWith(optionOf(Word), "load-pass-plugin") && (Word.contains("/dev/") || Word.contains("/proc/"));
  });
}

// Functions that the front end makes by itself have no level.
static bool isMadeByClang(StringRef Name) {
  return startsWithAny(Name, {"_GLOBAL__", "__cxx_global_", "__clang_", "__tls_", "_ZTH", "_ZTW", "__dtor_", "asan.", "__cfi_"});
}

static bool isSanitized(const Function &F) {
  static const Attribute::AttrKind Kinds[] = {Attribute::SanitizeAddress, Attribute::SanitizeThread, Attribute::SanitizeMemory,
                                              Attribute::SanitizeHWAddress, Attribute::SanitizeMemTag};
  return any_of(Kinds, [&](Attribute::AttrKind Kind) { return F.hasFnAttribute(Kind); });
}

// Counters of a profile or of coverage: the passes that count ran before the link.
static bool isOfProfile(const GlobalVariable &G) {
  return startsWithAny(G.getName(), {"__prof", "__llvm_prof", "__llvm_cov", "__llvm_gc", "__sancov"});
}

// Type tests are resolved with what the linker knows of all modules, and we do not.
static bool testsTypes(const Module &M) {
  static const StringRef Intrinsics[] = {"llvm.type.", "llvm.public.type.", "llvm.icall.branch.funnel"};
  return M.getNamedMetadata("cfi.functions") ||
         any_of(M, [](const Function &F) { return F.isIntrinsic() && startsWithAny(F.getName(), Intrinsics); });
}

static bool isOfClang(const Module &M) {
  const NamedMDNode *Idents = M.getNamedMetadata("llvm.ident");
  if (!Idents || M.getModuleFlag("Objective-C Version"))
    return false;
  return all_of(Idents->operands(), [](const MDNode *Node) {
    auto *Text = Node->getNumOperands() ? dyn_cast_or_null<MDString>(Node->getOperand(0)) : nullptr;
    return Text && Text->getString().contains("clang version");
  });
}

static StringRef reasonOfModule(const Module &M) {
  if (!Triple(compat::tripleOf(M)).isOSBinFormatELF())
    return "target";
  if (startsWithAny(compat::tripleOf(M), {"riscv", "loongarch"}))
    return "relaxation"; // the linker shortens calls, by a seventh of all code
  if (!isOfClang(M))
    return "language";
  if (testsTypes(M))
    return "type_tests";
  if (M.getProfileSummary(/*IsCS=*/false) || any_of(M.globals(), isOfProfile))
    return "profile";
  for (const Function &F : M) {
    if (isSanitized(F))
      return "sanitizer";
    // One file for speed among files for size would be treated like them.
    if (!F.isDeclarationForLinker() && !F.hasMinSize() && !F.hasOptNone() && !isMadeByClang(F.getName()))
      return "not_oz";
  }
  return "";
}

StringRef linkBypassReason(ArrayRef<StringRef> Arguments, const Module &M) {
  unsigned Plugins = 0;
  if (Arguments.empty())
    return "lto_options";
  for (StringRef Word : Arguments) {
    StringRef Option = optionOf(Word), Reason = reasonOfOption(Option);
    if (!Reason.empty())
      return Reason;
    Plugins += startsWith(Option, "load-pass-plugin");
  }
  return Plugins > 1 ? "foreign_plugin" : reasonOfModule(M);
}
