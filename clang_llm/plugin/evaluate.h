// Measures recipes: each in a forked child that runs its passes, clang's mandatory passes and clang's own code generation,
// and sends back what it saw. What crashes, hangs or devours memory dies there.
#pragma once

#include "contract.h"
#include "object.h"
#include "pipeline.h"
#include "settings.h"

struct Measurement {
  std::string Status = "failed"; // docs/protocol.md
  ObjectSummary Object;
  std::string Reason;     // of "interface"
  std::vector<Fact> Facts;
  bool Diagnosed = false; // the back end reported a warning or an error
  double CpuSeconds = 0;
  std::vector<uint64_t> FunctionSizes; // bytes of each definition, for recipes with function pipelines
  std::vector<uint64_t> Refused;       // of "interface": places of the definitions that alone are to blame; empty when others are, too

  bool ok() const { return Status == "ok"; }
};

// Size and interface under plain -Oz.
Measurement measureBaseline(Compile &C);

// Each of Recipes, at most S.Jobs at once, in their order; checked against Baseline. Neighbours with the same head share it.
std::vector<Measurement> measureRecipes(Compile &C, const Measurement &Baseline, llvm::ArrayRef<Recipe> Recipes, const Settings &S);
