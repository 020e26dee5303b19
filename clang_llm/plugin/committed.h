// Plans that a project commits (docs/team-builds.md#the-file). Python reads them; a frozen build has to know without it whether there
// is one.
#pragma once

#include "settings.h"
#include <string>

// The beginning of the checksum of the committed plan for Key, from the first of S.Plans that has one; empty when none has.
std::string committedChecksum(const Settings &S, llvm::StringRef Key);
