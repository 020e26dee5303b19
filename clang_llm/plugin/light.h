// Keeps LLVM's headers from including what only its own passes need (machine code, loops, inliners, summaries), which takes longer to
// read than all the rest. Only for versions that it was tried with; a build that fails with it is made without it.
#pragma once

#include "llvm/Config/llvm-config.h"
#if !defined(CLANG_LLM_WHOLE_HEADERS) && (LLVM_VERSION_MAJOR <= 16 || LLVM_VERSION_MAJOR == 19)
#define LLVM_ANALYSIS_CGSCCPASSMANAGER_H
#define LLVM_CODEGEN_MACHINEPASSMANAGER_H
#define LLVM_IR_MODULESUMMARYINDEX_H
#define LLVM_TRANSFORMS_INSTRUMENTATION_H
#define LLVM_TRANSFORMS_IPO_INLINER_H
#define LLVM_TRANSFORMS_IPO_MODULEINLINER_H
#define LLVM_TRANSFORMS_SCALAR_LOOPPASSMANAGER_H
#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/PassInstrumentation.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Pass.h"
#include <array>
#include <unordered_set>

// What others name of it, and nobody here uses.
namespace llvm {
class GlobalValueSummary;
class LPMUpdater;
class Loop;
class LoopNest;
class ModuleInlinerWrapperPass;
class ModuleSummaryIndex;
struct CGSCCUpdateResult;
struct LoopStandardAnalysisResults;
struct LazyCallGraph {
  class SCC;
};
using CGSCCAnalysisManager = AnalysisManager<LazyCallGraph::SCC, LazyCallGraph &>;
using CGSCCPassManager = PassManager<LazyCallGraph::SCC, CGSCCAnalysisManager, LazyCallGraph &, CGSCCUpdateResult &>;
using LoopAnalysisManager = AnalysisManager<Loop, LoopStandardAnalysisResults &>;
using LoopPassManager = PassManager<Loop, LoopAnalysisManager, LoopStandardAnalysisResults &, LPMUpdater &>;
using ModuleHash = std::array<uint32_t, 5>;
using GVSummaryMapTy = DenseMap<uint64_t, GlobalValueSummary *>;
using GVSummaryPtrSet = std::unordered_set<GlobalValueSummary *>;
#if LLVM_VERSION_MAJOR >= 19
class MachineFunction;
using MachineFunctionAnalysisManager = AnalysisManager<MachineFunction>;
using MachineFunctionPassManager = PassManager<MachineFunction>;
#endif
} // namespace llvm
#endif
