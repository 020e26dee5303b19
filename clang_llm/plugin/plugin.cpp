// clang-llm inside clang. At the start of the -Oz pipeline (or -Os's): find the plan for this module (cache, or helper and measurement), run it,
// and let clang go on with its mandatory passes and code generation. In any doubt: do nothing, and clang compiles as always.
#include "codegen.h"
#include "committed.h"
#include "compat.h"
#include "describe.h"
#include "emit.h"
#include "entry.h"
#include "evaluate.h"
#include "frontend.h"
#include "guard.h"
#include "generated.h"
#include "helper.h"
#include "ledger.h"
#include "linker.h"
#include "net.h"
#include "notice.h"
#include "remote.h"
#include "settings.h"
#include "tiny.h"
#include "turn.h"
#include "vocabulary.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/Signals.h"
#include <memory>
#include <unistd.h>

using namespace llvm;

namespace {

// What to do with the module in hand.
struct Decision {
  bool Apply = false;
  bool Measured = false; // here and now, so it is known to end well
  Recipe How;
  std::string Reason; // of plain -Oz: "best", or what went wrong
  Saving What;
};

json::Array numbers(ArrayRef<uint64_t> Values) {
  json::Array Found;
  for (uint64_t One : Values)
    Found.push_back(int64_t(One));
  return Found;
}

bool blamesFunctions(const Measurement &Result) {
  return (Result.Status == "interface" || Result.Status == "diagnostics") && !Result.Refused.empty();
}

// One conversation with the helper about one module.
class Search {
  Compile &C;
  const Settings &S;
  const Key &K;
  std::unique_ptr<Turn> Ours; // before the helper, which is among what there should not be too many of
  Helper Python;
  Measurement Baseline;
  bool HaveBaseline = false;
  std::vector<Recipe> Recipes;
  std::vector<Measurement> Results;
  std::string By; // who made what the helper decides on

  bool report(int64_t Id, const Measurement &Result, const Recipe &R) {
    int64_t Size = int64_t(Result.Object.Size);
    explain(S, json::Object{{"event", "result"}, {"id", Id}, {"status", Result.Status}, {"size", Size}, {"parts", numbers(Result.Object.Bytes)}, {"reason", Result.Reason}, {"pipeline", R.text()}});
    json::Object Line{{"id", Id}, {"status", Result.Status}, {"size", Size}, {"parts", numbers(Result.Object.Bytes)}};
    if (R.staged() && (Result.ok() || blamesFunctions(Result)))
      Line["functions"] = numbers(Result.FunctionSizes);
    if (!Result.Reason.empty()) {
      Line["reason"] = Result.Reason;
      appendEvent(S, "refused:" + Result.Reason);
    }
    if (blamesFunctions(Result))
      Line["refused"] = numbers(Result.Refused);
    return Python.send(std::move(Line));
  }

  bool evaluate(const json::Array &Asked) {
    if (!Ours)
      Ours = std::make_unique<Turn>(S);
    if (!HaveBaseline) {
      Baseline = measureBaseline(C);
      HaveBaseline = true;
      if (!report(-1, Baseline, Recipe()))
        return false;
    }
    std::vector<Recipe> Round(Asked.size());
    for (size_t I = 0; I < Asked.size(); ++I)
      if (!readRecipe(Asked[I], Round[I]))
        return false;
    // More than was asked for would make the result depend on the helper's mood.
    if (Recipes.size() + Round.size() > S.Budget)
      return false;
    std::vector<Measurement> Measured(Round.size());
    if (Baseline.ok())
      Measured = measureRecipes(C, Baseline, Round, S);
    for (size_t I = 0; I < Round.size(); ++I) {
      if (!report(int64_t(Recipes.size()), Measured[I], Round[I]))
        return false;
      Recipes.push_back(std::move(Round[I]));
      Results.push_back(std::move(Measured[I]));
    }
    return true;
  }

  // -Oz's object, as far as it was measured.
  Saving plain() const { return Baseline.ok() ? savingOf(Baseline.Object, Baseline.Object, By) : Saving(); }

  Decision apply(int64_t Id) const {
    bool Known = Id >= 0 && size_t(Id) < Recipes.size();
    if (!Known || !Results[Id].ok() || Results[Id].Object.Size >= Baseline.Object.Size)
      return {false, false, {}, "protocol"};
    return {true, true, Recipes[Id], "", savingOf(Baseline.Object, Results[Id].Object, By)};
  }

  Decision lookUpAgain() const {
    Entry E = lookUp(S, K.Hex);
    if (E.State != Entry::Usable || !(E.Sealed || E.OzIsBest))
      return {false, false, {}, "lookup_failed"};
    return {!E.OzIsBest, false, E.How, "best", E.What};
  }

  bool sendModule() {
    SmallVector<StringRef, 64> Words;
    StringRef(K.Options).split(Words, '\0', -1, /*KeepEmpty=*/false);
    json::Array Options;
    for (StringRef Word : Words)
      Options.push_back(json::fixUTF8(Word));
    auto Bitcode = readableBitcode(K);
    Ours.reset(); // whoever reads it takes his time, and none of this machine's
    return Python.send(json::Object{{"bytes", int64_t(Bitcode.size())}, {"options", std::move(Options)}}) &&
           Python.send(StringRef(Bitcode.data(), Bitcode.size()));
  }

  bool sendDescription(StringRef Head) {
    std::vector<std::string> Texts;
    json::Array Lengths;
    std::string All;
    if (describe(C, Head.str(), Texts))
      for (const std::string &Text : Texts) {
        Lengths.push_back(int64_t(Text.size()));
        All += Text;
      }
    return Python.send(json::Object{{"lengths", std::move(Lengths)}}) && Python.send(StringRef(All));
  }

  bool sendAnswers(const json::Object &Message) {
    Question Q;
    auto Text = [&](StringRef Name) { return Message.getString(Name) ? Message.getString(Name)->str() : std::string(); };
    Q.Head = Text("module");
    Q.Directory = Text("model");
    Q.Family = Text("family");
    auto Count = Message.getInteger("count");
    const json::Array *Columns = Message.getArray("recipes");
    if (!Columns || Columns->empty() || Columns->size() > 255 || !Count || *Count < 1)
      return false;
    for (const json::Value &Column : *Columns)
      Q.Columns.push_back(uint32_t(Column.getAsInteger() ? std::max<int64_t>(*Column.getAsInteger(), 0) : 0));
    Q.Count = std::min<size_t>(size_t(*Count), Q.Columns.size());
    std::string Places, Why;
    if (!ask(C, Q, Places, Why))
      return Python.send(json::Object{{"refused", json::fixUTF8(Why)}});
    return Python.send(json::Object{{"functions", int64_t(Places.size() / Q.Count)}, {"count", int64_t(Q.Count)}}) &&
           Python.send(StringRef(Places));
  }

public:
  Search(Compile &C, const Settings &S, const Key &K, StringRef Directory) : C(C), S(S), K(K), Ours(std::make_unique<Turn>(S)), Python(Directory, S) {}

  Decision run(StringRef Lookup) {
    Decision Found = converse(Lookup);
    if (!Found.What.Known)
      Found.What = plain();
    return Found;
  }

private:
  Decision converse(StringRef Lookup) {
    unsigned Functions = 0;
    bool Unwind = false;
    for (const Function &F : C.M) {
      Functions += !F.isDeclaration();
      Unwind |= !F.isDeclaration() && F.needsUnwindTableEntry();
    }
    bool Sent = Python.send(json::Object{{"protocol", CLANG_LLM_PROTOCOL},
                                         {"key", K.Hex},
                                         {"llvm", LLVM_VERSION_STRING},
                                         {"major", LLVM_VERSION_MAJOR},
                                         {"target", compat::tripleOf(C.M)},
                                         {"budget", int64_t(S.Budget)},
                                         {"lookup", Lookup},
                                         {"instructions", int64_t(C.M.getInstructionCount())},
                                         {"functions", int64_t(Functions)},
                                         {"unwind", Unwind},
                                         {"source", json::fixUTF8(C.Name)}});
    while (Sent) {
      json::Object Message = Python.receive();
      if (auto Error = Message.getString("error"))
        return {false, false, {}, Error->str()};
      StringRef Do = Message.getString("do") ? *Message.getString("do") : StringRef();
      By = Message.getString("by") ? Message.getString("by")->str() : "";
      if (Do == "apply")
        return apply(Message.getInteger("id") ? *Message.getInteger("id") : -1);
      if (Do == "lookup")
        return lookUpAgain();
      if (Do == "oz")
        return {false, false, {}, Message.getString("reason") ? Message.getString("reason")->str() : "helper"};
      if (Do == "module")
        Sent = sendModule();
      else if (Do == "describe" && Message.getString("module"))
        Sent = sendDescription(*Message.getString("module"));
      else if (Do == "ask")
        Sent = sendAnswers(Message);
      else if (Do == "evaluate" && Message.getArray("lists"))
        Sent = evaluate(*Message.getArray("lists"));
      else
        return {false, false, {}, "protocol"};
    }
    return {false, false, {}, "helper_died"};
  }
};

StringRef lookupWord(const Settings &S, const Entry &E) {
  if (E.State == Entry::Corrupt)
    return "corrupt";
  if (E.State == Entry::Unvetted)
    return "unvetted";
  if (E.State == Entry::Missing)
    return "miss";
  if (S.Recache && !S.Frozen)
    return "recache";
  if (!E.Sealed && !E.OzIsBest)
    return "unsealed";
  if (E.Budget < S.Budget && !S.ReadOnly && !S.Frozen)
    return "weaker";
  return E.OzIsBest ? "hit:oz" : "hit";
}

// The words of a failure are ours or the helper's; they become counters, so only short plain ones are let through.
std::string errorEvent(StringRef Reason) {
  bool Plain = !Reason.empty() && Reason.size() <= 40 && Reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == StringRef::npos;
  return ("error:" + (Plain ? Reason : StringRef("helper"))).str();
}

// Whether a plan that was not made here and now is sound for this module, and no larger.
bool endsWell(Compile &C, const Settings &S, const Recipe &R, Saving &What) {
  Measurement Baseline = measureBaseline(C);
  if (!Baseline.ok())
    return false;
  Measurement Ours = measureRecipes(C, Baseline, R, S).front();
  What = savingOf(Baseline.Object, Ours.Object, What.By);
  return Ours.ok() && Ours.Object.Size < Baseline.Object.Size;
}

Decision decide(Compile &C, const Settings &S, const Key &K, StringRef Directory) {
  Entry E = lookUp(S, K.Hex);
  std::string Committed = S.Frozen ? committedChecksum(S, K.Hex) : "";
  // Tiny: most of what a configure script compiles; not one of them is a miss that a warm cache would spare.
  StringRef Unsearched = !Committed.empty() ? "" : S.Budget == 0 ? "effort_0" : isTiny(C.M, C.Name, S) ? "tiny" : S.Frozen ? "frozen" : "";
  // Where a frozen build has committed plans, it has no others: whatever this user's cache or a team's store holds, the objects are the
  // same.
  bool OnlyCommitted = S.Frozen && !S.Plans.empty();
  Courier Team; // to the end of a search, whose plan it sends on
  if (Unsearched != "tiny" && !OnlyCommitted && Team.fetch(S, K.Hex, lookupWord(S, E), Directory))
    E = lookUp(S, K.Hex);
  StringRef Lookup = lookupWord(S, E);
  if (OnlyCommitted && (Committed.empty() || !compat::startsWith(E.Checksum, Committed)))
    Lookup = "miss";
  if (S.explaining()) { // the entry is not worth copying on every hit
    explain(S, json::Object{{"event", "key"}, {"key", K.Hex}});
    explain(S, json::Object{{"event", "lookup"}, {"result", Lookup}, {"plan", json::Value(json::Object(E.Text))}});
  }
  if (Lookup != "miss" || Unsearched != "tiny")
    appendEvent(S, Lookup);
  Decision Cached = {E.State == Entry::Usable && !E.OzIsBest, false, E.How, "best", E.What};
  if (Lookup == "hit" || Lookup == "hit:oz")
    return Cached;
  if (!Unsearched.empty()) {
    Turn Ours(S);
    if (Lookup == "unsealed" && endsWell(C, S, E.How, E.What))
      return {true, true, E.How, "", E.What};
    if (Lookup == "weaker")
      return Cached;
    appendEvent(S, ("bypass:" + Unsearched).str());
    return {false, false, {}, Unsearched.str()};
  }
  expectSearch(S, C.Name);
  Settings Asked = S;
  if (S.Frozen)
    Asked.Budget = 1; // the committed plan, where nobody whom we believe has signed it
  Decision Found = Search(C, Asked, K, Directory).run(Lookup);
  bool Failed = !Found.Apply && Found.Reason != "best";
  if (Failed)
    appendEvent(S, Found.Reason == "frozen" || Found.Reason == "captured" ? "bypass:" + Found.Reason : errorEvent(Found.Reason));
  // A plan from a smaller search is better than none when the larger search could not be made.
  return Failed && Lookup == "weaker" && E.Sealed ? Cached : Found;
}

// `explain`: leave before anything is written. LLVM's interrupt handlers remove the output file that clang has begun.
[[noreturn]] void leave() {
  sys::RunInterruptHandlers();
  _exit(0);
}

class AtPipelineStart : public PassInfoMixin<AtPipelineStart> {
  PassBuilder &PB;
  OptimizationLevel Level;
  std::shared_ptr<PipelineState> State;
  std::string Directory;
  bool Links; // we are in a linker, and the pipeline is that of its LTO

  // What was measured in this very compile fits; a plan of the cache may have been made for another module, and Book has to hear of it.
  bool apply(Compile &C, const Settings &S, const Recipe &R, const Ledger *Book) const {
    bool Measured = !Book;
    Pipelines Parsed;
    if (!inVocabulary(R) || !Parsed.parse(C, R))
      return false;
    if (!Measured)
      spreadNet(S, *Book);
    Parsed.runHead(C);
    if (!Measured && !R.Use.empty() && R.Use.size() != definitions(C.M).size())
      fallIntoNet("unfit");
    Parsed.runTail(C);
    if (!Measured && verifyModule(C.M))
      fallIntoNet("unverified");
    heedCodegen(C.M);
    State->SkipOptional = true;
    appendEvent(S, "applied");
    return true;
  }

  bool carryOut(Compile &C, const Settings &S, Decision &D, const Ledger &Book, bool FromPipe) const {
    // Source text that cannot be read again leaves no way back from a plan that does not fit, so it is tried first.
    if (!D.Measured && FromPipe) {
      if (!endsWell(C, S, D.How, D.What)) {
        appendEvent(S, "error:unfit");
        return false;
      }
      D.Measured = true;
    }
    return apply(C, S, D.How, D.Measured ? nullptr : &Book);
  }

  // `validate`: this list (or recipe, as a JSON object) or no object.
  bool applyOrDie(Compile &C, const Settings &S) const {
    json::Value Asked = StringRef(S.ApplyPipeline);
    if (S.ApplyPipeline.front() == '{') {
      Expected<json::Value> Parsed = json::parse(S.ApplyPipeline);
      if (Parsed)
        Asked = std::move(*Parsed);
      else
        consumeError(Parsed.takeError());
    }
    Recipe R;
    if (!readRecipe(Asked, R) || !apply(C, S, R, /*Book=*/nullptr)) {
      C.M.getContext().emitError("clang-llm: the pass list was refused");
      return false;
    }
    return true;
  }

  bool bypass(const Settings &S, StringRef Reason) const {
    explain(S, json::Object{{"event", "bypass"}, {"reason", Reason}});
    appendEvent(S, ("bypass:" + Reason).str());
    appendLog(S, ("bypass " + Reason).str());
    return false;
  }

  // True when the module was changed.
  bool work(Module &M, ModuleAnalysisManager &MAM, const Settings &S) const {
    TargetMachine *TM = compat::targetMachine(PB);
    if (S.Disabled)
      return bypass(S, "disabled");
    if (!Links && !(Level == OptimizationLevel::Os ? S.AtOs : S.AtOz))
      return bypass(S, Level == OptimizationLevel::Os ? "level_os" : "not_oz");
    if (S.CacheDirectory.empty() && !S.Apply && S.EmitDirectory.empty())
      return bypass(S, "no_home");
    if (!TM)
      return bypass(S, "no_target");
    BumpPtrAllocator Memory;
    StringSaver Saver(Memory);
    auto Arguments = Links ? linkArguments(Saver) : compat::frontEndArguments(*TM, Saver);
    StringRef Reason = bypassReason(Arguments, M, PB, Links);
    if (!Reason.empty())
      return bypass(S, Reason);
    Compile C = {PB, M, MAM, *TM, Level, *State, Links ? imageOf(Arguments, *TM) : Image(), Links ? outputOf(Arguments).str() : M.getSourceFileName()};
    if (S.Apply)
      return applyOrDie(C, S);
    if (!S.EmitDirectory.empty())
      return emitObjects(C, S) && false;
    Key K = canonicalKey(M, Arguments, *TM, Links);
    Decision D = decide(C, S, K, Directory);
    StringRef Do = D.Apply ? "apply" : "oz";
    explain(S, json::Object{{"event", "decision"}, {"do", Do}, {"pipeline", D.How.text()}, {"reason", D.Reason}});
    appendLog(S, (C.Name + " key " + K.Hex + " " + Do + " " + (D.Apply ? D.How.text() : D.Reason)).str());
    if (S.explaining())
      return false;
    Ledger Book(S, K.Hex, C.Name, Links ? "<lto>" : outputOf(Arguments));
    bool Done = D.Apply && carryOut(C, S, D, Book, /*FromPipe=*/Links ? readsPipe(Arguments) : is_contained(Arguments, "-"));
    Book.write(Done || !D.Apply ? D.What : Saving());
    return Done;
  }

public:
  AtPipelineStart(PassBuilder &PB, OptimizationLevel Level, std::shared_ptr<PipelineState> State, StringRef Directory, bool Links)
      : PB(PB), Level(Level), State(std::move(State)), Directory(Directory.str()), Links(Links) {}

  static bool isRequired() { return true; }

  PreservedAnalyses run(Module &M, ModuleAnalysisManager &MAM) {
    Settings S = Settings::load();
    bool Changed = work(M, MAM, S);
    if (S.explaining())
      leave();
    return Changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }
};

} // namespace

// Called by the stub, once per PassBuilder that clang makes, with the directory that holds this library.
extern "C" __attribute__((visibility("default"))) void clangLlmRegister(PassBuilder &PB, const char *Directory) {
  auto State = std::make_shared<PipelineState>();
  if (auto *Callbacks = PB.getPassInstrumentationCallbacks())
    Callbacks->registerShouldRunOptionalPassCallback([State](auto &&...) { return !State->SkipOptional; });
  else
    return; // without it clang's optional passes would run after ours
  registerCodegen(PB);
  registerGuards(PB);
  PB.registerPipelineStartEPCallback([&PB, State, Where = std::string(Directory)](ModulePassManager &MPM, OptimizationLevel Level) {
    if (!State->Busy && (Level == OptimizationLevel::Oz || Level == OptimizationLevel::Os))
      MPM.addPass(AtPipelineStart(PB, Level, State, Where, /*Links=*/false));
  });
  // The linker knows no -Oz: its functions do.
  compat::atLinkStart(PB, [&PB, State, Where = std::string(Directory)](ModulePassManager &MPM, OptimizationLevel Level) {
    if (!State->Busy && Level != OptimizationLevel::O0)
      MPM.addPass(AtPipelineStart(PB, Level, State, Where, /*Links=*/true));
  });
}
