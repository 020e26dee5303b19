// How many children run at once: what the user says; else one, and more while job slots of make or processors are free.
#pragma once

#include "jobserver.h"

// Processors that this process may use.
unsigned processors();

class Slots {
  unsigned Fixed;
  bool Worthwhile;
  unsigned Share;
  JobServer Server;
  bool Asked = false;

public:
  // Jobs: children at once, or 0 to find out; Worthwhile: whether the work is long enough to find out; Share: how many do this at once.
  Slots(unsigned Jobs, bool Worthwhile, unsigned Share = 1) : Fixed(Jobs), Worthwhile(Worthwhile), Share(Share) {}

  // Whether one more child may start beside Active others. Says nothing about the result: only about when it is there.
  bool take(unsigned Active);
  // Active children are left.
  void release(unsigned Active) { Server.keepOnly(Active > 0 ? Active - 1 : 0); }
};
