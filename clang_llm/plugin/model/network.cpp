#include "model/network.h"
#include <algorithm>

namespace model {

// Cosine and sine of an angle up to a quarter turn, by their series; the next term is below 1e-17.
static void turnLittle(double Angle, double &Cosine, double &Sine) {
  double Square = Angle * Angle;
  Cosine = Sine = 1;
  for (int Term = 20; Term > 0; Term -= 2) {
    Cosine = 1 - Square / ((Term - 1) * Term) * Cosine;
    Sine = 1 - Square / (Term * (Term + 1)) * Sine;
  }
  Sine *= Angle;
}

void turn(float Angle, float &Cosine, float &Sine) {
  // Pi/2 in two parts, the first of so few bits that its product with the number of quarters is exact.
  int64_t Quarters = int64_t(double(Angle) * 0.63661977236758134308 + 0.5);
  double Rest = (double(Angle) - double(Quarters) * 1.5707963267341256) - double(Quarters) * 6.077100506506192e-11;
  double C, S;
  turnLittle(Rest, C, S);
  switch (Quarters & 3) {
  case 0:
    Cosine = float(C), Sine = float(S);
    break;
  case 1:
    Cosine = float(-S), Sine = float(C);
    break;
  case 2:
    Cosine = float(-C), Sine = float(-S);
    break;
  default:
    Cosine = float(S), Sine = float(-C);
  }
}

const char *unfit(const Shape &S) {
  if (!ExactFloats)
    return "this machine's floats have more bits than theirs";
  if (S.Width == 0 || S.Width > 4096 || S.Inner == 0 || S.Inner > 16384 || S.Layers == 0 || S.Layers > 64 || S.Longest > 8192)
    return "the network is too large";
  if (S.Heads == 0 || S.Width % S.Heads != 0 || S.Width / S.Heads % Lanes != 0)
    return "the size of a head is no multiple of eight";
  size_t Half = S.Width / S.Heads / 2;
  if ((Half & (Half - 1)) != 0)
    return "the size of a head is no power of two";
  if (!(S.Epsilon > 0 && S.Epsilon < 1) || !(S.Theta >= 1 && S.Theta <= 1e9))
    return "a constant of the network is out of range";
  return nullptr;
}

static size_t tilesOf(const Tokens &Function) { return (Function.size() + Lanes - 1) / Lanes; }

Network::Network(const Shape &S, const Weights &W, bool Wide) : S(S), W(W), K(kernels(Wide)) {
  size_t Half = S.Width / S.Heads / 2, Tiles = (S.Longest + Lanes - 1) / Lanes;
  double Root = S.Theta; // to be its Half-th root
  for (size_t Of = Half; Of > 1; Of /= 2)
    Root = __builtin_sqrt(Root);
  Cosines.resize(Tiles * Half * Lanes);
  Sines.resize(Cosines.size());
  double Power = 1;
  for (size_t I = 0; I < Half; ++I, Power *= Root)
    for (size_t Position = 0; Position < Tiles * Lanes; ++Position) {
      size_t Place = (Position / Lanes * Half + I) * Lanes + Position % Lanes;
      turn(float(Position) * (1.0f / float(Power)), Cosines[Place], Sines[Place]);
    }
}

void Network::embed(const std::vector<const Tokens *> &Functions, float *X) const {
  for (const Tokens *Function : Functions) {
    for (size_t Place = 0; Place < Function->size(); ++Place)
      for (size_t Feature = 0; Feature < S.Width; ++Feature)
        X[(Place / Lanes * S.Width + Feature) * Lanes + Place % Lanes] = W.Embedding[(*Function)[Place] * S.Width + Feature];
    X += tilesOf(*Function) * S.Width * Lanes; // what stands behind the last token is 0, and nobody sees it
  }
}

void Network::normalise(float *Out, const float *X, const float *By, size_t Tiles) const {
  for (size_t T = 0; T < Tiles; ++T, X += S.Width * Lanes, Out += S.Width * Lanes) {
    Vector Squares = {}, Value;
    for (size_t Feature = 0; Feature < S.Width; ++Feature) {
      load(Value, X + Feature * Lanes);
      Squares += Value * Value;
    }
    Squares = Squares / float(S.Width) + S.Epsilon;
    for (size_t Lane = 0; Lane < Lanes; ++Lane)
      Squares[Lane] = 1.0f / __builtin_sqrtf(Squares[Lane]);
    for (size_t Feature = 0; Feature < S.Width; ++Feature) {
      load(Value, X + Feature * Lanes);
      Value = Value * Squares * By[Feature];
      store(Out + Feature * Lanes, Value);
    }
  }
}

void Network::rotate(float *X, size_t Tile) const {
  size_t Size = S.Width / S.Heads, Half = Size / 2;
  for (size_t Head = 0; Head < S.Heads; ++Head, X += Size * Lanes)
    for (size_t I = 0; I < Half; ++I) {
      Vector A, B, Cosine, Sine;
      load(A, X + I * Lanes);
      load(B, X + (I + Half) * Lanes);
      load(Cosine, Cosines.data() + (Tile * Half + I) * Lanes);
      load(Sine, Sines.data() + (Tile * Half + I) * Lanes);
      store(X + I * Lanes, A * Cosine - B * Sine);
      store(X + (I + Half) * Lanes, B * Cosine + A * Sine);
    }
}

void Network::add(float *X, const float *More, size_t Tiles) const {
  for (size_t I = 0; I < Tiles * S.Width * Lanes; ++I)
    X[I] += More[I];
}

void Network::rest(const Layer &L, std::vector<float> &X, size_t Tiles) const {
  std::vector<float> Normal(X.size()), Gate(Tiles * S.Inner * Lanes), Up(Gate.size());
  normalise(Normal.data(), X.data(), L.After, Tiles);
  K.Multiply(Gate.data(), L.Gate, S.Inner, S.Width, Normal.data(), Tiles);
  K.Multiply(Up.data(), L.Up, S.Inner, S.Width, Normal.data(), Tiles);
  K.Activate(Gate.data(), Up.data(), Gate.size());
  K.Multiply(Normal.data(), L.Down, S.Width, S.Inner, Gate.data(), Tiles);
  add(X.data(), Normal.data(), Tiles);
}

// Copies one token of a tile.
static void copyToken(float *To, size_t ToLane, const float *From, size_t FromLane, size_t Width) {
  for (size_t Feature = 0; Feature < Width; ++Feature)
    To[Feature * Lanes + ToLane] = From[Feature * Lanes + FromLane];
}

// In the last layer only the last token of each function is asked about: X becomes tiles of those.
void Network::attention(const Layer &L, const std::vector<const Tokens *> &Functions, std::vector<float> &X, bool LastOnly) const {
  size_t Tiles = X.size() / (S.Width * Lanes), TileSize = S.Width * Lanes, Size = S.Width / S.Heads, LongestTiles = 0;
  std::vector<float> Normal(X.size()), Query(X.size()), Key(X.size()), Value(X.size());
  normalise(Normal.data(), X.data(), L.Before, Tiles);
  K.Multiply(Key.data(), L.Key, S.Width, S.Width, Normal.data(), Tiles);
  K.Multiply(Value.data(), L.Value, S.Width, S.Width, Normal.data(), Tiles);
  if (!LastOnly)
    K.Multiply(Query.data(), L.Query, S.Width, S.Width, Normal.data(), Tiles);
  for (const Tokens *Function : Functions)
    LongestTiles = std::max(LongestTiles, tilesOf(*Function));
  std::vector<float> Scores(LongestTiles * Lanes * Lanes);
  std::vector<float> Last, LastSeen;
  if (LastOnly) {
    Last.resize((Functions.size() + Lanes - 1) / Lanes * TileSize);
    LastSeen.resize(Last.size());
  }
  size_t First = 0; // tile of the function
  for (size_t F = 0; F < Functions.size(); First += tilesOf(*Functions[F]), ++F) {
    size_t Count = tilesOf(*Functions[F]);
    float *Begin = Key.data() + First * TileSize;
    for (size_t T = 0; T < Count; ++T)
      rotate(Begin + T * TileSize, T);
    for (size_t T = LastOnly ? Count - 1 : 0; T < Count; ++T) {
      size_t Offset = (First + T) * TileSize;
      if (LastOnly)
        K.Multiply(Query.data() + Offset, L.Query, S.Width, S.Width, Normal.data() + Offset, 1);
      rotate(Query.data() + Offset, T);
      for (size_t Head = 0; Head < S.Heads; ++Head) {
        size_t Part = Head * Size * Lanes;
        K.Attend(Normal.data() + Offset + Part, Query.data() + Offset + Part, Begin + Part, Value.data() + First * TileSize + Part, T, S.Width,
                 Size, Scores.data());
      }
    }
    if (LastOnly) {
      size_t Offset = (First + Count - 1) * TileSize, Lane = (Functions[F]->size() - 1) % Lanes, To = F / Lanes * TileSize;
      copyToken(Last.data() + To, F % Lanes, X.data() + Offset, Lane, S.Width);
      copyToken(LastSeen.data() + To, F % Lanes, Normal.data() + Offset, Lane, S.Width);
    }
  }
  if (LastOnly) {
    X.swap(Last);
    Normal.swap(LastSeen);
    Tiles = X.size() / TileSize;
  }
  K.Multiply(Query.data(), L.Output, S.Width, S.Width, Normal.data(), Tiles);
  add(X.data(), Query.data(), Tiles);
}

std::vector<std::vector<float>> Network::logits(const std::vector<const Tokens *> &Functions, size_t First, size_t Count) const {
  size_t Tiles = 0;
  for (const Tokens *Function : Functions)
    Tiles += tilesOf(*Function);
  std::vector<float> X(Tiles * S.Width * Lanes);
  embed(Functions, X.data());
  for (size_t I = 0; I < S.Layers; ++I) {
    attention(W.Layers[I], Functions, X, /*LastOnly=*/I + 1 == S.Layers);
    rest(W.Layers[I], X, X.size() / (S.Width * Lanes));
  }
  Tiles = X.size() / (S.Width * Lanes);
  normalise(X.data(), X.data(), W.Norm, Tiles);
  std::vector<float> Said(Tiles * Count * Lanes);
  K.Multiply(Said.data(), W.Head + First * S.Width, Count, S.Width, X.data(), Tiles);
  std::vector<std::vector<float>> Found(Functions.size(), std::vector<float>(Count));
  for (size_t F = 0; F < Functions.size(); ++F)
    for (size_t I = 0; I < Count; ++I)
      Found[F][I] = Said[(F / Lanes * Count + I) * Lanes + F % Lanes];
  return Found;
}

} // namespace model
