// What every finished compile came to, for `clang-llm-tool stats`: a line in a file of this user's (docs/cache-directory.md#the-ledger).
#pragma once

#include "object.h"
#include "settings.h"

// Sizes of an object under plain -Oz and as it was made.
struct Saving {
  bool Known = false;   // otherwise it is -Oz's object, and nobody measured it
  bool Divided = false; // the parts are known, too
  uint64_t Oz = 0, Ours = 0;
  Parts OzBytes{}, OurBytes{};
  std::string By; // who proposed the passes, or did in vain
};

Saving savingOf(const ObjectSummary &Oz, const ObjectSummary &Ours, llvm::StringRef By);

// The line of one compile.
class Ledger {
  const Settings &S;
  std::string Key, Names;

public:
  Ledger(const Settings &S, llvm::StringRef Key, llvm::StringRef Source, llvm::StringRef Output);
  static std::string path(const Settings &S);
  // The file, when it is this user's alone; -1 otherwise. Allocates nothing.
  static int open(const std::string &Path);
  // Without a line feed.
  std::string line(const Saving &What) const;
  // Never fails and never waits.
  void write(const Saving &What) const;
};
