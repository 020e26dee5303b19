// What every process that we fork off clang does first.
#pragma once

#include <csignal>
#ifdef __linux__
#include <sys/prctl.h>
#endif

// Nothing of clang's may act in a child: its signal handlers delete the parent's output files. Killing clang kills its children.
inline void detachFromClang() {
  for (int Signal = 1; Signal < NSIG; ++Signal)
    signal(Signal, SIG_DFL);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}
