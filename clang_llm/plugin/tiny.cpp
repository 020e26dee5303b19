#include "tiny.h"
#include "compat.h"
#include "llvm/Support/Path.h"

using namespace llvm;

// Their objects, and programs, are thrown away at once: autoconf's conftest.c, CMake's try_compile, meson's checks.
static bool isProbe(StringRef Path) {
  StringRef Name = sys::path::filename(Path);
  if (Name == "conftest" || compat::startsWithAny(Name, {"conftest.", "sanitycheck", "cmTC_"}))
    return true;
  static const StringRef Places[] = {"CMakeScratch", "CMakeTmp", "meson-private"};
  return std::any_of(sys::path::begin(Path), sys::path::end(Path), [](StringRef Part) { return is_contained(Places, Part); });
}

// Without what debug information adds, so that -g decides nothing.
static bool hasFewerInstructions(const Module &M, unsigned Least) {
  size_t Count = 0;
  for (const Function &F : M)
    for (const BasicBlock &Block : F)
      if ((Count += size_t(Block.sizeWithoutDebug())) >= Least)
        return false;
  return Count < Least;
}

bool isTiny(const Module &M, StringRef Name, const Settings &S) {
  if (S.MinInstructions == 0 || S.HelperDescriptor >= 0) // whoever asks himself wants to know
    return false;
  return isProbe(Name) || hasFewerInstructions(M, S.MinInstructions);
}
