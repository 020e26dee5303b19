// How long we have waited for a process: not the time in which the machine was busy with others, nor that in which we were stopped.
#pragma once

#include <chrono>
#include <cstdint>
#include <sys/types.h>

class Patience {
  pid_t Process;
  unsigned Seconds; // 0: without end
  unsigned Waited = 0;
  uint64_t Before; // its delay when this began
  std::chrono::steady_clock::time_point Next;

public:
  Patience(pid_t Process, unsigned Seconds);
  // To be asked at least once a second; true when the process has had its time, or slept it away.
  bool isOver();
  // Nanoseconds for which a process was ready to run while others ran, since it began.
  static uint64_t delayOf(pid_t Process);
};
