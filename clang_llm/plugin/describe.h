// What a model reads of a module: every function as normalised text.
#pragma once

#include "pipeline.h"

// Runs the mandatory lowerings and a head in a child; one text for each function that the head leaves defined, in module order. False when
// the head is refused or fails.
bool describe(Compile &C, const std::string &Head, std::vector<std::string> &Texts);

// What is asked about these functions of a model of ours.
struct Question {
  std::string Head, Directory, Family; // the model's directory, and the family of the target
  std::vector<uint32_t> Columns;       // those of the model's recipes among which it chooses
  size_t Count;                        // how many for each function
};

// Asks in the child that describes: a byte for each choice of each function, its place among Columns. False, with the reason, when the head
// fails or the model does not fit.
bool ask(Compile &C, const Question &Q, std::string &Places, std::string &Why);
