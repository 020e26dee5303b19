// Reads plan entries of the local cache (docs/plans.md). Only Python writes them.
#pragma once

#include "ledger.h"
#include "recipe.h"
#include "settings.h"
#include "llvm/Support/JSON.h"
#include <string>

struct Entry {
  // Unvetted: a sound text of what nobody whom we believe has validated.
  enum Kind { Missing, Corrupt, Unvetted, Usable };
  Kind State = Missing;
  bool OzIsBest = false;
  bool Sealed = false;  // measured here, for this very module
  std::string Checksum; // of the entry
  Recipe How;           // when something beats -Oz
  unsigned Budget = 0;  // candidate compilations of the search that found it
  Saving What;          // what was measured when it was found
  llvm::json::Object Text;
};

// Looks Key up and marks the entry as used now.
Entry lookUp(const Settings &S, llvm::StringRef Key);
