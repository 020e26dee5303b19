// What a model reads of a module: every function as normalised text.
#pragma once

#include "pipeline.h"

// Runs the mandatory lowerings and a head in a child; one text for each function that the head leaves defined, in module order. False when
// the head is refused or fails.
bool describe(Compile &C, const std::string &Head, std::vector<std::string> &Texts);
