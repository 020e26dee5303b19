// Measures recipes: each in a forked child that runs its passes, clang's mandatory passes and clang's own code generation,
// and sends back what it saw. What crashes, hangs or devours memory dies there.
#pragma once

#include "contract.h"
#include "diagnostics.h"
#include "object.h"
#include "pipeline.h"
#include "settings.h"

struct Measurement {
  std::string Status = "failed"; // docs/protocol.md
  ObjectSummary Object;
  std::string Reason;     // of "interface"
  std::vector<Fact> Facts;
  std::vector<Saying> Said; // by the back end
  double CpuSeconds = 0;
  std::vector<uint64_t> FunctionSizes; // bytes of each definition, for recipes with function pipelines
  std::vector<uint64_t> Refused;       // of "interface" and "diagnostics": places of the definitions that alone are to blame; empty when others are, too

  bool ok() const { return Status == "ok"; }
};

// Size and interface under plain -Oz.
Measurement measureBaseline(Compile &C);

// Each of Recipes, in their order, as many at once as S.Jobs allows; checked against Baseline. Neighbours with the same head share it.
std::vector<Measurement> measureRecipes(Compile &C, const Measurement &Baseline, llvm::ArrayRef<Recipe> Recipes, const Settings &S);
