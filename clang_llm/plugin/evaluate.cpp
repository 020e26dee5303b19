#include "evaluate.h"
#include "blame.h"
#include "child.h"
#include "codegen.h"
#include "compat.h"
#include "credit.h"
#include "debuginfo.h"
#include "vocabulary.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Verifier.h"
#include <algorithm>
#include <set>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace llvm;

// For children, which live shortly: what they free they will want again, so none of it goes back to the system.
static void keepMemory() {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 32 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
}

static bool generateCode(Compile &C, SmallVectorImpl<char> &Code) {
  raw_svector_ostream OS(Code);
  legacy::PassManager CodeGen;
  CodeGen.add(createTargetTransformInfoWrapperPass(C.TM.getTargetIRAnalysis()));
  auto &Functions = C.MAM.getResult<FunctionAnalysisManagerModuleProxy>(C.M).getManager();
  for (Function &F : C.M)
    if (!F.isDeclaration()) {
      CodeGen.add(new TargetLibraryInfoWrapperPass(compat::libraryTable(Functions.getResult<TargetLibraryAnalysis>(F))));
      break;
    }
  C.TM.Options.StackUsageOutput.clear(); // -fstack-usage: that file is the parent's to write
  if (C.TM.addPassesToEmitFile(CodeGen, OS, nullptr, compat::ObjectFile, /*DisableVerify=*/true))
    return false;
  CodeGen.run(C.M);
  return true;
}

// Size and parts, sizes of functions, places of functions, three lists of names, one of facts and one of what the back end said (in
// pairs), NUL-terminated; an empty text ends a list.
static void sendSummary(int Pipe, const ObjectSummary &Object, ArrayRef<Saying> Said, ArrayRef<uint64_t> FunctionSizes,
                        ArrayRef<uint64_t> Refused, const std::vector<Fact> &Facts) {
  std::string Text = std::to_string(Object.Size) + '\0';
  for (uint64_t Number : Object.Bytes)
    Text += std::to_string(Number) + '\0';
  for (auto Numbers : {FunctionSizes, Refused}) {
    for (uint64_t Number : Numbers)
      Text += std::to_string(Number) + '\0';
    Text += '\0';
  }
  for (auto *Names : {&Object.Defined, &Object.Weak, &Object.Needed}) {
    for (const std::string &Name : *Names)
      if (!Name.empty())
        Text += Name + '\0';
    Text += '\0';
  }
  for (const Fact &One : Facts)
    Text += One.text() + '\0';
  Text += '\0';
  for (const Saying &One : Said) // no text is empty then
    Text += ":" + One.Text + '\0' + One.Function + '\0';
  Text += '\0';
  sendAll(Pipe, Text);
}

namespace {
// A staged recipe's functions (names as the object spells them), and what it is compared with.
struct Staged {
  ArrayRef<std::string> Names;
  const Measurement &Baseline;
};
} // namespace

// Functions that alone are to blame for what the object needs and what the back end said; empty when others are, too.
static std::vector<uint64_t> blame(const Module &M, const Staged &Functions, const ObjectSummary &Object, ArrayRef<Saying> Said) {
  auto Needed = neededMore(Functions.Baseline.Object, Object);
  std::vector<uint64_t> Places = referrers(M, Functions.Names, Needed, Functions.Baseline.Object);
  if (saysTheSame(Functions.Baseline.Said, Said) || (Places.empty() && !Needed.empty()))
    return Places;
  std::vector<uint64_t> Heard = placesOfDifference(Functions.Baseline.Said, Said, Functions.Names);
  if (Heard.empty())
    return {};
  std::set<uint64_t> Both(Places.begin(), Places.end());
  Both.insert(Heard.begin(), Heard.end());
  return {Both.begin(), Both.end()};
}

static bool write(const std::string &Path, ArrayRef<char> Code) {
  std::error_code Failed;
  raw_fd_ostream OS(Path, Failed);
  OS.write(Code.data(), Code.size());
  OS.close();
  return !Failed && !OS.has_error();
}

// Codegen, and what came of it, to Pipe; for `emit` the object to Output.
[[noreturn]] static void reportObject(Compile &C, const Promises &Promised, bool IsBaseline, const Staged *Functions,
                                      const std::vector<Saying> &Said, int Pipe, const std::string &Output = "") {
  bool BrokenDebugInfo = false;
  if (verifyModule(C.M, nullptr, &BrokenDebugInfo) || BrokenDebugInfo)
    _exit(ExitUnverified);
  std::vector<Fact> Facts = factsOf(C.M);
  std::vector<Fact> Alignments = IsBaseline ? Promised.Alignments : alignmentsOf(C.M);
  Facts.insert(Facts.end(), Alignments.begin(), Alignments.end());
  std::unique_ptr<References> Known = Promised.HasLibraryFunctions ? std::make_unique<References>(C.M) : nullptr;
  heedCodegen(C.M);
  if (Output.empty())
    leaveOutDebugInfo(C.M, C.TM);
  SmallVector<char, 0> Code;
  ObjectSummary Object;
  if (!generateCode(C, Code) || !summarise(StringRef(Code.data(), Code.size()), C.Into, Object))
    _exit(ExitFailed);
  if (!Output.empty() && !write(Output, Code))
    _exit(ExitFailed);
  for (const std::string &Name : Promised.Weak) // names are compared as the object spells them, so only ELF's are looked up
    if (C.TM.getTargetTriple().isOSBinFormatELF() && !std::binary_search(Object.Weak.begin(), Object.Weak.end(), Name))
      Object.Defined.push_back("lost " + Name);
  std::vector<uint64_t> Sizes, Refused;
  if (Functions) {
    Sizes = functionSizes(StringRef(Code.data(), Code.size()), Functions->Names);
    Refused = blame(C.M, *Functions, Object, Said);
  }
  for (Fact &One : factsOf(StringRef(Code.data(), Code.size()), Promised, Known.get()))
    Facts.push_back(std::move(One));
  if (Known)
    for (Fact &One : Known->recursions())
      Facts.push_back(std::move(One));
  sendSummary(Pipe, Object, Said, Sizes, Refused, Facts);
  _exit(ExitOk);
}

static bool receiveSummary(StringRef Answer, Measurement &Out) {
  auto Next = [&] {
    auto Parts = Answer.split('\0');
    Answer = Parts.second;
    return Parts.first;
  };
  if (Next().getAsInteger(10, Out.Object.Size))
    return false;
  for (uint64_t &Number : Out.Object.Bytes)
    if (Next().getAsInteger(10, Number))
      return false;
  for (auto *Numbers : {&Out.FunctionSizes, &Out.Refused})
    for (StringRef Number = Next(); !Number.empty(); Number = Next()) {
      Numbers->push_back(0);
      if (Number.getAsInteger(10, Numbers->back()))
        return false;
    }
  for (auto *Names : {&Out.Object.Defined, &Out.Object.Weak, &Out.Object.Needed})
    for (StringRef Name = Next(); !Name.empty(); Name = Next())
      Names->push_back(Name.str());
  for (StringRef Text = Next(); !Text.empty(); Text = Next()) {
    Out.Facts.emplace_back();
    if (!Out.Facts.back().read(Text))
      return false;
  }
  for (StringRef Text = Next(); !Text.empty(); Text = Next())
    Out.Said.push_back({Next().str(), Text.drop_front().str()});
  return true;
}

static Measurement finish(Child &One) {
  Measurement Result;
  Ended End = reap(One);
  Result.Status = End.Status;
  Result.CpuSeconds = End.CpuSeconds;
  if (Result.ok() && !receiveSummary(One.Answer, Result))
    Result.Status = "failed";
  return Result;
}

Measurement measureBaseline(Compile &C) {
  Limits L = limitsFor(/*CpuSeconds=*/1200); // clang itself would have no limit at all
  Child Only = runOne(L.Seconds, [&](int Pipe) {
    isolate(L);
    std::vector<Saying> Said;
    C.M.getContext().setDiagnosticHandler(std::make_unique<Listener>(Said));
    keepMemory();
    Promises Promised = promisesOf(C.M);
    runDefault(C, /*OnlyMandatory=*/false);
    reportObject(C, Promised, /*IsBaseline=*/true, /*Functions=*/nullptr, Said, Pipe);
  });
  Measurement Result = finish(Only);
  Result.Object.Linked = C.Into.Linked;
  return Result;
}

static Measurement judge(const Measurement &Baseline, Measurement Candidate) {
  bool SameDefinitions = Baseline.Object.Defined == Candidate.Object.Defined;
  if (!SameDefinitions)
    Candidate.Refused.clear();
  if (Candidate.ok() && !saysTheSame(Baseline.Said, Candidate.Said))
    Candidate.Status = "diagnostics";
  else if (Candidate.ok() && (!SameDefinitions || !neededMore(Baseline.Object, Candidate.Object).empty()))
    Candidate.Status = "interface";
  if (Candidate.ok()) {
    Candidate.Reason = broken(Baseline.Facts, Candidate.Facts);
    if (!Candidate.Reason.empty())
      Candidate.Status = "interface";
  } else if (Candidate.Status == "interface") {
    Candidate.Reason = SameDefinitions ? "needs" : "defines";
  }
  if (!Candidate.Reason.empty() && Candidate.Reason != "needs")
    Candidate.Refused.clear(); // no function is to blame
  return Candidate;
}

// Whether one more child at once would be worth the looking around for a processor.
static bool isLong(const Measurement &Baseline) { return Baseline.CpuSeconds >= 0.2; }

namespace {
// Recipes with one head, measured in a child that runs the head once and forks a child of its own for every tail.
class Group {
  Compile &C;
  const Measurement &Baseline;
  ArrayRef<Recipe> Recipes;
  Limits L;
  unsigned Jobs, Groups; // 0 jobs: find out

  [[noreturn]] void runTail(Pipelines &Parsed, const Recipe &R, const Promises &Promised, const std::vector<Saying> &Said, bool Rest, int Pipe) {
    std::vector<std::string> Names;
    if (R.staged()) {
      for (const Function *F : definitions(C.M))
        Names.push_back(objectName(*F));
      // `emit` deals pipelines out without knowing what the head leaves, as a wrong entry would.
      if (!R.Use.empty() && R.Use.size() != Names.size() && R.Output.empty())
        _exit(ExitInvalid);
    }
    Parsed.runTail(C);
    if (Rest) // in other modules it finds nothing to do, at a twelfth of the price of a candidate
      runDefault(C, /*OnlyMandatory=*/true);
    Staged Functions{Names, Baseline};
    reportObject(C, Promised, /*IsBaseline=*/false, R.staged() ? &Functions : nullptr, Said, Pipe, R.Output);
  }

  // Place, status and answer of one tail.
  static void forward(int Pipe, size_t Place, Child &One) {
    std::string Answer = std::move(One.Answer);
    sendAll(Pipe, std::to_string(Place) + '\0' + reap(One).Status + '\0' + std::to_string(Answer.size()) + '\0' + Answer);
  }

public:
  Group(Compile &C, const Measurement &Baseline, ArrayRef<Recipe> Recipes, const Limits &L, unsigned Jobs, unsigned Groups)
      : C(C), Baseline(Baseline), Recipes(Recipes), L(L), Jobs(Jobs), Groups(Groups) {}

  // For the child: none when it has children of its own, which it looks after.
  unsigned seconds() const { return Recipes.size() == 1 ? L.Seconds : 0; }

  [[noreturn]] void run(int Pipe) {
    isolate(L);
    std::vector<Saying> Said;
    C.M.getContext().setDiagnosticHandler(std::make_unique<Listener>(Said));
    keepMemory();
    Promises Promised = promisesOf(C.M);
    bool Rest = hasCoroutines(C.M);
    std::vector<Pipelines> Parsed(Recipes.size());
    std::vector<bool> Valid;
    for (size_t I = 0; I < Recipes.size(); ++I)
      Valid.push_back(Parsed[I].parse(C, Recipes[I]));
    auto First = find(Valid, true);
    if (First == Valid.end())
      _exit(ExitInvalid);
    Parsed[size_t(First - Valid.begin())].runHead(C);
    if (Recipes.size() == 1)
      runTail(Parsed[0], Recipes[0], Promised, Said, Rest, Pipe);
    auto Fork = [&](size_t I) {
      return start(L.Seconds, [&](int Own) {
        isolate(L);
        if (!Valid[I])
          _exit(ExitInvalid);
        runTail(Parsed[I], Recipes[I], Promised, Said, Rest, Own);
      });
    };
    {
      Slots Free(Jobs, isLong(Baseline), Groups);
      runAll(Recipes.size(), Free, Fork, [&](size_t I, Child &One) { forward(Pipe, I, One); });
    }
    _exit(ExitOk);
  }

  void take(Child &One, MutableArrayRef<Measurement> Results) {
    if (Recipes.size() == 1) {
      Results[0] = finish(One);
      return;
    }
    std::string Text = std::move(One.Answer);
    std::string Whole = reap(One).Status;
    for (Measurement &Result : Results) // what the shared head did to all of them
      Result.Status = Whole == "ok" ? "failed" : Whole;
    StringRef Rest = Text;
    while (!Rest.empty()) {
      StringRef Place, Status, Length;
      std::tie(Place, Rest) = Rest.split('\0');
      std::tie(Status, Rest) = Rest.split('\0');
      std::tie(Length, Rest) = Rest.split('\0');
      size_t I, Size;
      if (Place.getAsInteger(10, I) || Length.getAsInteger(10, Size) || I >= Results.size() || Size > Rest.size())
        return;
      Results[I].Status = Status.str();
      if (Results[I].ok() && !receiveSummary(Rest.take_front(Size), Results[I]))
        Results[I].Status = "failed";
      Rest = Rest.drop_front(Size);
    }
  }
};
} // namespace

// Ranges of neighbours with the same head.
static std::vector<std::pair<size_t, size_t>> groups(ArrayRef<Recipe> Recipes) {
  std::vector<std::pair<size_t, size_t>> Found;
  for (size_t I = 0; I < Recipes.size(); ++I)
    if (I > 0 && Recipes[I].staged() && Recipes[I - 1].staged() && Recipes[I].Module == Recipes[I - 1].Module)
      ++Found.back().second;
    else
      Found.push_back({I, I + 1});
  return Found;
}

std::vector<Measurement> measureRecipes(Compile &C, const Measurement &Baseline, ArrayRef<Recipe> Recipes, const Settings &S) {
  std::vector<Measurement> Results(Recipes.size());
  // Lists that pay take about as long as -Oz.
  Limits L = limitsFor(S.ChildSeconds ? S.ChildSeconds : unsigned(10 + 20 * Baseline.CpuSeconds));
  std::vector<Recipe> Allowed;
  std::vector<size_t> Places;
  for (size_t I = 0; I < Recipes.size(); ++I)
    if (inVocabulary(Recipes[I])) {
      Allowed.push_back(Recipes[I]);
      Places.push_back(I);
    } else {
      Results[I].Status = "invalid";
    }
  auto Ranges = groups(Allowed);
  std::vector<Measurement> Measured(Allowed.size());
  std::vector<Group> Groups;
  for (auto &Range : Ranges) {
    auto Members = ArrayRef<Recipe>(Allowed).slice(Range.first, Range.second - Range.first);
    unsigned Jobs = S.Jobs == 0 ? 0 : std::max<unsigned>(1, S.Jobs / Ranges.size());
    Groups.emplace_back(C, Baseline, Members, L, Jobs, unsigned(Ranges.size()));
  }
  auto Fork = [&](size_t I) { return start(Groups[I].seconds(), [&](int Pipe) { Groups[I].run(Pipe); }); };
  auto Take = [&](size_t I, Child &One) {
    Groups[I].take(One, MutableArrayRef<Measurement>(Measured).slice(Ranges[I].first, Ranges[I].second - Ranges[I].first));
  };
  Slots Free(S.Jobs, isLong(Baseline));
  runAll(Groups.size(), Free, Fork, Take);
  for (size_t I = 0; I < Allowed.size(); ++I)
    Results[Places[I]] = judge(Baseline, std::move(Measured[I]));
  return Results;
}
