#include "net.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace llvm;

// Everything is at hand beforehand: a signal handler may not allocate.
namespace {
struct Restart {
  std::string CommandLine, Events, Book, Line;
  std::vector<char *> Words;
  bool Counts = false;
};
} // namespace
static Restart *Ready;
extern char **environ;

static void count(const char *Reason) {
  int File = Ready->Counts ? open(Ready->Events.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC) : -1;
  if (File < 0)
    return;
  char Line[64] = "error:";
  strncat(Line, Reason, 40);
  strcat(Line, "\n");
  ssize_t Ignored = write(File, Line, strlen(Line));
  close(File);
  File = Ledger::open(Ready->Book);
  if (File >= 0)
    Ignored = write(File, Ready->Line.data(), Ready->Line.size());
  (void)Ignored;
  close(File);
}

// What the front end had to say has been said, so the second run speaks only where it fails.
[[noreturn]] static void runPlainClang(int Output) {
  struct sigaction Default {};
  Default.sa_handler = SIG_DFL;
  for (int Signal = 1; Signal < NSIG; ++Signal)
    sigaction(Signal, &Default, nullptr);
  sigset_t None;
  sigemptyset(&None);
  sigprocmask(SIG_SETMASK, &None, nullptr);
  if (Output >= 0) {
    dup2(Output, 1);
    dup2(Output, 2);
  }
  execve("/proc/self/exe", Ready->Words.data(), environ);
  _exit(1);
}

static void repeat(int Output) {
  char Buffer[4096];
  lseek(Output, 0, SEEK_SET);
  for (ssize_t Length; (Length = read(Output, Buffer, sizeof Buffer)) > 0;)
    if (write(2, Buffer, size_t(Length)) < 0)
      return;
}

void fallIntoNet(const char *Reason) {
  sys::RunInterruptHandlers(); // they remove the output that clang has begun
  count(Reason);
  int Output = memfd_create("clang-llm", MFD_CLOEXEC);
  pid_t Process = fork();
  if (Process == 0)
    runPlainClang(Output);
  int Status = 0;
  while (Process > 0 && waitpid(Process, &Status, 0) < 0 && errno == EINTR)
    ;
  if (Process < 0)
    runPlainClang(Output);
  if (Status != 0 && Output >= 0)
    repeat(Output);
  if (WIFSIGNALED(Status)) {
    signal(WTERMSIG(Status), SIG_DFL);
    raise(WTERMSIG(Status));
  }
  _exit(WIFEXITED(Status) ? WEXITSTATUS(Status) : 1);
}

static void onSignal(int) {
  // A second one, on the way out, ends the process.
  for (int Signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
    signal(Signal, SIG_DFL);
  fallIntoNet("crashed");
}

void spreadNet(const Settings &S, const Ledger &Book) {
  static Restart Here;
  int File = openRegular("/proc/self/cmdline", O_RDONLY);
  if (File >= 0) {
    Here.CommandLine = readBounded(File, std::string::npos);
    close(File);
  }
  Here.Events = S.CacheDirectory + "/events";
  Here.Book = Ledger::path(S);
  Here.Line = Book.line(Saving()) + "\n";
  Here.Counts = !S.ReadOnly;
  for (size_t At = 0; At < Here.CommandLine.size(); At += strlen(&Here.CommandLine[At]) + 1)
    Here.Words.push_back(&Here.CommandLine[At]);
  Here.Words.push_back(nullptr);
  setenv("CLANG_LLM_DISABLE", "1", /*overwrite=*/1);
  Ready = &Here;
  struct sigaction Action {};
  Action.sa_handler = onSignal;
  Action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (int Signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
    sigaction(Signal, &Action, nullptr);
  remove_fatal_error_handler();
  install_fatal_error_handler([](void *, const char *, bool) { fallIntoNet("crashed"); });
  remove_bad_alloc_error_handler();
  install_bad_alloc_error_handler([](void *, const char *, bool) { fallIntoNet("memory"); });
}
