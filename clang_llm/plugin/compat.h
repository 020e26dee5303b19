// The one place that knows how LLVM versions differ. Built and tested with 14, 15, 16, 19 and 22; 17, 18, 20 and 21 follow
// the version in which each change appeared.
#pragma once

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/StringSaver.h"
#include "llvm/Target/TargetMachine.h"
#include <functional>
#include <vector>
#if LLVM_VERSION_MAJOR >= 15
#include "llvm/Support/BLAKE3.h"
#endif
#if LLVM_VERSION_MAJOR < 16
#include "llvm/Pass.h"
#endif
#if LLVM_VERSION_MAJOR >= 20
#include "llvm/Support/CommandLine.h"
#endif
#if LLVM_VERSION_MAJOR >= 17
#include "llvm/TargetParser/Triple.h"
#else
#include "llvm/ADT/Triple.h"
#endif

namespace compat {

#if LLVM_VERSION_MAJOR >= 15
using KeyHash = llvm::BLAKE3; // 32-byte digest
#else
using KeyHash = llvm::SHA256; // LLVM 14 has no BLAKE3; 32-byte digest as well
#endif

#if LLVM_VERSION_MAJOR >= 18
constexpr auto ObjectFile = llvm::CodeGenFileType::ObjectFile;
#else
constexpr auto ObjectFile = llvm::CGFT_ObjectFile;
#endif

// clang hands its TargetMachine and profile options to PassBuilder, which keeps them private, and so does TargetLibraryInfo with
// the table of library functions. An explicit instantiation may name private members, so this is legal C++.
template <typename Tag, typename Tag::type Member> struct Expose {
  friend typename Tag::type expose(Tag) { return Member; }
};
struct TargetMachineTag {
  using type = llvm::TargetMachine *llvm::PassBuilder::*;
  friend type expose(TargetMachineTag);
};
template struct Expose<TargetMachineTag, &llvm::PassBuilder::TM>;
struct ProfileTag {
#if LLVM_VERSION_MAJOR >= 16
  using type = std::optional<llvm::PGOOptions> llvm::PassBuilder::*;
#else
  using type = llvm::Optional<llvm::PGOOptions> llvm::PassBuilder::*;
#endif
  friend type expose(ProfileTag);
};
template struct Expose<ProfileTag, &llvm::PassBuilder::PGOOpt>;
struct LibraryTag {
  using type = const llvm::TargetLibraryInfoImpl *llvm::TargetLibraryInfo::*;
  friend type expose(LibraryTag);
};
template struct Expose<LibraryTag, &llvm::TargetLibraryInfo::Impl>;

inline llvm::TargetMachine *targetMachine(llvm::PassBuilder &PB) { return PB.*expose(TargetMachineTag()); }
inline bool hasProfile(llvm::PassBuilder &PB) { return bool(PB.*expose(ProfileTag())); }
inline const llvm::TargetLibraryInfoImpl &libraryTable(const llvm::TargetLibraryInfo &TLI) {
  return *(TLI.*expose(LibraryTag()));
}

// clang's own -cc1 arguments, after response files, config files and overrides. They point into storage that lives as
// long as the compile, or into Saver's (LLVM 20+ keeps one flattened string).
inline llvm::SmallVector<llvm::StringRef, 64> frontEndArguments(const llvm::TargetMachine &TM, llvm::StringSaver &Saver) {
  llvm::SmallVector<llvm::StringRef, 64> Arguments;
#if LLVM_VERSION_MAJOR >= 20
  llvm::SmallVector<const char *, 64> Words;
  llvm::cl::TokenizeGNUCommandLine(TM.Options.MCOptions.CommandlineArgs, Saver, Words);
  for (const char *Word : Words)
    Arguments.push_back(Word);
#else
  (void)Saver;
  for (const std::string &Word : TM.Options.MCOptions.CommandLineArgs)
    Arguments.push_back(Word);
#endif
  return Arguments;
}

// Puts an instruction that was taken out of Block back before Next.
inline void insertInto(llvm::Instruction &I, llvm::BasicBlock &Block, llvm::BasicBlock::iterator Next) {
#if LLVM_VERSION_MAJOR >= 16
  I.insertInto(&Block, Next);
#else
  Block.getInstList().insert(Next, &I);
#endif
}

// The kind of attachment that links stores to variables' assignments; LLVM 15 and before do not have it.
#if LLVM_VERSION_MAJOR >= 16
constexpr unsigned AssignmentKind = llvm::LLVMContext::MD_DIAssignID;
#else
constexpr unsigned AssignmentKind = llvm::LLVMContext::MD_dbg; // taken already
#endif

// Debug records (LLVM 19 and later; before, debug information is in intrinsic calls) hang on instructions by one pointer.
inline void takeDebugRecords(llvm::Instruction &I, std::vector<std::function<void()>> &Restore) {
#if LLVM_VERSION_MAJOR >= 19
  if (auto *Records = I.DebugMarker) {
    I.DebugMarker = nullptr;
    Restore.push_back([&I, Records] { I.DebugMarker = Records; });
  }
#else
  (void)I;
  (void)Restore;
#endif
}

// Where full LTO begins with the module that the linker has merged; LLVM 14 calls nobody there.
template <typename Function> void atLinkStart(llvm::PassBuilder &PB, Function Call) {
#if LLVM_VERSION_MAJOR >= 15
  PB.registerFullLinkTimeOptimizationEarlyEPCallback(Call);
#else
  (void)PB;
  (void)Call;
#endif
}

inline bool startsWith(llvm::StringRef Text, llvm::StringRef Prefix) {
#if LLVM_VERSION_MAJOR >= 16
  return Text.starts_with(Prefix);
#else
  return Text.startswith(Prefix);
#endif
}

inline bool startsWithAny(llvm::StringRef Text, llvm::ArrayRef<llvm::StringRef> Prefixes) {
  return llvm::any_of(Prefixes, [&](llvm::StringRef Prefix) { return startsWith(Text, Prefix); });
}

// What decides whether an optional pass runs on a unit of code, both as LLVM names them to people.
class PassGate : public llvm::OptPassGate {
  virtual bool shouldRun(llvm::StringRef Title, llvm::StringRef Unit) const = 0;

public:
  bool isEnabled() const override { return true; }
  // LLVM has one of these, a virtual one: that with a pass until 15, later the others; the constant one was seen in 22.
#if LLVM_VERSION_MAJOR >= 16
  bool shouldRunPass(llvm::StringRef Title, llvm::StringRef Unit) { return shouldRun(Title, Unit); }
  bool shouldRunPass(llvm::StringRef Title, llvm::StringRef Unit) const { return shouldRun(Title, Unit); }
#else
  bool shouldRunPass(const llvm::Pass *P, llvm::StringRef Unit) override { return shouldRun(P->getPassName(), Unit); }
#endif
};

#if LLVM_VERSION_MAJOR >= 22
using SourceLanguage = llvm::DISourceLanguageName;
#else
using SourceLanguage = unsigned;
#endif

#if LLVM_VERSION_MAJOR >= 18
constexpr auto LittleEndian = llvm::endianness::little, BigEndian = llvm::endianness::big;
#else
constexpr auto LittleEndian = llvm::support::little, BigEndian = llvm::support::big;
#endif

inline uint64_t alignmentOf(llvm::object::SectionRef S) {
#if LLVM_VERSION_MAJOR >= 16
  return S.getAlignment().value();
#else
  return S.getAlignment();
#endif
}

inline std::string tripleOf(const llvm::Module &M) {
#if LLVM_VERSION_MAJOR >= 21
  return M.getTargetTriple().str();
#else
  return M.getTargetTriple();
#endif
}

} // namespace compat
