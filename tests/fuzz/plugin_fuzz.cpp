// libFuzzer targets in the plugin: how it reads plan entries, recipes, what the helper says and a model's files. One program; its name
// says which target it is (fuzz-entry, fuzz-recipe, fuzz-protocol, fuzz-model). With -DREPLAY it runs files instead: see replay() below.
// Built by tests/fuzz/harness.py from the plugin's own sources, but for evaluate.cpp and describe.cpp, which fork children.
#include "sources.inc"
#include "model/files.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

static const char KeyText[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

[[noreturn]] static void broken(const char *Promise) {
  fprintf(stderr, "broken promise: %s\n", Promise);
  abort();
}

// Where the plugin's own searches would fork: an answer that follows from the recipe alone, and refuses what the plugin refuses.
Measurement measureBaseline(Compile &) {
  Measurement Result;
  Result.Status = "ok";
  Result.Object.Size = 1000;
  return Result;
}

std::vector<Measurement> measureRecipes(Compile &C, const Measurement &, ArrayRef<Recipe> Recipes, const Settings &) {
  static const char *const Ends[] = {"ok", "ok", "ok", "interface", "crashed", "timeout", "unverified"};
  std::vector<Measurement> Results;
  for (const Recipe &R : Recipes) {
    Measurement Result;
    Pipelines Parsed;
    size_t Size = R.text().size();
    bool Fits = inVocabulary(R) && Parsed.parse(C, R);
    Result.Status = Fits ? Ends[Size % 7] : "invalid";
    Result.Object.Size = 990 + Size % 20;
    Result.FunctionSizes.assign(R.Functions.size(), Size);
    if (Size % 2)
      Result.Refused.assign(1, Size);
    Results.push_back(std::move(Result));
  }
  return Results;
}

bool describe(Compile &, const std::string &Head, std::vector<std::string> &Texts) {
  Texts.push_back(Head);
  return inVocabulary(StringRef(Head));
}

bool ask(Compile &, const Question &Q, std::string &Places, std::string &Why) {
  Why = "nothing is computed here";
  for (uint32_t Column : Q.Columns)
    if (Column < Q.Count)
      Places.push_back(char(Column));
  return Places.size() == Q.Count;
}

namespace {
// What a compile has, made once.
struct Workplace {
  LLVMContext Context;
  Module M{"fuzzed.c", Context};
  std::unique_ptr<TargetMachine> TM;
  std::unique_ptr<PassBuilder> PB;
  LoopAnalysisManager LAM;
  FunctionAnalysisManager FAM;
  CGSCCAnalysisManager CGAM;
  ModuleAnalysisManager MAM;
  PipelineState State;
  Settings S;
  Key K;

  Workplace() {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    std::string Error, Triple = "x86_64-pc-linux-gnu";
    const Target *Found = TargetRegistry::lookupTarget(Triple, Error);
    if (!Found)
      broken("this LLVM has the target that the fuzzers compile for");
    TM.reset(Found->createTargetMachine(Triple, "", "", TargetOptions(), std::nullopt));
    M.setTargetTriple(Triple);
    PB = std::make_unique<PassBuilder>(TM.get());
    PB->registerModuleAnalyses(MAM);
    PB->registerCGSCCAnalyses(CGAM);
    PB->registerFunctionAnalyses(FAM);
    PB->registerLoopAnalyses(LAM);
    PB->crossRegisterProxies(LAM, FAM, CGAM, MAM);
    registerCodegen(*PB);
    registerGuards(*PB);
    const char *Directory = getenv("FUZZ_CACHE_DIR");
    S.CacheDirectory = Directory ? Directory : "/nonexistent";
    S.Budget = 40;
    S.HelperSeconds = 5;
    S.ReadOnly = true;
    K = canonicalKey(M, {}, *TM, /*Links=*/false);
    K.Hex = KeyText;
  }
  Compile compile() { return {*PB, M, MAM, *TM, OptimizationLevel::Oz, State}; }
};
} // namespace

static Workplace &workplace() {
  static Workplace *Only = new Workplace; // lives as long as the process
  return *Only;
}

// What the plugin runs at once, without a measurement: what it would call a hit.
static bool runsAtOnce(const Entry &E) { return lookupWord(workplace().S, E) == "hit"; }

static void checkEntry(const Entry &E) {
  const Settings &S = workplace().S;
  if (E.State != Entry::Usable && runsAtOnce(E))
    broken("only a whole entry is a hit");
  auto Sum = [](const Parts &Bytes) { return Bytes[Code] + Bytes[ReadOnly] + Bytes[Writable] + Bytes[Unwind]; };
  if (E.State == Entry::Usable && E.What.Divided && (Sum(E.What.OzBytes) != E.What.Oz || Sum(E.What.OurBytes) != E.What.Ours))
    broken("the parts of a whole entry add up");
  if (E.State != Entry::Usable || E.OzIsBest)
    return;
  if (!inVocabulary(E.How))
    broken("a whole entry is made of the vocabulary's passes");
  if (!E.Sealed && !isVetted(S, E.How))
    broken("a plan that may be run was measured here, or is made of vetted pieces");
  if (runsAtOnce(E) && !E.Sealed)
    broken("a plan that is run at once was measured here");
  for (unsigned Place : E.How.Use)
    if (Place >= E.How.Functions.size())
      broken("every function has a pipeline");
}

// A leading line feed stands for a header with the right checksum.
static void fuzzEntry(StringRef Data) {
  std::string Whole;
  if (Data.consume_front("\n")) {
    auto Bytes = ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Data.data()), Data.size());
    Whole = "clang-llm-plan " + std::to_string(CLANG_LLM_FORMAT) + " " + toHex(SHA256::hash(Bytes), true) + "\n";
  }
  Whole += Data;
  checkEntry(decode(workplace().S, Whole, KeyText));
}

// JSON, or the text of a pass list.
static void fuzzRecipe(StringRef Data) {
  Recipe R;
  json::Value Value = nullptr;
  if (!Data.empty() && (Data.front() == '{' || Data.front() == '[') && isShallow(Data)) {
    Expected<json::Value> Parsed = json::parse(Data);
    if (Parsed)
      Value = std::move(*Parsed);
    else
      consumeError(Parsed.takeError());
  } else {
    Value = json::Value(json::fixUTF8(Data));
  }
  if (!readRecipe(Value, R) || !inVocabulary(R))
    return;
  Pipelines Parsed;
  Compile C = workplace().compile();
  Parsed.parse(C, R);
  isVetted(workplace().S, R);
}

// What the helper says in one conversation.
static void fuzzProtocol(StringRef Data) {
  Workplace &W = workplace();
  int Ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, Ends) != 0)
    broken("there are sockets");
  std::thread Python([&] {
    for (StringRef Left = Data; !Left.empty();) {
      ssize_t Sent = send(Ends[1], Left.data(), Left.size(), MSG_NOSIGNAL);
      if (Sent <= 0)
        break;
      Left = Left.drop_front(size_t(Sent));
    }
    shutdown(Ends[1], SHUT_WR);
    char Buffer[65536];
    while (recv(Ends[1], Buffer, sizeof Buffer, 0) > 0)
      ;
    close(Ends[1]);
  });
  Compile C = W.compile();
  Settings S = W.S;
  S.HelperDescriptor = Ends[0];
  {
    Decision D = Search(C, S, W.K, "").run("miss");
    if (D.Apply && !inVocabulary(D.How))
      broken("what is applied is in the vocabulary");
    if (errorEvent(D.Reason).size() > 46)
      broken("reasons are short");
  }
  Python.join();
}

// The first byte says which file of the model in the cache directory the rest replaces (tests/fuzz/tiny_model.py).
static void fuzzModel(StringRef Data) {
  static const char *const Names[] = {"config.json", "tokenizer.json", "model.safetensors", "profiles.safetensors"};
  static const std::vector<std::string> Texts = {"local p\nload.i32 a;\nret. v;\n", "add.i32 a1;\nret. v;\n", "", std::string(500, 'a')};
  if (Data.empty() || Data.front() < '0' || Data.front() > '3')
    return;
  const std::string Base = workplace().S.CacheDirectory, Place = Base + "/changed-" + std::to_string(getpid());
  mkdir(Place.c_str(), 0700);
  for (const char *Name : Names) {
    std::string Path = Place + "/" + Name, Whole = Base + "/model/" + Name;
    unlink(Path.c_str());
    if (Name != Names[Data.front() - '0'])
      (void)!symlink(Whole.c_str(), Path.c_str());
    else
      std::ofstream(Path, std::ios::binary).write(Data.data() + 1, std::streamsize(Data.size() - 1));
  }
  model::Files Kept;
  model::Model M;
  std::string Why;
  if (!model::readModel(Place, Kept, M, Why)) {
    if (Why.empty())
      broken("a refusal has a reason");
    return;
  }
  std::vector<uint32_t> Columns;
  for (uint32_t Column = 0; Column < std::min<size_t>(M.P.Recipes, 255); ++Column)
    Columns.push_back(Column);
  size_t Count = std::min<size_t>(Columns.size(), 3);
  auto Found = model::answers(M, Texts, "x86", Columns, Count, Why);
  if (Found.empty() == Why.empty())
    broken("there are answers, or a reason");
  if (!Found.empty() && Found.size() != Texts.size())
    broken("every function has an answer");
  for (auto &Places : Found) {
    if (Places.size() != Count)
      broken("an answer has as many places as were asked for");
    for (uint8_t Each : Places)
      if (Each >= Columns.size())
        broken("an answer names recipes of the menu");
  }
#ifdef REPLAY
  printf("%zu answers\n", Found.size());
#endif
}

using FuzzTarget = void (*)(StringRef);

static FuzzTarget targetOf(StringRef Name) {
  if (Name == "entry")
    return fuzzEntry;
  if (Name == "recipe")
    return fuzzRecipe;
  if (Name == "model")
    return fuzzModel;
  return Name == "protocol" ? fuzzProtocol : nullptr;
}

#ifndef REPLAY
static FuzzTarget Chosen;

extern "C" int LLVMFuzzerInitialize(int *, char ***Words) {
  Chosen = targetOf(StringRef((*Words)[0]).rsplit("fuzz-").second);
  if (!Chosen)
    broken("the program is called fuzz-entry, fuzz-recipe, fuzz-protocol or fuzz-model");
  workplace();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  Chosen(StringRef(reinterpret_cast<const char *>(Data), Size));
  return 0;
}
#else
static std::string contents(const char *Path) {
  std::ifstream File(Path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(File), std::istreambuf_iterator<char>());
}

// An entry in the place where the plugin looks for it, and what comes of it: a word and whether it is run at once.
static void readEntry(StringRef Data) {
  const Settings &S = workplace().S;
  std::string Path = S.CacheDirectory + "/plans/00/" + StringRef(KeyText).drop_front(2).str();
  std::ofstream(Path, std::ios::binary | std::ios::trunc).write(Data.data(), std::streamsize(Data.size()));
  Entry E = lookUp(S, KeyText);
  checkEntry(E);
  static const char *const Words[] = {"missing", "corrupt", "unvetted", "usable"};
  printf("%s %s %s", Words[E.State], E.OzIsBest ? "oz" : "plan", runsAtOnce(E) ? "at-once" : "no");
}

// replay TARGET FILE...: runs each file. replay entries FILE...: each file holds records, a length in decimal digits, a line feed
// and so many bytes; a line is printed for each record, with the milliseconds that it took.
int main(int Count, char **Words) {
  StringRef Name = Count > 1 ? Words[1] : "";
  FuzzTarget Target = targetOf(Name);
  if (!Target && Name != "entries")
    broken("replay knows the target");
  workplace();
  for (int I = 2; I < Count; ++I) {
    std::string Whole = contents(Words[I]);
    StringRef Left = Whole;
    if (Target)
      Target(Left);
    while (!Target && !Left.empty()) {
      auto LengthAndRest = Left.split('\n');
      size_t Length = 0;
      if (LengthAndRest.first.getAsInteger(10, Length) || Length > LengthAndRest.second.size())
        broken("records are whole");
      auto Begin = std::chrono::steady_clock::now();
      readEntry(LengthAndRest.second.take_front(Length));
      auto Took = std::chrono::steady_clock::now() - Begin;
      printf(" %ld\n", long(std::chrono::duration_cast<std::chrono::milliseconds>(Took).count()));
      Left = LengthAndRest.second.drop_front(Length);
    }
  }
  return 0;
}
#endif
