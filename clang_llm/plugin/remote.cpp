#include "remote.h"
#include "compat.h"
#include "notice.h"
#include "patience.h"
#include "recipe.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;

namespace remote { // one of several files that are compiled as one

static constexpr unsigned Seconds = 1;     // patience with the courier; with a store it has less (remote/fetching.py)
static constexpr time_t HungSeconds = 600; // for which nobody asks one that was silent
static constexpr time_t StartSeconds = 5;  // after which one that was started and says nothing is hardly waited for
static constexpr int Backlog = 1024;       // more than the jobs of any make
static constexpr size_t MaxLine = 4096;

// The files of one courier: of this user, cache, setting, Python and machine. They are reached through the descriptor of their
// directory, which belongs to this user alone: a path of any length will do, and nobody can put another one in its place.
struct Place {
  int Directory = -1;
  std::string Name, Path;

  Place(const Settings &S, StringRef Helper) {
    Path = S.CacheDirectory + "/courier-" + std::to_string(geteuid());
    struct stat Status;
    mkdir(Path.c_str(), 0700);
    Directory = open(Path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (Directory >= 0 && (fstat(Directory, &Status) != 0 || Status.st_uid != geteuid() || (Status.st_mode & 022))) {
      close(Directory);
      Directory = -1;
    }
    std::string Text = S.Remote + '\0' + Helper.str() + '\0' + bootName();
    Name = toHex(SHA256::hash(ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(Text.data()), Text.size())), /*LowerCase=*/true).substr(0, 16);
  }
  ~Place() {
    if (Directory >= 0)
      close(Directory);
  }
  std::string file(StringRef Suffix) const { return Name + Suffix.str(); }
  int openFile(StringRef Suffix, int Flags) const { return openat(Directory, file(Suffix).c_str(), Flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600); }

  // A file whose time is in the future tells to leave the stores alone until then.
  bool isOff() const {
    struct stat Status;
    time_t Now = time(nullptr);
    return fstatat(Directory, file(".off").c_str(), &Status, AT_SYMLINK_NOFOLLOW) == 0 && Status.st_mtime > Now && Status.st_mtime <= Now + HungSeconds;
  }
  void turnOff(time_t Long) const {
    int File = openFile(".off", O_WRONLY | O_CREAT);
    if (File < 0)
      return;
    timespec Times[2] = {{time(nullptr), 0}, {time(nullptr) + Long, 0}};
    futimens(File, Times);
    close(File);
  }
};

static sockaddr_un addressOf(const Place &P) {
  sockaddr_un Address = {};
  Address.sun_family = AF_UNIX;
  std::string Short = "/proc/self/fd/" + std::to_string(P.Directory) + "/" + P.file(".sock");
  memcpy(Address.sun_path, Short.data(), std::min(Short.size(), sizeof Address.sun_path - 1));
  return Address;
}

static int newSocket() {
  int Low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int High = Low < 0 ? -1 : fcntl(Low, F_DUPFD_CLOEXEC, 10); // above the standard descriptors, which may be closed here
  if (Low >= 0)
    close(Low);
  return High;
}

// Between fork and exec: an orphan that has nothing of the build, least of all make's job slots.
[[noreturn]] static void becomeCourier(int Lock, int Listening, const std::vector<std::string> &Words) {
  setsid();
  (void)!chdir("/");
  sigset_t None;
  sigemptyset(&None);
  sigprocmask(SIG_SETMASK, &None, nullptr);
  for (int Signal = 1; Signal < NSIG; ++Signal)
    signal(Signal, SIG_DFL);
  fcntl(Listening, F_SETFL, 0); // Python's sockets wait
  int Null = open("/dev/null", O_RDWR);
  for (int Standard = 0; Standard <= 2; ++Standard)
    dup2(Null, Standard);
  dup2(Lock, 3);
  dup2(Listening, 4);
  long Most = sysconf(_SC_OPEN_MAX);
  for (int File = 5; File < (Most > 0 && Most < 4096 ? Most : 4096); ++File)
    close(File);
  for (const char *Name : {"MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"})
    unsetenv(Name);
  std::vector<char *> Arguments;
  for (const std::string &Word : Words)
    Arguments.push_back(const_cast<char *>(Word.c_str()));
  Arguments.push_back(nullptr);
  execv(Arguments[0], Arguments.data());
  _exit(127);
}

// Listens, and starts the courier on what was made; false when somebody else has done it or is doing it. The lock is the courier's as
// long as it lives.
static bool startCourier(const Place &P, StringRef Cache, StringRef Helper) {
  auto PythonAndRoot = Helper.split('\n');
  int Low = P.openFile(".lock", O_RDWR | O_CREAT), Lock = Low < 0 ? -1 : fcntl(Low, F_DUPFD_CLOEXEC, 10), Listening = -1;
  if (Low >= 0)
    close(Low);
  bool Ours = Lock >= 0 && flock(Lock, LOCK_EX | LOCK_NB) == 0;
  if (Ours) {
    unlinkat(P.Directory, P.file(".sock").c_str(), 0);
    Listening = newSocket();
    sockaddr_un Address = addressOf(P);
    Ours = Listening >= 0 && ftruncate(Lock, 0) == 0 && futimens(Lock, nullptr) == 0 && bind(Listening, reinterpret_cast<sockaddr *>(&Address), sizeof Address) == 0 &&
           listen(Listening, Backlog) == 0;
  }
  if (Ours) {
    SmallString<256> Absolute(Cache), Directory(P.Path);
    sys::fs::make_absolute(Absolute);
    sys::fs::make_absolute(Directory);
    const char *Code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from clang_llm.remote.courier import main; main()";
    std::vector<std::string> Words = {PythonAndRoot.first.str(), "-I", "-c", Code, PythonAndRoot.second.split('\n').first.str(),
                                      Absolute.str().str(), (Directory + "/" + P.file(".sock")).str()};
    pid_t Between = fork();
    if (Between == 0) {
      pid_t Process = fork();
      if (Process == 0)
        becomeCourier(Lock, Listening, Words);
      std::string Number = std::to_string(Process) + "\n";
      _exit(write(Lock, Number.data(), Number.size()) < 0);
    }
    if (Between > 0)
      waitpid(Between, nullptr, 0);
  }
  close(Lock);
  close(Listening);
  return Ours;
}

// A connection to the courier, which is started if need be; -1 when there is none.
static int connectTo(const Place &P, StringRef Cache, StringRef Helper) {
  sockaddr_un Address = addressOf(P);
  for (int Try = 0; Try < 200; ++Try) { // a second: who starts it takes a millisecond or two, but may have to wait for a processor
    int Socket = newSocket();
    if (Socket < 0)
      return -1;
    if (connect(Socket, reinterpret_cast<sockaddr *>(&Address), sizeof Address) == 0) {
      ucred Peer = {};
      socklen_t Length = sizeof Peer;
      if (getsockopt(Socket, SOL_SOCKET, SO_PEERCRED, &Peer, &Length) == 0 && Peer.uid == geteuid())
        return Socket;
    }
    int Why = errno;
    close(Socket);
    if (Why == ENOENT || Why == ECONNREFUSED ? !startCourier(P, Cache, Helper) : true)
      usleep(5000);
  }
  return -1;
}

class Conversation {
  int Socket;
  pid_t Process;
  std::string Unread;

public:
  Conversation(int Socket, pid_t Process) : Socket(Socket), Process(Process) {}

  // The next line; false when none comes within Milliseconds (-1: the patience that is left), or when it is none of ours.
  bool receive(json::Object &Message, int Milliseconds = -1) {
    Patience Left(Process, Seconds);
    size_t End;
    while ((End = Unread.find('\n')) == std::string::npos) {
      if (Unread.size() > MaxLine || Left.isOver())
        return false;
      pollfd Poll = {Socket, POLLIN, 0};
      int Ready = poll(&Poll, 1, Milliseconds < 0 ? 50 : Milliseconds);
      if (Ready <= 0 && Milliseconds >= 0)
        return false;
      char Buffer[1024];
      ssize_t Length = Ready > 0 ? recv(Socket, Buffer, sizeof Buffer, 0) : -1;
      if (Ready > 0 && (Length == 0 || (Length < 0 && errno != EINTR && errno != EAGAIN)))
        return false;
      if (Length > 0)
        Unread.append(Buffer, size_t(Length));
    }
    std::string Line = Unread.substr(0, End);
    Unread.erase(0, End + 1);
    if (!isShallow(Line))
      return false;
    Expected<json::Value> Parsed = json::parse(Line);
    if (json::Object *Object = Parsed ? Parsed->getAsObject() : nullptr)
      Message = std::move(*Object);
    return !errorToBool(Parsed.takeError());
  }
};

// Events are made of plain words.
static std::string plain(StringRef Word) {
  bool Plain = !Word.empty() && Word.size() <= 20 && Word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == StringRef::npos;
  return Plain ? Word.str() : "courier";
}

// Who the courier is, in its lock a moment after it can be connected to, and since when it should have spoken; 0: it has before.
static std::pair<pid_t, time_t> courierOf(const Place &P) {
  struct stat Status = {};
  pid_t Process = -1;
  for (int Try = 0; Try < 200 && Process < 0; ++Try) {
    if (Try > 0)
      usleep(5000);
    int Lock = P.openFile(".lock", O_RDONLY);
    if (Lock < 0)
      break;
    fstat(Lock, &Status);
    std::string Text = readBounded(Lock, 16);
    auto Words = StringRef(Text).split('\n');
    if (Words.first.getAsInteger(10, Process))
      Process = -1;
    Status.st_mtime *= Words.second.empty();
    close(Lock);
  }
  return {Process, Status.st_mtime};
}

// What is counted behind "remote:".
static std::string ask(int Socket, const Place &P, StringRef Key) {
  auto [Process, Started] = courierOf(P);
  std::string Line;
  raw_string_ostream OS(Line);
  OS << json::Value(json::Object{{"protocol", 1}, {"do", "fetch"}, {"key", Key}, {"major", LLVM_VERSION_MAJOR}}) << '\n';
  OS.flush();
  json::Object Answer;
  Conversation With(Socket, Process);
  bool Sent = send(Socket, Line.data(), Line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == ssize_t(Line.size());
  // Its first line says that it works. One that was started long ago and has not said it is not waited for.
  bool Late = Started != 0 && time(nullptr) - Started > StartSeconds + time_t(Patience::delayOf(Process) / 1000000000);
  if (!Sent || !With.receive(Answer, Late ? 20 : -1)) {
    P.turnOff(Started != 0 ? 30 : HungSeconds);
    return Started != 0 ? "error:start" : "error:courier";
  }
  auto Version = Answer.getInteger("protocol");
  if (!Version || *Version != 1 || !With.receive(Answer)) {
    P.turnOff(HungSeconds);
    return "error:courier";
  }
  if (Answer.getBoolean("found") && *Answer.getBoolean("found"))
    return "hit";
  auto Error = Answer.getString("error");
  return !Error ? "miss" : *Error == "off" ? "off" : "error:" + plain(*Error);
}

} // namespace remote

Courier::~Courier() {
  if (Socket >= 0)
    close(Socket);
}

bool Courier::fetch(const Settings &S, StringRef Key, StringRef Lookup, StringRef Plugin) {
  bool Lacking = Lookup == "miss" || Lookup == "weaker" || Lookup == "corrupt" || Lookup == "unvetted";
  // A tuner's helper searches in any case; where nothing may be written, nothing can be fetched.
  if (S.Remote.empty() || !Lacking || S.Recache || S.HelperDescriptor >= 0)
    return false;
  if (S.ReadOnly || S.explaining()) {
    explain(S, json::Object{{"event", "remote"}, {"outcome", "not asked"}});
    return false;
  }
  auto Helper = MemoryBuffer::getFile(Plugin + "/helper");
  StringRef Where = Helper ? (*Helper)->getBuffer() : "";
  remote::Place P(S, Where);
  std::string Outcome = "error:start";
  if (P.Directory >= 0 && P.isOff())
    Outcome = "off";
  else if (P.Directory >= 0 && (Socket = remote::connectTo(P, S.CacheDirectory, Where)) >= 0)
    Outcome = remote::ask(Socket, P, Key);
  else if (P.Directory >= 0)
    P.turnOff(30);
  appendEvent(S, "remote:" + Outcome);
  return Outcome == "hit";
}
