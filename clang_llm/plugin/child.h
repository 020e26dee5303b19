// Processes that we fork off clang: what each does first, what they are allowed, and waiting for them.
#pragma once

#include "patience.h"
#include "slots.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <sys/types.h>

// Nothing of clang's may act in a child: its signal handlers delete the parent's output files. Killing clang kills its children.
void detachFromClang();

enum ExitCode { ExitOk = 0, ExitInvalid = 64, ExitUnverified, ExitMemory, ExitFatal, ExitFailed };

static constexpr uint64_t MemoryOfChild = uint64_t(4) << 30; // bytes beyond what clang has mapped

// Guards against hangs and bombs; what they cut is never cached, so they decide nothing about the result.
struct Limits {
  unsigned CpuSeconds;
  unsigned Seconds; // asleep or at work, not kept waiting by others
  uint64_t AddressSpace; // bytes
};

struct Child {
  pid_t Process = -1;
  int Pipe = -1;
  std::string Answer;
  Patience Left = Patience(-1, 0);
  bool Overdue = false;
};

// How a child ended.
struct Ended {
  std::string Status = "failed"; // docs/protocol.md
  double CpuSeconds = 0;
};

Limits limitsFor(unsigned CpuSeconds);
// Neither may clang's handlers of fatal errors act in the child, nor may it print, nor take more than its share.
void isolate(const Limits &L);
// Forks a child that runs Body with the end of a pipe to answer through, and for which we have that many seconds; 0: no end, for a
// child that waits for children of its own.
Child start(unsigned Seconds, llvm::function_ref<void(int)> Body);
// For children: ends the process when nobody listens.
void sendAll(int Pipe, llvm::StringRef Data);
// Waits for the end of a child.
Ended reap(Child &One);
// Forks a child that runs Body, and waits until it has closed its end; to be reaped.
Child runOne(unsigned Seconds, llvm::function_ref<void(int)> Body);
// Forks Count children, as many at once as there are slots, in their order, and hands over each when it has closed its end.
void runAll(size_t Count, Slots &Free, llvm::function_ref<Child(size_t)> Fork, llvm::function_ref<void(size_t, Child &)> Take);
