#include "helper.h"
#include "child.h"
#include "notice.h"
#include "patience.h"
#include "recipe.h"
#include "turn.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;

static constexpr size_t MaxLine = 1 << 20; // bytes; a line beyond it is not our protocol

// Between fork and exec: the helper has only its socket, none of make's job slots and none of clang's handlers. It reads the config
// file that we have read. -S: what is installed beside Python is looked for when it is needed (system/packages.py).
[[noreturn]] static void becomeHelper(int Socket, const char *Python, const char *Root) {
  detachFromClang();
  int Null = open("/dev/null", O_RDWR);
  dup2(Socket, 0);
  dup2(Socket, 1);
  dup2(Null, 2);
  long Most = sysconf(_SC_OPEN_MAX);
  for (int File = 3; File < (Most > 0 && Most < 4096 ? Most : 4096); ++File)
    close(File);
  unsetenv("MAKEFLAGS");
  unsetenv("MFLAGS");
  setenv("CLANG_LLM_CONFIG", configFile().c_str(), /*overwrite=*/1);
  const char *Code = "import gc, sys; gc.disable(); sys.path.insert(0, sys.argv[1]); "
                     "from clang_llm.compile.helper import main; main()";
  execl(Python, Python, "-I", "-S", "-c", Code, Root, static_cast<char *>(nullptr));
  _exit(127);
}

Helper::Helper(StringRef Directory, const Settings &S) : Seconds(S.HelperSeconds) {
  if (S.HelperDescriptor >= 0) {
    Socket = fcntl(S.HelperDescriptor, F_DUPFD_CLOEXEC, 10);
    close(S.HelperDescriptor); // so that our end alone keeps the conversation open
    return;
  }
  auto Where = MemoryBuffer::getFile(Directory + "/helper");
  if (!Where)
    return;
  auto PythonAndRoot = (*Where)->getBuffer().split('\n');
  std::string Python = PythonAndRoot.first.str(), Root = PythonAndRoot.second.split('\n').first.str();
  int Ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, Ends) != 0)
    return;
  int Theirs = fcntl(Ends[1], F_DUPFD_CLOEXEC, 10); // above the standard descriptors, which may be closed here
  Socket = fcntl(Ends[0], F_DUPFD_CLOEXEC, 10);
  close(Ends[0]);
  close(Ends[1]);
  if (Socket >= 0 && Theirs >= 0)
    Process = fork();
  if (Process == 0)
    becomeHelper(Theirs, Python.c_str(), Root.c_str());
  close(Theirs);
  if (Process < 0 && Socket >= 0) {
    close(Socket);
    Socket = -1;
  }
}

Helper::~Helper() {
  if (Socket >= 0)
    close(Socket);
  if (Process <= 0)
    return;
  // It ends by itself when the socket closes; a hanging one must not hold the build.
  for (int Try = 0; Try < 50; ++Try) {
    if (waitpid(Process, nullptr, WNOHANG) != 0)
      return;
    usleep(2000); // 100 ms in all
  }
  kill(Process, SIGKILL);
  waitpid(Process, nullptr, 0);
}

bool Helper::send(StringRef Bytes) {
  Patience Left(Process, Seconds);
  while (!Bytes.empty()) {
    ssize_t Sent = Socket >= 0 ? ::send(Socket, Bytes.data(), Bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
    if (Sent > 0) {
      Bytes = Bytes.drop_front(Sent);
      continue;
    }
    if (Socket < 0 || (errno != EAGAIN && errno != EINTR) || Left.isOver())
      return false;
    pollfd Poll = {Socket, POLLOUT, 0};
    poll(&Poll, 1, /*milliseconds=*/100);
  }
  return true;
}

bool Helper::send(json::Object Message) {
  std::string Text;
  raw_string_ostream OS(Text);
  OS << json::Value(std::move(Message)) << '\n';
  return send(StringRef(OS.str()));
}

static json::Object failure(StringRef Why) { return json::Object{{"error", Why}}; }

json::Object Helper::receive() {
  Patience Left(Process, Seconds);
  size_t End;
  while ((End = Unread.find('\n')) == std::string::npos) {
    if (Socket < 0)
      return failure("helper_start");
    if (Unread.size() > MaxLine)
      return failure("protocol");
    if (Left.isOver())
      return failure("helper_timeout");
    noticeLongSearch();
    keepTurn();
    pollfd Poll = {Socket, POLLIN, 0};
    if (poll(&Poll, 1, /*milliseconds=*/100) <= 0)
      continue;
    char Buffer[65536];
    ssize_t Length = recv(Socket, Buffer, sizeof Buffer, 0);
    if (Length == 0 || (Length < 0 && errno != EINTR))
      return failure("helper_died");
    if (Length > 0)
      Unread.append(Buffer, Length);
  }
  std::string Line = Unread.substr(0, End);
  Unread.erase(0, End + 1);
  if (!isShallow(Line))
    return failure("protocol");
  Expected<json::Value> Message = json::parse(Line);
  if (!Message) {
    consumeError(Message.takeError());
    return failure("protocol");
  }
  json::Object *Object = Message->getAsObject();
  return Object ? std::move(*Object) : failure("protocol");
}
