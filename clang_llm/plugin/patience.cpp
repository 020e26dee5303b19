#include "patience.h"
#include <cstdio>
#include <string>

using Clock = std::chrono::steady_clock;

// Linux tells it: the second number. Where nobody tells, all time counts.
uint64_t Patience::delayOf(pid_t Process) {
  unsigned long long Ran = 0, Delay = 0;
  if (FILE *File = Process > 0 ? fopen(("/proc/" + std::to_string(Process) + "/schedstat").c_str(), "re") : nullptr) {
    if (fscanf(File, "%llu %llu", &Ran, &Delay) != 2)
      Delay = 0;
    fclose(File);
  }
  return Delay;
}

Patience::Patience(pid_t Process, unsigned Seconds)
    : Process(Process), Seconds(Seconds), Before(delayOf(Process)), Next(Clock::now() + std::chrono::seconds(1)) {}

bool Patience::isOver() {
  if (Seconds == 0 || Clock::now() < Next)
    return false;
  // However late it is: whoever was stopped comes back to a clock that went on.
  Next = Clock::now() + std::chrono::seconds(1);
  if (++Waited < Seconds)
    return false;
  return Waited >= Seconds + (delayOf(Process) - Before) / 1000000000;
}
