// Job slots of make (GNU make's jobserver): taken when they are free, and put back whatever becomes of us.
#pragma once

#include <climits>
#include <sys/types.h>

class JobServer {
  int Take = -1, Put = -1; // descriptors of our own that never wait
  int Keeper = -1;         // socket to the process that holds the slots
  pid_t Process = -1;
  unsigned Held = 0;
  unsigned Jobs = UINT_MAX;

  bool open(const char *Where);
  bool startKeeper();
  void leave();

public:
  JobServer() = default;
  ~JobServer();
  JobServer(const JobServer &) = delete;
  JobServer &operator=(const JobServer &) = delete;

  // Looks for the server of the make that has started us.
  void find();
  bool reachable() const { return Take >= 0; }
  // Jobs of that make, where it says so: a bound even when its server is out of reach.
  unsigned jobs() const { return Jobs; }
  // Whether we hold Count slots beside the one in which clang itself runs; takes a free one when one is missing.
  bool hold(unsigned Count);
  // Puts back what is more than Count.
  void keepOnly(unsigned Count);
};
