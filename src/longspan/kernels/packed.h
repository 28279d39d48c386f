// Tokens, and products of them with weights that stay in the blocks of a GGUF file.
//
// A panel holds the blocks of ROWS rows: what the rows have in one place lies together, four columns of each, so that one
// vector is multiplied with four numbers of a token, and sums of rows stay in their lanes. No byte more is held than the
// file has, and unpacking gives them back. Tokens are rounded to 8 bits, 32 numbers with one scale. A product of one token is
// the same number beside others and alone: integers are summed without error, and scaled sums in one order.
//
// Products are compiled once, in packed.cpp, and lent to other libraries: `packed.lend` in Python.

#pragma once

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "packed_vectors.h"

namespace {

constexpr int GROUP = 32;           // numbers of a token with one scale
constexpr int64_t SHARE = 1 << 22;  // products that are worth a thread

// A token, rounded. numbers: int8 [columns]; scales: of each 32; sums: of each 16, times the scale; exact: as it was.
struct Token {
  const int8_t* numbers;
  const float *scales, *sums;
  const float* exact = nullptr;
};

// Tokens, and where the products of them go: that of token m with row r to out[m * stride + r].
struct Work {
  const Token* tokens;
  long count, columns, stride;
  float* out;
};

typedef void (*Multiply)(int kind, const uint8_t* weights, const Work* work, long first, long last);
Multiply lent = nullptr;

// Products with rows first .. last - 1, whole panels of them, of a kind by its number: see `with_kind`.
inline void multiply(int kind, const uint8_t* weights, const Work& work, long first, long last) {
  lent(kind, weights, &work, first, last);
}

// One token, fp32 [columns], to int8, with a scale for each 32 and the sum of each 16. `x` stays what `exact` is. Numbers
// that are nothing beside any weight count as 0; one that is not finite makes all products so.
inline Token round_token(const float* x, long columns, int8_t* numbers, float* scales, float* sums) {
  for (long start = 0; start < columns; start += GROUP) {
    int32_t found[GROUP], largest = 0;  // numbers without a sign are ordered as their bits are
    std::memcpy(found, x + start, sizeof found);
    for (int i = 0; i < GROUP; ++i) largest = std::max(largest, found[i] & 0x7fffffff);
    float most;
    std::memcpy(&most, &largest, 4);
    const float factor = most > 1e-36f ? 127.0f / most : 0.0f;
    for (int i = 0; i < GROUP; i += ROWS) {
      const Ints whole = nearest(*reinterpret_cast<const LooseFloats*>(x + start + i) * factor);
      std::memcpy(found + i, &whole, sizeof whole);
    }
    uint32_t total[2] = {};
    for (int i = 0; i < GROUP; ++i) numbers[start + i] = int8_t(found[i]), total[i / 16] += uint32_t(found[i]);
    const float scale = most / 127.0f;
    scales[start / GROUP] = scale;
    for (int half = 0; half < 2; ++half) sums[start / 16 + half] = scale * float(int32_t(total[half]));
  }
  return {numbers, scales, sums, x};
}

}  // namespace

extern "C" void lend(void* multiply) { lent = reinterpret_cast<Multiply>(multiply); }
