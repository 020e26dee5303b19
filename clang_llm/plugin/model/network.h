// The network: a Llama of few layers that reads the tokens of a function and says at the last one which profile it has.
#pragma once

#include "model/kernels.h"
#include <vector>

namespace model {

using Tokens = std::vector<uint32_t>;

struct Shape {
  size_t Vocabulary = 0, Width = 0, Inner = 0, Layers = 0, Heads = 0;
  size_t Longest = 0; // tokens of a function
  float Epsilon = 0;
  double Theta = 0; // of the rotary positions
};

struct Layer {
  const float *Before, *Query, *Key, *Value, *Output; // attention, with what it is normalised by
  const float *After, *Gate, *Up, *Down;              // and the rest, likewise
};

struct Weights {
  const float *Embedding = nullptr, *Norm = nullptr, *Head = nullptr;
  std::vector<Layer> Layers;
};

// What a network of this shape cannot be computed for, or nullptr. Nothing else may be done with a shape that was not checked.
const char *unfit(const Shape &S);

class Network {
  Shape S;
  Weights W;
  const Kernels &K;
  std::vector<float> Cosines, Sines; // [tile of positions][half of the features of a head][position]

  void embed(const std::vector<const Tokens *> &Functions, float *X) const;
  void normalise(float *Out, const float *X, const float *By, size_t Tiles) const;
  void rotate(float *X, size_t Tile) const;
  void add(float *X, const float *More, size_t Tiles) const;
  void rest(const Layer &L, std::vector<float> &X, size_t Tiles) const;
  void attention(const Layer &L, const std::vector<const Tokens *> &Functions, std::vector<float> &X, bool LastOnly) const;

public:
  Network(const Shape &S, const Weights &W, bool Wide = true);

  // For each function the logits of Count tokens from First on at its last token. A function has tokens, at most Longest, all of the
  // vocabulary; what is said of it does not depend on the others.
  std::vector<std::vector<float>> logits(const std::vector<const Tokens *> &Functions, size_t First, size_t Count) const;
};

} // namespace model
