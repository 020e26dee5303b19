#include "ledger.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

static constexpr off_t MaxLedger = 64 << 20; // bytes, as clang_llm/system/ledger.py reads; it folds far earlier
static constexpr size_t MaxName = 4096;      // bytes of a path

Saving savingOf(const ObjectSummary &Oz, const ObjectSummary &Ours, StringRef By) {
  return {true, true, Oz.Size, Ours.Size, Oz.Bytes, Ours.Bytes, By.str()};
}

// Whatever is in a name, a line stays a line: everything but plain ASCII is %XX.
static std::string escaped(StringRef Name) {
  std::string Out;
  for (unsigned char C : Name)
    if (C > ' ' && C < 0x7f && C != '%')
      Out += char(C);
    else
      Out += {'%', hexdigit(C >> 4), hexdigit(C & 15)};
  return Out;
}

// "-", "<stdin>" and the like are no files.
static std::string absolute(StringRef Name) {
  SmallString<256> Path(Name);
  if (!Name.empty() && Name != "-" && Name.front() != '<')
    (void)sys::fs::make_absolute(Path);
  return Path.empty() || Path.size() > MaxName ? "-" : escaped(Path);
}

Ledger::Ledger(const Settings &S, StringRef Key, StringRef Source, StringRef Output)
    : S(S), Key(Key.str()), Names(absolute(Source) + "\t" + absolute(Output)) {}

std::string Ledger::path(const Settings &S) { return S.CacheDirectory + "/savings-" + std::to_string(geteuid()); }

static std::string list(bool Known, const Parts &Bytes) {
  return Known ? join(map_range(Bytes, [](uint64_t One) { return std::to_string(One); }), ",") : "-";
}

std::string Ledger::line(const Saving &What) const {
  // The word is the helper's or an entry's.
  bool Plain = !What.By.empty() && What.By.size() <= 40 &&
               StringRef(What.By).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_/.-") == StringRef::npos;
  std::string Sizes = What.Known ? std::to_string(What.Oz) + "\t" + std::to_string(What.Ours) : "-\t-";
  return Key + "\t" + Sizes + "\t" + list(What.Divided, What.OzBytes) + "\t" + list(What.Divided, What.OurBytes) + "\t" +
         (Plain ? What.By : "-") + "\t" + Names;
}

int Ledger::open(const std::string &Path) {
  int File = openRegular(Path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
  struct stat Status;
  if (File < 0 || (fstat(File, &Status) == 0 && Status.st_uid == geteuid() && Status.st_nlink == 1 && !(Status.st_mode & 077) &&
                   Status.st_size < MaxLedger))
    return File;
  close(File);
  return -1;
}

void Ledger::write(const Saving &What) const {
  if (!S.ReadOnly && !S.explaining())
    append(open(path(S)), line(What));
}
