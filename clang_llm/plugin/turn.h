// Searches wait for their turn, so that a build of many jobs has no more of them at once than there are processors: each then ends as
// on an idle machine, and memory lasts. Compiles that need no search never come here.
#pragma once

#include "settings.h"

// Held while it exists. Where there is no place to wait in line, or who is in front shows no sign of life, nobody waits.
class Turn {
public:
  explicit Turn(const Settings &S);
  ~Turn();
  Turn(const Turn &) = delete;
  Turn &operator=(const Turn &) = delete;
};

// Called where the process that holds a turn waits, at least every other second: the sign of life.
void keepTurn();
