// The three computations that take the time.
#pragma once

#include "model/arithmetic.h"

namespace model {

// Numbers of tokens are kept in tiles of eight tokens: a tile has for each feature the numbers of its tokens.
struct Kernels {
  // Out[tile] = Matrix * X[tile] for each tile; a matrix has Rows rows of Columns numbers.
  void (*Multiply)(float *Out, const float *Matrix, size_t Rows, size_t Columns, const float *X, size_t Tiles);
  // One head of one function for the tokens of one tile, the Tile-th of the function. Features of a tile are Width apart, this head's Size
  // begin at each pointer; Scores has room for the keys of all tiles up to this one.
  void (*Attend)(float *Out, const float *Query, const float *Keys, const float *Values, size_t Tile, size_t Width, size_t Size, float *Scores);
  // Gate = Gate * sigmoid(Gate) * Up, element by element.
  void (*Activate)(float *Gate, const float *Up, size_t Count);
};

// For the processor that runs this; Wide is false for what every processor has. The bits are the same.
const Kernels &kernels(bool Wide);
bool hasWide();

} // namespace model
