#include "debuginfo.h"
#include "compat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/DIBuilder.h"

using namespace llvm;

// With debug information every function has frame moves, which belong to its code; without it, those with an unwind entry alone.
// And it may need symbols that nothing else needs (addresses that are arguments of templates).
static bool mayBeLeftOut(const Module &M) {
  return all_of(M, [](const Function &F) { return F.isDeclarationForLinker() || F.needsUnwindTableEntry(); }) &&
         none_of(M.global_values(), [](const GlobalValue &G) { return G.isDeclarationForLinker() && G.isUsedByMetadata(); });
}

void leaveOutDebugInfo(Module &M, const TargetMachine &TM) {
  NamedMDNode *Units = M.getNamedMetadata("llvm.dbg.cu");
  if (!Units || Units->getNumOperands() == 0 || !TM.getTargetTriple().isOSBinFormatELF() || !mayBeLeftOut(M))
    return;
  DIFile *File = cast<DICompileUnit>(Units->getOperand(0))->getFile();
  M.eraseNamedMetadata(Units);
  // A unit that says so of its functions.
  auto C = compat::SourceLanguage(dwarf::DW_LANG_C);
  auto Kind = DICompileUnit::NoDebug;
  DICompileUnit *Silent = DIBuilder(M).createCompileUnit(C, File, "", /*isOptimized=*/true, /*Flags=*/"", /*RV=*/0, "", Kind);
  for (Function &F : M)
    if (DISubprogram *Program = F.isDeclaration() ? nullptr : F.getSubprogram())
      Program->replaceUnit(Silent);
}
