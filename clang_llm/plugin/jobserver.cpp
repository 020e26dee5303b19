#include "jobserver.h"
#include "child.h"
#include "llvm/ADT/SmallString.h"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#ifdef __linux__
#include <sys/prctl.h>
#endif

using namespace llvm;

// The pipe is everybody's, and so is whether reading it waits; a descriptor that is opened anew is ours alone.
static int openAgain(StringRef Path, int Flags) {
  int File = ::open(Path.str().c_str(), Flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat Status;
  if (File < 0 || (fstat(File, &Status) == 0 && S_ISFIFO(Status.st_mode)))
    return File;
  close(File);
  return -1;
}

// Make closes its pipe to commands that are no makes, and the numbers may be somebody else's files then.
static bool isOnePipe(int Read, int Write) {
  struct stat One, Other;
  auto Handed = [](int File, int Mode) {
    int Flags = fcntl(File, F_GETFD), Status = fcntl(File, F_GETFL);
    return Flags >= 0 && !(Flags & FD_CLOEXEC) && Status >= 0 && (Status & O_ACCMODE) == Mode;
  };
  return Handed(Read, O_RDONLY) && Handed(Write, O_WRONLY) && fstat(Read, &One) == 0 && fstat(Write, &Other) == 0 &&
         S_ISFIFO(One.st_mode) && One.st_dev == Other.st_dev && One.st_ino == Other.st_ino;
}

// "fifo:PATH", or the numbers of both ends of a pipe: "3,4".
bool JobServer::open(const char *Where) {
  StringRef Text = Where;
  auto Numbers = Text.split(',');
  int Read, Write;
  if (Text.consume_front("fifo:")) {
    Take = openAgain(Text, O_RDWR);
    Put = Take >= 0 ? openAgain(Text, O_RDWR) : -1;
  } else if (!Numbers.first.getAsInteger(10, Read) && !Numbers.second.getAsInteger(10, Write) && isOnePipe(Read, Write)) {
    Take = openAgain("/proc/self/fd/" + std::to_string(Read), O_RDONLY);
    Put = openAgain("/proc/self/fd/" + std::to_string(Write), O_WRONLY);
  }
  return Take >= 0 && Put >= 0;
}

void JobServer::find() {
  const char *Flags = getenv("MAKEFLAGS");
  if (!Flags || !*Flags)
    Flags = getenv("CARGO_MAKEFLAGS");
  SmallVector<StringRef, 16> Words;
  StringRef(Flags ? Flags : "").split(Words, ' ', -1, /*KeepEmpty=*/false);
  std::string Where;
  unsigned Number = 0;
  for (StringRef Word : Words) // the last one counts
    if (Word.consume_front("--jobserver-auth=") || Word.consume_front("--jobserver-fds="))
      Where = Word.str();
    else if (Word.consume_front("-j") && !Word.getAsInteger(10, Number))
      Jobs = Number;
  if (Where.empty() || open(Where.c_str()))
    return;
  for (int *File : {&Take, &Put})
    if (*File >= 0)
      close(std::exchange(*File, -1));
  if (Jobs == UINT_MAX)
    Jobs = 1;
}

// Holds slots as long as the socket is open, which no kind of death of ours leaves open.
[[noreturn]] static void keep(int Socket, int Take, int Put) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, 0);
#endif
  for (int Signal = 1; Signal < NSIG; ++Signal)
    signal(Signal, SIG_IGN);
  long Most = sysconf(_SC_OPEN_MAX);
  for (int File = 0; File < (Most > 0 && Most < 4096 ? Most : 4096); ++File)
    if (File != Socket && File != Take && File != Put)
      close(File);
  std::string Slots; // each has a byte that is put back as it was
  auto PutBack = [&] {
    while (write(Put, &Slots.back(), 1) < 0 && errno == EINTR)
      ;
    Slots.pop_back();
  };
  char Asked, Slot;
  for (ssize_t Length; (Length = read(Socket, &Asked, 1)) == 1 || (Length < 0 && errno == EINTR);) {
    if (Length < 0)
      continue;
    if (Asked == 'q')
      break;
    if (Asked == '-' && !Slots.empty())
      PutBack();
    if (Asked != '+')
      continue;
    bool Got = read(Take, &Slot, 1) == 1;
    if (Got)
      Slots.push_back(Slot);
    if (send(Socket, Got ? "y" : "n", 1, MSG_NOSIGNAL) != 1)
      break;
  }
  while (!Slots.empty())
    PutBack();
  _exit(0);
}

bool JobServer::startKeeper() {
  int Ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, Ends) != 0)
    return false;
  int Theirs = fcntl(Ends[1], F_DUPFD_CLOEXEC, 10); // above the standard descriptors, which may be closed here
  Keeper = fcntl(Ends[0], F_DUPFD_CLOEXEC, 10);
  close(Ends[0]);
  close(Ends[1]);
  // Until it has laid them down, clang's handlers of signals would run there.
  sigset_t Every, Before;
  sigfillset(&Every);
  sigprocmask(SIG_SETMASK, &Every, &Before);
  if (Theirs >= 0 && Keeper >= 0)
    Process = fork();
  if (Process == 0) {
    close(Keeper);
    keep(Theirs, Take, Put);
  }
  sigprocmask(SIG_SETMASK, &Before, nullptr);
  if (Theirs >= 0)
    close(Theirs);
  return Process > 0;
}

bool JobServer::hold(unsigned Count) {
  if (Held >= Count)
    return true;
  char Answer = 0;
  if (Process > 0 || startKeeper()) {
    pollfd Poll = {Keeper, POLLIN, 0};
    bool Sent = send(Keeper, "+", 1, MSG_NOSIGNAL) == 1;
    if (!Sent || poll(&Poll, 1, /*milliseconds=*/1000) != 1 || recv(Keeper, &Answer, 1, MSG_DONTWAIT) != 1)
      Answer = 0;
  }
  if (Answer == 0) { // odd: no more tries
    leave();
    Jobs = 1;
  }
  Held += Answer == 'y';
  return Answer == 'y' && Held >= Count;
}

void JobServer::keepOnly(unsigned Count) {
  for (; Held > Count; --Held)
    (void)!send(Keeper, "-", 1, MSG_NOSIGNAL);
}

void JobServer::leave() {
  if (Keeper >= 0)
    (void)!send(Keeper, "q", 1, MSG_NOSIGNAL); // children that are about to die may have its socket open still
  for (int *File : {&Take, &Put, &Keeper})
    if (*File >= 0)
      close(std::exchange(*File, -1));
  while (Process > 0 && waitpid(Process, nullptr, 0) < 0 && errno == EINTR)
    ;
  Process = -1;
  Held = 0;
}

JobServer::~JobServer() { leave(); }
