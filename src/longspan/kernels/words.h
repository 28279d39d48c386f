// Vectors, the functions of them that a softmax needs, and the words that products are made of.

#pragma once

#include <cstdint>
#include <cstring>
#include <vector>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))

#include "power.h"

namespace words {
namespace {

#ifdef __AVX512F__
constexpr int LANES = 16, VECTORS = 4;
#else
constexpr int LANES = 8, VECTORS = 2;
#endif
constexpr int STRIP = LANES * VECTORS;  // queries side by side
constexpr float LOG2E = 1.44269504f;

typedef float Vec __attribute__((vector_size(LANES * 4), may_alias));
typedef int32_t Ints __attribute__((vector_size(LANES * 4), may_alias));

INLINE Vec all(float x) { return x - Vec{}; }
INLINE Ints all(int32_t x) { return x - Ints{}; }

// The second where one of the two is no number.
INLINE Vec larger(Vec a, Vec b) {
#ifdef __AVX512F__
  return _mm512_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

// 2^x; at -127 and below, 0; no number where x is none.
INLINE Vec power_of_two(Vec x) { return power_within<Ints>(larger(all(-127.0f), x)); }

INLINE Vec tanh(Vec x) {
  x = -larger(all(-15.0f), -larger(all(-15.0f), x));
  return 1.0f - 2.0f / (power_of_two(x * (2.0f * LOG2E)) + 1.0f);
}

struct Bf16 {
  uint16_t bits;
  operator float() const {
    uint32_t wide = uint32_t(bits) << 16;
    float number;
    std::memcpy(&number, &wide, 4);
    return number;
  }
};

// Words are what products are made of, STEP numbers of the inner dimension each: here single ones, in fp32.
template <class Number>
struct Singles {
  using In = Number;
  using Word = float;
  static constexpr int STEP = 1;

  static void along(const In* row, long dim, Word* to) {
    for (long i = 0; i < dim; ++i) to[i] = row[i];
  }
  static void across(const In* const* rows, long dim, Word* to) { along(rows[0], dim, to); }
  static INLINE Vec across(const Vec* rows) { return rows[0]; }
  static INLINE Vec add(Vec sum, Word a, Vec b) { return sum + a * b; }
};

#ifdef __AVX512BF16__
struct Pairs {
  using In = Bf16;
  using Word = uint32_t;
  static constexpr int STEP = 2;

  static void along(const In* row, long dim, Word* to) {
    to[(dim - 1) / 2] = 0;
    std::memcpy(to, row, 2 * dim);
  }
  static void across(const In* const* rows, long dim, Word* to) {
    const In *first = rows[0], *second = rows[1];
    for (long i = 0; i < dim; ++i) to[i] = first[i].bits | uint32_t(second[i].bits) << 16;
  }
  static INLINE Vec across(const Vec* rows) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (Vec)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(rows[1], rows[0]));
  }
  static INLINE Vec add(Vec sum, Word a, Vec b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(a), (__m512bh)b);
  }
};
using Bf16Unit = Pairs;
#else
using Bf16Unit = Singles<Bf16>;
#endif

// Zeros, aligned for vectors.
template <class T>
class Memory {
 public:
  explicit Memory(long count) : vectors_(count * sizeof(T) / sizeof(Slot) + 1) {}
  T* operator+(long place) { return reinterpret_cast<T*>(vectors_.data()) + place; }

 private:
  struct alignas(LANES * 4) Slot {
    char bytes[LANES * 4];
  };
  std::vector<Slot> vectors_;
};

}  // namespace
}  // namespace words
