#include "settings.h"
#include "generated.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

static constexpr size_t MaxConfigBytes = 64 * 1024; // settings.MAX_CONFIG_BYTES

int openRegular(const std::string &Path, int Flags, mode_t Mode) {
  int File = open(Path.c_str(), Flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, Mode);
  struct stat Status;
  if (File < 0 || (fstat(File, &Status) == 0 && S_ISREG(Status.st_mode)))
    return File;
  close(File);
  return -1;
}

std::string readBounded(int File, size_t Most) {
  std::string Data;
  char Buffer[16384];
  for (ssize_t Length; Data.size() < Most; Data.append(Buffer, size_t(Length)))
    if ((Length = read(File, Buffer, std::min(sizeof Buffer, Most - Data.size()))) <= 0)
      break;
  return Data;
}

std::string bootName() {
  int File = openRegular("/proc/sys/kernel/random/boot_id", O_RDONLY);
  std::string Name = File >= 0 ? StringRef(readBounded(File, 64)).trim().str() : "";
  if (File >= 0)
    close(File);
  return Name.empty() || Name.find('/') != std::string::npos ? "unknown" : Name;
}

static std::string environment(const char *Name) {
  const char *Value = getenv(Name);
  return Value ? Value : "";
}

std::string configFile() {
  std::string Path = environment("CLANG_LLM_CONFIG");
  if (!Path.empty())
    return Path;
  std::string Base = environment("XDG_CONFIG_HOME");
  if (!sys::path::is_absolute(Base))
    Base = environment("HOME") + "/.config";
  return Base + "/clang-llm/clang-llm.conf";
}

static StringMap<std::string> readConfig() {
  StringMap<std::string> Values;
  int File = openRegular(configFile(), O_RDONLY);
  if (File < 0)
    return Values;
  std::string Text = readBounded(File, MaxConfigBytes);
  close(File);
  SmallVector<StringRef, 16> Lines;
  StringRef(Text).split(Lines, '\n');
  for (StringRef Line : Lines) {
    if (Line.contains('\0')) // no path holds one; Python leaves such lines out, too
      continue;
    auto KeyAndValue = Line.split('#').first.split('=');
    Values[KeyAndValue.first.trim().upper()] = KeyAndValue.second.trim().str();
  }
  return Values;
}

namespace {
struct Source {
  StringMap<std::string> Config = readConfig();

  std::string text(StringRef Name) const {
    if (const char *Value = getenv(("CLANG_LLM_" + Name).str().c_str()))
      return Value;
    auto Found = Config.find(Name);
    return Found == Config.end() ? "" : Found->second;
  }
  bool flag(StringRef Name) const {
    std::string Value = StringRef(text(Name)).lower();
    return !Value.empty() && Value != "0" && Value != "false" && Value != "no" && Value != "off";
  }
  unsigned number(StringRef Name, unsigned Default) const {
    unsigned Value = Default;
    return StringRef(text(Name)).getAsInteger(10, Value) ? Default : Value;
  }
};
} // namespace

// Levels with commas between them; a word that is none makes the setting as good as not set. As in Reader.levels.
static void readLevels(StringRef Text, Settings &S) {
  bool Oz = false, Os = false;
  SmallVector<StringRef, 2> Words;
  Text.split(Words, ',');
  for (StringRef Word : Words) {
    std::string Level = Word.trim().lower();
    Oz |= Level == "oz";
    Os |= Level == "os";
    if (Level != "oz" && Level != "os")
      return;
  }
  S.AtOz = Oz;
  S.AtOs = Os;
}

// The user's own cache. It may be made, and so may ~/.cache; but nothing above: a home that is missing leaves no place for it. The
// wrapper and places.own_cache reckon in the same way.
static std::string defaultCache() {
  std::string Above = environment("HOME"), Base = Above + "/.cache", Named = environment("XDG_CACHE_HOME");
  if (sys::path::is_absolute(Named)) {
    Base = StringRef(Named).rtrim('/').str();
    Above = sys::path::parent_path(Base).str();
  }
  return sys::path::is_absolute(Above) && sys::fs::is_directory(Above) ? Base + "/clang-llm" : "";
}

Settings Settings::load() {
  Source From;
  Settings S;
  S.CacheDirectory = From.text("CACHE_DIR");
  if (S.CacheDirectory.empty())
    S.CacheDirectory = defaultCache();
  unsigned Effort = std::min(From.number("EFFORT", CLANG_LLM_DEFAULT_EFFORT), 9u);
  // More candidates than any search has ever used; a typing error must not become days of work.
  S.Budget = std::min(From.number("CANDIDATES", EffortTable[Effort]), 1000000u);
  S.Jobs = std::min(From.number("JOBS", 0), 256u); // "auto" is no number
  S.MinInstructions = std::min(From.number("MIN_INSTRUCTIONS", CLANG_LLM_MIN_INSTRUCTIONS), 1000000u);
  readLevels(From.text("LEVELS"), S);
  S.LogFile = From.text("LOG");
  S.Remote = From.text("REMOTE");
  S.Disabled = From.flag("DISABLE");
  S.Recache = From.flag("RECACHE");
  S.ReadOnly = From.flag("READONLY");
  S.Frozen = From.flag("FROZEN");
  S.Plans = From.text("PLANS");
  S.ExplainFile = environment("_CLANG_LLM_EXPLAIN");
  S.ApplyPipeline = environment("_CLANG_LLM_APPLY");
  S.Apply = !S.ApplyPipeline.empty();
  S.EmitDirectory = environment("_CLANG_LLM_EMIT");
  StringRef(environment("_CLANG_LLM_HELPER_SECONDS")).getAsInteger(10, S.HelperSeconds);
  StringRef(environment("_CLANG_LLM_HELPER_FD")).getAsInteger(10, S.HelperDescriptor);
  StringRef(environment("_CLANG_LLM_CHILD_SECONDS")).getAsInteger(10, S.ChildSeconds);
  return S;
}

// One write(2) on O_APPEND, so that lines of parallel compiles never mix. A write beyond a limit of the size of files would end
// clang by a signal, and one into a full pipe would wait; such lines are dropped.
void append(int File, StringRef Text) {
  std::string Line = (Text + "\n").str();
  struct stat Status;
  rlimit Limit;
  bool Fits = File >= 0 && fstat(File, &Status) == 0 && getrlimit(RLIMIT_FSIZE, &Limit) == 0 &&
              (Limit.rlim_cur == RLIM_INFINITY || uint64_t(Status.st_size) + Line.size() + 4096 <= Limit.rlim_cur);
  if (Fits)
    (void)!write(File, Line.data(), Line.size());
  if (File >= 0)
    close(File);
}

void appendEvent(const Settings &S, StringRef Event) {
  if (!S.ReadOnly && !S.explaining() && !S.Apply && !S.CacheDirectory.empty())
    append(openRegular(S.CacheDirectory + "/events", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW), Event);
}

// The user's own choice: it may be a terminal or a pipe, but a pipe that nobody reads is not waited for.
static int openAny(const std::string &Path, int ExtraFlags) {
  return open(Path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | ExtraFlags, 0666);
}

void appendLog(const Settings &S, StringRef Line) {
  if (!S.LogFile.empty())
    append(openAny(S.LogFile, O_CREAT), ("plugin[" + Twine(getpid()) + "]: " + Line).str());
}

void explain(const Settings &S, json::Object Line) {
  if (!S.explaining())
    return;
  std::string Text;
  raw_string_ostream OS(Text);
  OS << json::Value(std::move(Line));
  append(openAny(S.ExplainFile, 0), OS.str());
}
