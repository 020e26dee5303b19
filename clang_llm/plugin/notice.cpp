#include "notice.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <poll.h>
#include <unistd.h>

using namespace llvm;
using Clock = std::chrono::steady_clock;

static constexpr std::chrono::seconds Silence(5);

namespace {
struct Announcement {
  std::string Line; // empty: nothing to say
  Clock::time_point Due;
  pid_t Process = -1; // children inherit all this
};
} // namespace
static Announcement Pending;

// In the foreground, where writing never stops a process, and not held up by Ctrl-S.
static bool hasListener() {
  if (!isatty(2) || tcgetpgrp(2) != getpgrp())
    return false;
  pollfd Poll = {2, POLLOUT, 0};
  return poll(&Poll, 1, 0) == 1 && (Poll.revents & POLLOUT);
}

void expectSearch(const Settings &S, StringRef Source) {
  if (S.explaining() || S.HelperDescriptor >= 0 || !isatty(2))
    return;
  std::string Name = sys::path::filename(Source).str();
  for (char &Letter : Name)
    if (static_cast<unsigned char>(Letter) < ' ' || Letter == 127) // nothing that a terminal obeys
      Letter = '?';
  Pending.Line = "clang-llm: " + Name + ": compiling it in up to " + std::to_string(S.Budget) + " ways to find the smallest object" +
                (S.ReadOnly ? "" : "; the next build takes the result from the cache") + "\n";
  Pending.Due = Clock::now() + Silence;
  Pending.Process = getpid();
}

void noticeLongSearch() {
  if (Pending.Line.empty() || Clock::now() < Pending.Due || Pending.Process != getpid())
    return;
  if (hasListener())
    (void)!write(2, Pending.Line.data(), Pending.Line.size());
  Pending.Line.clear();
}
