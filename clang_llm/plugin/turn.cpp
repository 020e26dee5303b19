#include "turn.h"
#include "notice.h"
#include "slots.h"
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace llvm;

static constexpr time_t SignOfLife = 10; // seconds; without one, its holder is stopped, or the machine had a power failure

static struct {
  int File = -1;
  pid_t Process = -1; // children inherit the file, and die with us
} Held;

void keepTurn() {
  if (Held.File >= 0 && Held.Process == getpid())
    futimens(Held.File, nullptr);
}

// A directory of this user that only he writes: nobody else can hold us up. Empty when there is none.
static std::string ownDirectory(const Settings &S) {
  std::string Path = S.CacheDirectory + "/turns-" + std::to_string(geteuid());
  struct stat Status;
  mkdir(Path.c_str(), 0700);
  bool Ours = lstat(Path.c_str(), &Status) == 0 && S_ISDIR(Status.st_mode) && Status.st_uid == geteuid() && !(Status.st_mode & 022);
  return Ours ? Path : "";
}

enum Outcome { Got, Taken, Broken };

static bool isAt(const std::string &Path, const struct stat &Status) {
  struct stat Now;
  return lstat(Path.c_str(), &Now) == 0 && Now.st_dev == Status.st_dev && Now.st_ino == Status.st_ino;
}

static void drop(int &File) {
  if (File >= 0)
    close(std::exchange(File, -1));
}

static Outcome lockOpen(const std::string &Path, int File) {
  struct stat Status;
  if (File < 0 || fstat(File, &Status) != 0)
    return Broken;
  bool Locked = flock(File, LOCK_EX | LOCK_NB) == 0;
  if (Locked && isAt(Path, Status)) {
    futimens(File, nullptr);
    return Got;
  }
  if (!Locked && errno != EWOULDBLOCK)
    return Broken;
  // Its place is given to somebody else; if he goes on later, there is one search more than there should be.
  if (!Locked && std::abs(time(nullptr) - Status.st_mtime) > SignOfLife && isAt(Path, Status) && unlink(Path.c_str()) != 0)
    return Broken;
  return Taken;
}

// File is open when the lock is ours, and only then.
static Outcome lock(const std::string &Path, int &File) {
  File = openRegular(Path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  Outcome Found = lockOpen(Path, File);
  if (Found != Got)
    drop(File);
  return Found;
}

Turn::Turn(const Settings &S) {
  // A tuner has processes of its own to count.
  if (S.ReadOnly || S.explaining() || S.HelperDescriptor >= 0)
    return;
  std::string Directory = ownDirectory(S);
  if (Directory.empty())
    return;
  std::string Prefix = Directory + "/" + bootName() + "-";
  unsigned Places = std::max(1u, processors());
  int First = -1; // held by who is next: the others look less often
  for (Outcome Last = Taken; Last == Taken;) {
    if (First < 0 && lock(Prefix + "next", First) == Broken) // whatever lies there, or the directory is gone
      break;
    int File = -1;
    for (unsigned I = 0; First >= 0 && Last == Taken && I < Places; ++I)
      Last = lock(Prefix + std::to_string(I), File);
    if (Last == Got) {
      Held = {File, getpid()};
      break;
    }
    if (First >= 0)
      futimens(First, nullptr);
    noticeLongSearch();
    if (Last == Taken)
      usleep(First >= 0 ? 10000 : 50000);
  }
  drop(First);
}

Turn::~Turn() {
  if (Held.Process == getpid())
    drop(Held.File);
}
