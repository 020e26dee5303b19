// When a plan of the cache turns out not to fit: start over as plain clang, in a process of its own, with the same command line.
#pragma once

#include "ledger.h"
#include "settings.h"

// From now on a crash, an abort or a fatal error of LLVM ends as plain clang's result. Not for source text on standard input, which
// cannot be read twice. Book hears of it then.
void spreadNet(const Settings &S, const Ledger &Book);
// Starts over at once; Reason is counted. Only after spreadNet.
[[noreturn]] void fallIntoNet(const char *Reason);
