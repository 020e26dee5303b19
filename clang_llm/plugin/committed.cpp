#include "committed.h"
#include "compat.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

static constexpr off_t LongestPlanLine = 512 * 1024; // committed.MAX_LINE
static constexpr size_t ChecksumDigits = 16;          // committed.SHORT
static constexpr StringLiteral PlansHeader = "clang-llm-plans 1\n";

static std::string readAt(int File, off_t Place, size_t Most) {
  std::string Piece(Most, '\0');
  ssize_t Length = pread(File, &Piece[0], Most, Place);
  Piece.resize(Length > 0 ? size_t(Length) : 0);
  return Piece;
}

// Where the first line at or after Place begins, at most Most; -1 when a line has no end.
static off_t nextLine(int File, off_t Place, off_t Most) {
  for (off_t At = Place - 1; At < Most;) {
    std::string Piece = readAt(File, At, 4096);
    size_t End = Piece.find('\n');
    if (End != std::string::npos)
      return std::min(At + off_t(End) + 1, Most);
    At += off_t(Piece.size());
    if (Piece.empty() || At - Place > LongestPlanLine)
      return Piece.empty() ? Most : -1;
  }
  return Most;
}

// The beginning of the line that begins with Prefix, by bisection, as PlansFile in clang_llm/plans/store/plansfile.py.
static std::string findLine(int File, StringRef Prefix, size_t Length) {
  struct stat Status;
  if (readAt(File, 0, PlansHeader.size()) != PlansHeader || fstat(File, &Status) != 0)
    return "";
  off_t Low = off_t(PlansHeader.size()), High = Status.st_size, Found = High;
  while (Low < High) {
    off_t Middle = Low + (High - Low) / 2, Start = Middle == Low ? Low : nextLine(File, Middle, High);
    if (Start < 0)
      return "";
    if (Start >= High)
      High = Middle;
    else if (readAt(File, Start, Prefix.size()) >= Prefix.str())
      High = Found = Start;
    else if ((Low = nextLine(File, Start + 1, High)) < 0)
      return "";
  }
  std::string Line = readAt(File, Found, Length);
  return Line.size() == Length && compat::startsWith(Line, Prefix) ? Line : "";
}

std::string committedChecksum(const Settings &S, StringRef Key) {
  std::string Prefix = Key.str() + " ";
  SmallVector<StringRef, 4> Paths;
  StringRef(S.Plans).split(Paths, ':', -1, /*KeepEmpty=*/false);
  for (StringRef Path : Paths) {
    int File = openRegular(Path.str(), O_RDONLY);
    if (File < 0)
      continue;
    std::string Line = findLine(File, Prefix, Prefix.size() + ChecksumDigits);
    close(File);
    if (!Line.empty())
      return Line.substr(Prefix.size());
  }
  return "";
}
