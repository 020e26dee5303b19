// One line for the person who waits at a terminal for a long search.
#pragma once

#include "settings.h"

// From now on the search of a module, named for people, takes its time.
void expectSearch(const Settings &S, llvm::StringRef Source);
// Called where we wait: after five seconds of a search, once, where standard error is a terminal, says what is going on.
void noticeLongSearch();
