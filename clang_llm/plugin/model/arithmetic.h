// Arithmetic that gives the same bits on every machine: IEEE operations in one order, nothing contracted, no function of a library but
// the square root, which is exact. Vectors hold one number for each of eight tokens that do not know of each other, so how many of them a
// machine computes at once changes nothing.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

namespace model {

// Whether the compiler keeps its promise: the x87 unit would compute with more bits than a float has.
constexpr bool ExactFloats = FLT_EVAL_METHOD == 0;

#define CLANG_LLM_INLINE inline __attribute__((always_inline))

constexpr size_t Lanes = 8;
typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(Lanes * sizeof(int32_t))));

CLANG_LLM_INLINE void load(Vector &To, const float *From) { memcpy(&To, From, sizeof To); }
CLANG_LLM_INLINE void store(float *To, const Vector &From) { memcpy(To, &From, sizeof From); }

// Of two numbers the larger; the second when they cannot be compared.
CLANG_LLM_INLINE void keepLarger(Vector &X, const Vector &Than) {
  Integers Smaller = (Integers)(X <= Than);
  X = (Vector)(((Integers)Than & Smaller) | ((Integers)X & ~Smaller));
}

// The exponential function, 2e-7 off at most; below -87 that of -87, 1.6e-38, and above 88 that of 88. The polynomial is that of Cephes.
CLANG_LLM_INLINE void exponential(Vector &X) {
  const Vector Zero = {};
  keepLarger(X, Zero - 87.0f);
  X = Zero - X;
  keepLarger(X, Zero - 88.0f);
  X = Zero - X;
  // Adding 1.5 * 2^23 rounds to a whole number, which stands in the lowest bits then.
  Vector Shifted = X * 1.44269504f + 12582912.0f;
  Vector Whole = Shifted - 12582912.0f;
  Vector Rest = (X - Whole * 0.693359375f) - Whole * -2.12194440e-4f;
  Vector Sum = Rest * 1.9875691500e-4f + 1.3981999507e-3f;
  Sum = Sum * Rest + 8.3334519073e-3f;
  Sum = Sum * Rest + 4.1665795894e-2f;
  Sum = Sum * Rest + 1.6666665459e-1f;
  Sum = Sum * Rest + 5.0000001201e-1f;
  Sum = Sum * Rest * Rest + Rest + 1.0f;
  Integers Exponent = (Integers)Shifted - 0x4B400000 + 127;
  X = Sum * (Vector)(Exponent << 23);
}

// Adds to Rows vectors: Sums[r] += A[r * RowStep + i * Step] * X[i] for each i in its order.
template <size_t Rows>
CLANG_LLM_INLINE void accumulate(float *Sums, const float *A, size_t RowStep, size_t Step, const float *X, size_t Count) {
  Vector Held[Rows];
  for (size_t R = 0; R < Rows; ++R)
    load(Held[R], Sums + R * Lanes);
  for (size_t I = 0; I < Count; ++I) {
    Vector Value;
    load(Value, X + I * Lanes);
    for (size_t R = 0; R < Rows; ++R)
      Held[R] += Value * A[R * RowStep + I * Step];
  }
  for (size_t R = 0; R < Rows; ++R)
    store(Sums + R * Lanes, Held[R]);
}

// Cosine and sine of an angle from 0 to 1e5.
void turn(float Angle, float &Cosine, float &Sine);

} // namespace model
