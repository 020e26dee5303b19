// The team's stores (docs/remote.md): a process beside the build, the courier, asks them for a plan and puts it into the local cache.
// Nothing that it says is believed: the cache is looked into again. Whatever fails costs a second at most, once.
#pragma once

#include "settings.h"

class Courier {
  int Socket = -1;

public:
  Courier() = default;
  Courier(const Courier &) = delete;
  // Hangs up: the plan that the search has stored meanwhile is sent now.
  ~Courier();
  // After a look into the cache that gave Lookup: whether there may be a plan now. Plugin is the directory of this plugin.
  bool fetch(const Settings &S, llvm::StringRef Key, llvm::StringRef Lookup, llvm::StringRef Plugin);
};
