#include "evaluate.h"
#include "child.h"
#include "compat.h"
#include "vocabulary.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
using Clock = std::chrono::steady_clock;

namespace {
enum ExitCode { ExitOk = 0, ExitInvalid = 64, ExitUnverified, ExitMemory, ExitFatal, ExitFailed };

struct Limits {
  unsigned CpuSeconds;
  unsigned WallSeconds;
  uint64_t AddressSpace; // bytes
};

struct Child {
  pid_t Process = -1;
  int Pipe = -1;
  std::string Answer;
  Clock::time_point Deadline;
  bool Overdue = false;
};

// Notes whether the back end says anything; what it says reaches nobody.
struct Listener : DiagnosticHandler {
  bool &Diagnosed;
  explicit Listener(bool &Diagnosed) : Diagnosed(Diagnosed) {}
  bool handleDiagnostics(const DiagnosticInfo &Info) override {
    Diagnosed |= Info.getSeverity() == DS_Error || Info.getSeverity() == DS_Warning;
    return true;
  }
};
} // namespace

static bool hasCoroutines(const Module &M) {
  return any_of(M, [](const Function &F) { return compat::startsWith(F.getName(), "llvm.coro."); });
}

// -finstrument-functions and -pg: clang's own pipeline inserts the calls.
static bool isInstrumented(const Module &M) {
  return any_of(M, [](const Function &F) {
    return F.hasFnAttribute("instrument-function-entry") || F.hasFnAttribute("instrument-function-entry-inlined");
  });
}

// What no list may leave undone. The -O0 pipeline is LLVM's own statement of what is mandatory; coroutines are split the way it
// does it, before the list, so that lists only ever see ordinary functions. Without coroutines its one effect is always-inline,
// which is better run with lifetime markers.
static void runMandatory(Compile &C) {
  ModulePassManager Passes;
  if (hasCoroutines(C.M)) {
    C.State.SkipOptional = true;
    C.PB.buildO0DefaultPipeline(OptimizationLevel::O0).run(C.M, C.MAM);
    C.State.SkipOptional = false;
  } else if (Error E = C.PB.parsePassPipeline(Passes, "always-inline")) {
    consumeError(std::move(E));
  } else {
    Passes.run(C.M, C.MAM);
  }
}

bool runList(Compile &C, StringRef Pipeline) {
  ModulePassManager List;
  C.State.Busy = true; // default<Oz> in a list would otherwise call us again, without end
  bool Parsed = true;
  if (Error E = C.PB.parsePassPipeline(List, Pipeline)) {
    consumeError(std::move(E));
    Parsed = false;
  } else {
    runMandatory(C);
    List.run(C.M, C.MAM);
  }
  C.State.Busy = false;
  return Parsed;
}

// clang's own -Oz pipeline; after a list ran, only the passes of it that may not be left out.
static void runDefault(Compile &C, bool OnlyMandatory) {
  C.State.Busy = true;
  C.State.SkipOptional = OnlyMandatory;
  C.PB.buildPerModuleDefaultPipeline(C.Level).run(C.M, C.MAM);
}

// Neither may clang's handlers of fatal errors act in the child, nor may it print, nor take more than its share.
static void isolate(const Limits &L) {
  detachFromClang();
  sigset_t None;
  sigemptyset(&None);
  sigprocmask(SIG_SETMASK, &None, nullptr);
  remove_fatal_error_handler();
  install_fatal_error_handler([](void *, const char *, bool) { _exit(ExitFatal); });
  remove_bad_alloc_error_handler();
  install_bad_alloc_error_handler([](void *, const char *, bool) { _exit(ExitMemory); });
  std::set_new_handler([] { _exit(ExitMemory); });
  int Null = open("/dev/null", O_RDWR);
  for (int Standard = 0; Standard <= 2; ++Standard)
    dup2(Null, Standard);
  rlimit NoCore = {0, 0};
  setrlimit(RLIMIT_CORE, &NoCore);
  rlimit Cpu = {L.CpuSeconds, L.CpuSeconds};
  setrlimit(RLIMIT_CPU, &Cpu);
  rlimit Memory = {L.AddressSpace, L.AddressSpace};
  setrlimit(RLIMIT_AS, &Memory);
  alarm(L.WallSeconds);
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

// Weak definitions that a linker may have to find here (weak_odr, weak), unlike inline functions, which everyone brings along.
static std::vector<std::string> indispensable(const Module &M) {
  std::vector<std::string> Names;
  for (const GlobalValue &G : M.global_values())
    if (!G.isDeclarationForLinker() && G.isWeakForLinker() && !G.isDiscardableIfUnused())
      Names.push_back(G.getName().str());
  return Names;
}

static void sendAll(int Pipe, StringRef Data) {
  while (!Data.empty()) {
    ssize_t Written = write(Pipe, Data.data(), Data.size());
    if (Written <= 0)
      _exit(ExitFailed);
    Data = Data.drop_front(Written);
  }
}

// Size, a flag and three lists of names, NUL-terminated; an empty name ends a list.
static void sendSummary(int Pipe, const ObjectSummary &Object, bool Diagnosed) {
  std::string Text = std::to_string(Object.Size) + '\0' + (Diagnosed ? "1" : "0") + '\0';
  for (auto *Names : {&Object.Defined, &Object.Weak, &Object.Needed}) {
    for (const std::string &Name : *Names)
      if (!Name.empty())
        Text += Name + '\0';
    Text += '\0';
  }
  sendAll(Pipe, Text);
}

[[noreturn]] static void childMain(Compile &C, StringRef Pipeline, bool IsBaseline, int Pipe, const Limits &L) {
  isolate(L);
  bool Diagnosed = false;
  C.M.getContext().setDiagnosticHandler(std::make_unique<Listener>(Diagnosed));
  std::vector<std::string> Promised = indispensable(C.M);
  // In other modules the mandatory rest of the pipeline finds nothing to do, at a twelfth of the price of a candidate.
  bool NeedsRest = IsBaseline || hasCoroutines(C.M) || isInstrumented(C.M);
  if (!IsBaseline && !runList(C, Pipeline))
    _exit(ExitInvalid);
  if (NeedsRest)
    runDefault(C, /*OnlyMandatory=*/!IsBaseline);
  bool BrokenDebugInfo = false;
  if (verifyModule(C.M, nullptr, &BrokenDebugInfo) || BrokenDebugInfo)
    _exit(ExitUnverified);
  SmallVector<char, 0> Code;
  ObjectSummary Object;
  if (!generateCode(C, Code) || !summarise(StringRef(Code.data(), Code.size()), Object))
    _exit(ExitFailed);
  for (const std::string &Name : Promised) // names are compared as the object spells them, so only ELF's are looked up
    if (C.TM.getTargetTriple().isOSBinFormatELF() && !std::binary_search(Object.Weak.begin(), Object.Weak.end(), Name))
      Object.Defined.push_back("lost " + Name);
  sendSummary(Pipe, Object, Diagnosed);
  _exit(ExitOk);
}

static Child start(Compile &C, StringRef Pipeline, bool IsBaseline, const Limits &L) {
  Child Started;
  int Ends[2];
  if (pipe(Ends) != 0)
    return Started;
  // Above the standard descriptors, which may be closed here and are replaced in the child.
  int Read = fcntl(Ends[0], F_DUPFD_CLOEXEC, 10), Write = fcntl(Ends[1], F_DUPFD_CLOEXEC, 10);
  close(Ends[0]);
  close(Ends[1]);
  Started.Deadline = Clock::now() + std::chrono::seconds(L.WallSeconds + 5); // the child's own alarm comes first
  Started.Process = Read >= 0 && Write >= 0 ? fork() : -1;
  if (Started.Process == 0)
    childMain(C, Pipeline, IsBaseline, Write, L);
  close(Write);
  Started.Pipe = Read;
  return Started;
}

// Waits until one of Children can be read, then reads it; true when that child has closed its end.
static Child *readSome(MutableArrayRef<Child> Children) {
  SmallVector<pollfd, 8> Polls;
  SmallVector<Child *, 8> Open;
  for (Child &One : Children)
    if (One.Pipe >= 0) {
      Polls.push_back({One.Pipe, POLLIN, 0});
      Open.push_back(&One);
    }
  poll(Polls.data(), Polls.size(), /*milliseconds=*/1000);
  for (size_t I = 0; I < Open.size(); ++I) {
    Child &One = *Open[I];
    if (Clock::now() > One.Deadline) {
      One.Overdue = true;
      kill(One.Process, SIGKILL);
      return &One;
    }
    if (Polls[I].revents) {
      char Buffer[16384];
      ssize_t Length = read(One.Pipe, Buffer, sizeof Buffer);
      if (Length > 0)
        One.Answer.append(Buffer, Length);
      else if (Length == 0 || errno != EINTR)
        return &One;
    }
  }
  return nullptr;
}

static std::string statusOf(const Child &Ended, int Status) {
  if (Ended.Overdue)
    return "timeout";
  if (WIFSIGNALED(Status)) {
    int Signal = WTERMSIG(Status);
    return Signal == SIGALRM || Signal == SIGXCPU || Signal == SIGKILL ? "timeout" : "crashed";
  }
  switch (WEXITSTATUS(Status)) {
  case ExitOk:
    return "ok";
  case ExitInvalid:
    return "invalid";
  case ExitUnverified:
    return "unverified";
  case ExitMemory:
    return "memory";
  case ExitFatal:
    return "crashed";
  default:
    return "failed";
  }
}

static bool receiveSummary(StringRef Answer, Measurement &Out) {
  auto Next = [&] {
    auto Parts = Answer.split('\0');
    Answer = Parts.second;
    return Parts.first;
  };
  if (Next().getAsInteger(10, Out.Object.Size))
    return false;
  Out.Diagnosed = Next() == "1";
  for (auto *Names : {&Out.Object.Defined, &Out.Object.Weak, &Out.Object.Needed})
    for (StringRef Name = Next(); !Name.empty(); Name = Next())
      Names->push_back(Name.str());
  return true;
}

static Measurement finish(Child &Ended) {
  Measurement Result;
  if (Ended.Pipe >= 0)
    close(Ended.Pipe);
  Ended.Pipe = -1;
  if (Ended.Process <= 0)
    return Result;
  int Status = 0;
  rusage Usage{};
  while (wait4(Ended.Process, &Status, 0, &Usage) < 0 && errno == EINTR)
    ;
  Result.CpuSeconds = Usage.ru_utime.tv_sec + Usage.ru_stime.tv_sec + (Usage.ru_utime.tv_usec + Usage.ru_stime.tv_usec) * 1e-6;
  Result.Status = statusOf(Ended, Status);
  if (Result.ok() && !receiveSummary(Ended.Answer, Result))
    Result.Status = "failed";
  return Result;
}

// Guards against hangs and bombs; what they cut is never cached, so they decide nothing about the result.
static Limits limitsFor(unsigned CpuSeconds) {
  Limits L;
  L.CpuSeconds = CpuSeconds;
  L.WallSeconds = 3 * L.CpuSeconds;                      // other jobs may hold the processors
  L.AddressSpace = 0;
  uint64_t Pages = 0;
  if (FILE *Memory = fopen("/proc/self/statm", "re")) {
    if (fscanf(Memory, "%lu", &Pages) != 1)
      Pages = 0;
    fclose(Memory);
  }
  L.AddressSpace = Pages * uint64_t(sysconf(_SC_PAGESIZE)) + (uint64_t(4) << 30); // 4 GiB beyond what clang has mapped
  return L;
}

Measurement measureBaseline(Compile &C) {
  Limits L = limitsFor(/*CpuSeconds=*/1200); // clang itself would have no limit at all
  Child One = start(C, "", /*IsBaseline=*/true, L);
  while (One.Pipe >= 0 && One.Process > 0 && !readSome(One))
    ;
  return finish(One);
}

static bool sameInterface(const Measurement &Baseline, const Measurement &Candidate) {
  if (Baseline.Object.Defined != Candidate.Object.Defined)
    return false;
  return all_of(Candidate.Object.Needed, [&](const std::string &Name) {
    return std::binary_search(Baseline.Object.Needed.begin(), Baseline.Object.Needed.end(), Name) || mayAlwaysBeCalled(Name);
  });
}

static Measurement judge(const Measurement &Baseline, Measurement Candidate) {
  if (Candidate.ok() && (Candidate.Diagnosed || Baseline.Diagnosed))
    Candidate.Status = "diagnostics";
  else if (Candidate.ok() && !sameInterface(Baseline, Candidate))
    Candidate.Status = "interface";
  return Candidate;
}

std::vector<Measurement> measureLists(Compile &C, const Measurement &Baseline, ArrayRef<std::string> Pipelines, const Settings &S) {
  std::vector<Measurement> Results(Pipelines.size());
  // Lists that pay take about as long as -Oz.
  Limits L = limitsFor(S.ChildSeconds ? S.ChildSeconds : unsigned(10 + 20 * Baseline.CpuSeconds));
  std::vector<Child> Running(Pipelines.size());
  size_t Next = 0, Active = 0;
  while (Next < Pipelines.size() || Active > 0) {
    if (Next < Pipelines.size() && Active < S.Jobs) {
      if (!inVocabulary(Pipelines[Next])) {
        Results[Next++].Status = "invalid";
        continue;
      }
      Running[Next] = start(C, Pipelines[Next], /*IsBaseline=*/false, L);
      Active += Running[Next].Process > 0;
      if (Running[Next].Process <= 0)
        finish(Running[Next]);
      ++Next;
      continue;
    }
    if (Child *Ended = readSome(Running)) {
      Results[Ended - Running.data()] = judge(Baseline, finish(*Ended));
      --Active;
    }
  }
  return Results;
}
