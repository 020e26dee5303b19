#include "slots.h"
#include "child.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <cstring>
#include <sched.h>
#include <unistd.h>

using namespace llvm;

static constexpr unsigned MostChildren = 16; // more share one module's few candidates badly

// What a small file of /proc or a control group says; empty where there is none.
static std::string contents(const std::string &Path) {
  std::string Text;
  if (FILE *File = fopen(Path.c_str(), "re")) {
    char Buffer[4096];
    Text.assign(Buffer, fread(Buffer, 1, sizeof Buffer, File));
    fclose(File);
  }
  return Text;
}

// The number after Word, or Otherwise: "max", -1, no file.
static uint64_t numberAfter(StringRef Text, StringRef Word, uint64_t Otherwise) {
  size_t At = Text.find(Word);
  uint64_t Value;
  if (At == StringRef::npos || Text.substr(At + Word.size()).ltrim().take_while(isDigit).getAsInteger(10, Value))
    return Otherwise;
  return Value;
}

// The directories of this process's control group for a controller, from its own to the root of all that can be seen.
static std::vector<std::string> controlGroups(StringRef Controller) {
  std::vector<std::string> Found;
  std::string Text = contents("/proc/self/cgroup");
  for (StringRef Rest = Text; !Rest.empty();) {
    StringRef Line, Names, Path;
    std::tie(Line, Rest) = Rest.split('\n');
    std::tie(Names, Path) = Line.split(':').second.split(':');
    SmallVector<StringRef, 4> Each;
    Names.split(Each, ',');
    bool Unified = Names.empty();
    if (!Unified && !is_contained(Each, Controller))
      continue;
    // In a container the path may be the host's, of which only the root is there.
    for (;; Path = Path.rsplit('/').first) {
      Found.push_back(("/sys/fs/cgroup/" + (Unified ? StringRef() : Controller) + "/" + Path).str());
      if (Path.empty() || Path == "/")
        break;
    }
  }
  return Found;
}

unsigned processors() {
  cpu_set_t Set;
  unsigned Count = sched_getaffinity(0, sizeof Set, &Set) == 0 ? unsigned(CPU_COUNT(&Set)) : 1;
  for (const std::string &Group : controlGroups("cpu")) {
    std::string Both = contents(Group + "/cpu.max"); // "200000 100000"
    uint64_t Quota = numberAfter(Both, "", 0), Period = numberAfter(StringRef(Both).split(' ').second, "", 0);
    if (Both.empty()) {
      Quota = numberAfter(contents(Group + "/cpu.cfs_quota_us"), "", 0);
      Period = numberAfter(contents(Group + "/cpu.cfs_period_us"), "", 0);
    }
    if (Quota > 0 && Period > 0)
      Count = std::min(Count, unsigned(Quota / Period));
  }
  return Count;
}

// Bytes that are free, by the system and by the control groups: 0 when nobody says.
static uint64_t freeMemory() {
  uint64_t Free = numberAfter(contents("/proc/meminfo"), "MemAvailable:", 0) * 1024;
  for (const std::string &Group : controlGroups("memory")) {
    bool Unified = access((Group + "/memory.max").c_str(), F_OK) == 0;
    uint64_t Limit = numberAfter(contents(Group + (Unified ? "/memory.max" : "/memory.limit_in_bytes")), "", UINT64_MAX);
    if (Limit == UINT64_MAX)
      continue;
    uint64_t Used = numberAfter(contents(Group + (Unified ? "/memory.current" : "/memory.usage_in_bytes")), "", Limit);
    Used -= std::min(Used, numberAfter(contents(Group + "/memory.stat"), "\ninactive_file", 0)); // files that can be read again
    Free = std::min(Free, Limit - std::min(Limit, Used));
  }
  return Free;
}

// Processes that run at this moment, this one among them.
static unsigned running() {
  std::string Text = contents("/proc/loadavg"); // "0.20 0.18 0.12 1/80 11206"
  SmallVector<StringRef, 5> Words;
  StringRef(Text).split(Words, ' ');
  return Words.size() < 4 ? UINT_MAX : unsigned(numberAfter(Words[3], "", UINT_MAX));
}

bool Slots::take(unsigned Active) {
  if (Active == 0)
    return true;
  if (Fixed > 0)
    return Active < Fixed;
  // Each child may take as much as its limit allows, all of them together no more than there is.
  if (!Worthwhile || Active >= MostChildren / Share || freeMemory() / MemoryOfChild / Share <= Active)
    return false;
  if (!Asked)
    Server.find();
  Asked = true;
  if (Server.reachable())
    return Server.hold(Active);
  // We sleep while children run. A make of N jobs whose slots cannot be had is one of N processors.
  return running() <= std::min(processors(), Server.jobs());
}
