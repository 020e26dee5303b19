#include "blame.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Instruction.h"
#include "llvm/IR/Mangler.h"
#include <algorithm>
#include <set>

using namespace llvm;

std::vector<std::string> neededMore(const ObjectSummary &Baseline, const ObjectSummary &Candidate) {
  std::vector<std::string> Names;
  for (const std::string &Name : Candidate.Needed)
    if (!std::binary_search(Baseline.Needed.begin(), Baseline.Needed.end(), Name) && (Baseline.Linked || !mayAlwaysBeCalled(Name)))
      Names.push_back(Name);
  return Names;
}

std::string objectName(const GlobalValue &Value) {
  std::string Name;
  raw_string_ostream OS(Name);
  Mangler().getNameWithPrefix(OS, &Value, /*CannotUsePrivateLabel=*/false);
  return OS.str();
}

// Functions that refer to Value, directly or through constants; false when a variable or an alias does.
static bool addReferrers(const GlobalValue &Value, SmallPtrSetImpl<const Function *> &Found) {
  SmallVector<const User *, 16> Left(Value.users());
  SmallPtrSet<const User *, 16> Seen;
  while (!Left.empty()) {
    const User *One = Left.pop_back_val();
    if (!Seen.insert(One).second)
      continue;
    if (auto *I = dyn_cast<Instruction>(One))
      Found.insert(I->getFunction());
    else if (auto *F = dyn_cast<Function>(One)) // as its personality
      Found.insert(F);
    else if (isa<Constant>(One) && !isa<GlobalValue>(One))
      Left.append(One->user_begin(), One->user_end());
    else
      return false;
  }
  return true;
}

// Only what is emitted because others refer to it can go when they no longer do.
static bool mustGo(const Function &F, const ObjectSummary &Baseline) {
  return F.hasLinkOnceLinkage() && !std::binary_search(Baseline.Weak.begin(), Baseline.Weak.end(), objectName(F));
}

std::vector<uint64_t> referrers(const Module &M, ArrayRef<std::string> Functions, ArrayRef<std::string> Needed,
                                const ObjectSummary &Baseline) {
  if (Needed.empty()) // nearly always
    return {};
  StringMap<const GlobalValue *> Values;
  for (const GlobalValue &Value : M.global_values())
    Values[objectName(Value)] = &Value;
  SmallVector<const GlobalValue *, 16> Left;
  for (const std::string &Name : Needed) {
    auto Value = Values.find(Name);
    if (Value == Values.end() || Value->second->use_empty())
      return {};
    Left.push_back(Value->second);
  }
  SmallPtrSet<const GlobalValue *, 16> Gone;
  SmallPtrSet<const Function *, 16> Blamed;
  while (!Left.empty()) {
    SmallPtrSet<const Function *, 16> Found;
    if (!addReferrers(*Left.pop_back_val(), Found))
      return {};
    for (const Function *F : Found)
      if (!mustGo(*F, Baseline))
        Blamed.insert(F);
      else if (Gone.insert(F).second)
        Left.push_back(F);
  }
  StringMap<size_t> Places;
  for (size_t Place = 0; Place < Functions.size(); ++Place)
    Places[Functions[Place]] = Place;
  std::set<uint64_t> Found;
  for (const Function *F : Blamed) {
    auto Place = Places.find(objectName(*F));
    if (Place == Places.end())
      return {};
    Found.insert(Place->second);
  }
  return {Found.begin(), Found.end()};
}
