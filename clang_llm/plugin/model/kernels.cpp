#include "model/kernels.h"

namespace model {

template <size_t Rows>
CLANG_LLM_INLINE static void multiply(float *Out, const float *Matrix, size_t Count, size_t Columns, const float *X, size_t Tiles) {
  memset(Out, 0, Tiles * Count * Lanes * sizeof(float));
  size_t Row = 0;
  // Some rows, over all tiles, so that each number of the matrix comes from memory once.
  for (; Row + Rows <= Count; Row += Rows)
    for (size_t T = 0; T < Tiles; ++T)
      accumulate<Rows>(Out + (T * Count + Row) * Lanes, Matrix + Row * Columns, Columns, 1, X + T * Columns * Lanes, Columns);
  for (; Row < Count; ++Row)
    for (size_t T = 0; T < Tiles; ++T)
      accumulate<1>(Out + (T * Count + Row) * Lanes, Matrix + Row * Columns, Columns, 1, X + T * Columns * Lanes, Columns);
}

template <size_t Rows>
CLANG_LLM_INLINE static void attend(float *Out, const float *Query, const float *Keys, const float *Values, size_t Tile, size_t Width, size_t Size,
                                    float *Scores) {
  const size_t Seen = (Tile + 1) * Lanes;
  memset(Scores, 0, Seen * Lanes * sizeof(float));
  for (size_t T = 0; T <= Tile; ++T)
    for (size_t Row = 0; Row < Lanes; Row += Rows)
      accumulate<Rows>(Scores + (T * Lanes + Row) * Lanes, Keys + T * Width * Lanes + Row, 1, Lanes, Query, Size);
  float *Own = Scores + Tile * Lanes * Lanes; // a token does not see those after it
  for (size_t Key = 0; Key < Lanes; ++Key)
    for (size_t Token = 0; Token < Key; ++Token)
      Own[Key * Lanes + Token] = -3.0e38f;
  const float Scale = 1.0f / __builtin_sqrtf(float(Size));
  Vector Most, Sum = {};
  load(Most, Scores);
  Most *= Scale;
  for (size_t Key = 0; Key < Seen; ++Key) {
    Vector Score;
    load(Score, Scores + Key * Lanes);
    Score *= Scale;
    store(Scores + Key * Lanes, Score);
    keepLarger(Most, Score);
  }
  for (size_t Key = 0; Key < Seen; ++Key) {
    Vector Score;
    load(Score, Scores + Key * Lanes);
    Score -= Most;
    exponential(Score);
    store(Scores + Key * Lanes, Score);
  }
  for (size_t Key = 0; Key < Lanes; ++Key)
    for (size_t Token = 0; Token < Key; ++Token)
      Own[Key * Lanes + Token] = 0;
  for (size_t Key = 0; Key < Seen; ++Key) {
    Vector Share;
    load(Share, Scores + Key * Lanes);
    Sum += Share;
  }
  memset(Out, 0, Size * Lanes * sizeof(float));
  for (size_t T = 0; T <= Tile; ++T)
    for (size_t Row = 0; Row < Size; Row += Rows)
      accumulate<Rows>(Out + Row * Lanes, Values + (T * Width + Row) * Lanes, Lanes, 1, Scores + T * Lanes * Lanes, Lanes);
  for (size_t Feature = 0; Feature < Size; ++Feature) {
    Vector Value;
    load(Value, Out + Feature * Lanes);
    Value /= Sum;
    store(Out + Feature * Lanes, Value);
  }
}

CLANG_LLM_INLINE static void activate(float *Gate, const float *Up, size_t Count) {
  for (size_t I = 0; I < Count; I += Lanes) {
    const Vector Zero = {};
    Vector Open, Value;
    load(Open, Gate + I);
    load(Value, Up + I);
    Vector Shrunk = Zero - Open;
    exponential(Shrunk);
    Open = Open / (Shrunk + 1.0f) * Value;
    store(Gate + I, Open);
  }
}

// Four rows of eight lanes fill the registers of machines whose vectors hold four numbers.
static void multiplyAnywhere(float *Out, const float *Matrix, size_t Rows, size_t Columns, const float *X, size_t Tiles) {
  multiply<4>(Out, Matrix, Rows, Columns, X, Tiles);
}
static void attendAnywhere(float *Out, const float *Query, const float *Keys, const float *Values, size_t Tile, size_t Width, size_t Size,
                           float *Scores) {
  attend<4>(Out, Query, Keys, Values, Tile, Width, Size, Scores);
}
static void activateAnywhere(float *Gate, const float *Up, size_t Count) { activate(Gate, Up, Count); }
static const Kernels Anywhere = {multiplyAnywhere, attendAnywhere, activateAnywhere};

#if defined(__x86_64__)
// The same operations on registers that hold eight numbers. AVX2 has no fused multiplication; FMA, which has, stays off.
#define CLANG_LLM_WIDE __attribute__((target("avx2")))
CLANG_LLM_WIDE static void multiplyWide(float *Out, const float *Matrix, size_t Rows, size_t Columns, const float *X, size_t Tiles) {
  multiply<8>(Out, Matrix, Rows, Columns, X, Tiles);
}
CLANG_LLM_WIDE static void attendWide(float *Out, const float *Query, const float *Keys, const float *Values, size_t Tile, size_t Width,
                                      size_t Size, float *Scores) {
  attend<8>(Out, Query, Keys, Values, Tile, Width, Size, Scores);
}
CLANG_LLM_WIDE static void activateWide(float *Gate, const float *Up, size_t Count) { activate(Gate, Up, Count); }
static const Kernels WithAvx2 = {multiplyWide, attendWide, activateWide};

bool hasWide() { return __builtin_cpu_supports("avx2"); }
const Kernels &kernels(bool Wide) { return Wide && hasWide() ? WithAvx2 : Anywhere; }
#else
bool hasWide() { return false; }
const Kernels &kernels(bool) { return Anywhere; }
#endif

} // namespace model
