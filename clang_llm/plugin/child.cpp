#include "child.h"
#include "notice.h"
#include "turn.h"
#include "llvm/Support/ErrorHandling.h"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

using namespace llvm;

void detachFromClang() {
  for (int Signal = 1; Signal < NSIG; ++Signal)
    signal(Signal, SIG_DFL);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

void isolate(const Limits &L) {
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
}

void sendAll(int Pipe, StringRef Data) {
  while (!Data.empty()) {
    ssize_t Written = write(Pipe, Data.data(), Data.size());
    if (Written <= 0)
      _exit(ExitFailed);
    Data = Data.drop_front(Written);
  }
}

Child start(unsigned Seconds, function_ref<void(int)> Body) {
  Child Started;
  int Ends[2];
  if (pipe(Ends) != 0)
    return Started;
  // Above the standard descriptors, which may be closed here and are replaced in the child.
  int Read = fcntl(Ends[0], F_DUPFD_CLOEXEC, 10), Write = fcntl(Ends[1], F_DUPFD_CLOEXEC, 10);
  close(Ends[0]);
  close(Ends[1]);
  // Until the child has reset them, a signal would run clang's handlers there: they delete the parent's output.
  sigset_t Every, Before;
  sigfillset(&Every);
  sigprocmask(SIG_SETMASK, &Every, &Before);
  Started.Process = Read >= 0 && Write >= 0 ? fork() : -1;
  if (Started.Process != 0)
    sigprocmask(SIG_SETMASK, &Before, nullptr);
  if (Started.Process == 0) {
    Body(Write);
    _exit(ExitFailed);
  }
  close(Write);
  Started.Left = Patience(Started.Process, Seconds);
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
  noticeLongSearch();
  keepTurn();
  for (size_t I = 0; I < Open.size(); ++I) {
    Child &One = *Open[I];
    if (One.Left.isOver()) {
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

static std::string statusOf(const Child &One, int Status) {
  if (One.Overdue)
    return "timeout";
  if (WIFSIGNALED(Status)) {
    int Signal = WTERMSIG(Status);
    return Signal == SIGXCPU || Signal == SIGKILL ? "timeout" : "crashed";
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

Ended reap(Child &One) {
  Ended Result;
  if (One.Pipe >= 0)
    close(One.Pipe);
  One.Pipe = -1;
  if (One.Process <= 0)
    return Result;
  int Status = 0;
  rusage Usage{};
  while (wait4(One.Process, &Status, 0, &Usage) < 0 && errno == EINTR)
    ;
  Result.CpuSeconds = Usage.ru_utime.tv_sec + Usage.ru_stime.tv_sec + (Usage.ru_utime.tv_usec + Usage.ru_stime.tv_usec) * 1e-6;
  Result.Status = statusOf(One, Status);
  return Result;
}

Limits limitsFor(unsigned CpuSeconds) {
  Limits L;
  L.CpuSeconds = CpuSeconds;
  L.Seconds = L.CpuSeconds + 60; // it hardly ever sleeps
  L.AddressSpace = 0;
  uint64_t Pages = 0;
  if (FILE *Memory = fopen("/proc/self/statm", "re")) {
    if (fscanf(Memory, "%lu", &Pages) != 1)
      Pages = 0;
    fclose(Memory);
  }
  L.AddressSpace = Pages * uint64_t(sysconf(_SC_PAGESIZE)) + MemoryOfChild;
  return L;
}

void runAll(size_t Count, Slots &Free, function_ref<Child(size_t)> Fork, function_ref<void(size_t, Child &)> Take) {
  std::vector<Child> Running(Count);
  size_t Next = 0, Active = 0;
  while (Next < Count || Active > 0) {
    if (Next < Count && Free.take(unsigned(Active))) {
      Running[Next] = Fork(Next);
      if (Running[Next].Process > 0) {
        ++Active;
      } else {
        Take(Next, Running[Next]);
        Free.release(unsigned(Active));
      }
      ++Next;
    } else if (Child *Ended = readSome(Running)) {
      Take(size_t(Ended - Running.data()), *Ended);
      Free.release(unsigned(--Active));
    }
  }
}

Child runOne(unsigned Seconds, function_ref<void(int)> Body) {
  Child Only;
  auto Fork = [&](size_t) { return start(Seconds, Body); };
  Slots One(/*Jobs=*/1, /*Worthwhile=*/false);
  runAll(1, One, Fork, [&](size_t, Child &One) { Only = std::move(One); });
  return Only;
}
