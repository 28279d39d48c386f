// Queries over a panel of entries, wherever each of these lies, with an online softmax in fp32.
//
// What a query gets does not depend on the queries beside it: products are summed along an entry, and entries one after
// another, in one order.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#ifdef __AVX__
#include <immintrin.h>
#endif

#include "words.h"

namespace words {
namespace decoding {
namespace {

constexpr int PANEL = 64;     // entries at a time
constexpr int KEYS = 4;       // that queries meet together
constexpr int QUERIES = 24;   // that go through a panel together, so that it stays near
constexpr int CHUNK = 2 * LANES;
constexpr float NOTHING = -1e30f;

typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t LooseInts __attribute__((vector_size(LANES * 4), aligned(2), may_alias));

INLINE Vec load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
INLINE void keep(float* to, Vec x) { *reinterpret_cast<Loose*>(to) = x; }
INLINE float sum(Vec x) {
  float total = 0;
  for (int lane = 0; lane < LANES; ++lane) total += x[lane];
  return total;
}

// A vector's numbers are those of a chunk in this order: of fp32 as they lie, of bf16 those at even places first.
template <class In>
struct Chunk;

template <>
struct Chunk<float> {
  static INLINE Vec first(const float* from) { return load(from); }
  static INLINE Vec second(const float* from) { return load(from + LANES); }
  static int64_t place(int64_t i) { return i; }
};

template <>
struct Chunk<Bf16> {
  static INLINE Ints both(const Bf16* from) { return *reinterpret_cast<const LooseInts*>(from); }
  static INLINE Vec first(const Bf16* from) { return (Vec)(both(from) << 16); }
  static INLINE Vec second(const Bf16* from) { return (Vec)(both(from) & ~0xffff); }
  static int64_t place(int64_t i) { return i / CHUNK * CHUNK + i % 2 * LANES + i % CHUNK / 2; }
};

INLINE int64_t whole(int64_t dim) { return (dim + CHUNK - 1) / CHUNK * CHUNK; }

// The sums of four vectors.
INLINE void four_sums(const Vec* x, float* to) {
#if defined(__AVX__)
#ifdef __AVX512F__
  __m256 part[4];
  for (int i = 0; i < 4; ++i) {
    const __m512d wide = (__m512d)x[i];
    part[i] = _mm256_add_ps((__m256)_mm512_castpd512_pd256(wide), (__m256)_mm512_extractf64x4_pd(wide, 1));
  }
#else
  const __m256* part = reinterpret_cast<const __m256*>(x);
#endif
  const __m256 low = _mm256_add_ps(_mm256_unpacklo_ps(part[0], part[1]), _mm256_unpackhi_ps(part[0], part[1]));
  const __m256 high = _mm256_add_ps(_mm256_unpacklo_ps(part[2], part[3]), _mm256_unpackhi_ps(part[2], part[3]));
  const __m256 all = _mm256_add_ps(_mm256_shuffle_ps(low, high, 0x44), _mm256_shuffle_ps(low, high, 0xee));
  _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
#else
  for (int i = 0; i < 4; ++i) to[i] = sum(x[i]);
#endif
}

// What some entries gave to each query: the largest score times log2(e), the sum of weights, the output.
struct Part {
  float *largest, *total, *sums;
};

// Entries side by side: where the keys and values of each begin, whole chunks of them.
template <class In>
struct Entries {
  const In *keys[PANEL + KEYS], *values[PANEL];
  int64_t count;
  bool near;   // whether they were copied, so that nothing has to be fetched
  bool apart;  // whether those of the next panel lie elsewhere than behind these
};

template <class In, int Q>
INLINE void meet(const In* const* keys, int64_t width, const float* queries, float* scores) {
  Vec sums[Q][KEYS] = {};
  for (int64_t i = 0; i < width; i += CHUNK) {
    Vec query[Q];
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) query[q] = load(queries + q * width + i);
#pragma GCC unroll 8
    for (int k = 0; k < KEYS; ++k) {
      const Vec key = Chunk<In>::first(keys[k] + i);
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) sums[q][k] += key * query[q];
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) query[q] = load(queries + q * width + i + LANES);
#pragma GCC unroll 8
    for (int k = 0; k < KEYS; ++k) {
      const Vec key = Chunk<In>::second(keys[k] + i);
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) sums[q][k] += key * query[q];
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) four_sums(sums[q], scores + q * PANEL);
}

// Values by their weights, N chunks of them.
template <class In, int Q, int N>
INLINE void gather(const Entries<In>& entries, int64_t at, int64_t depth, const float* weights, float* to) {
  Vec sums[Q][2 * N];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 8
    for (int n = 0; n < 2 * N; ++n) sums[q][n] = load(to + q * depth + at + n * LANES);
  for (int64_t k = 0; k < entries.count; ++k) {
    const In* from = entries.values[k] + at;
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      const Vec first = Chunk<In>::first(from + n * CHUNK), second = Chunk<In>::second(from + n * CHUNK);
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) {
        const float weight = weights[q * PANEL + k];
        sums[q][2 * n] += first * weight;
        sums[q][2 * n + 1] += second * weight;
      }
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 8
    for (int n = 0; n < 2 * N; ++n) keep(to + q * depth + at + n * LANES, sums[q][n]);
}

template <class In, int Q, int N>
void gather_all(const Entries<In>& entries, int64_t depth, const float* weights, float* to) {
  int64_t at = 0;
  for (; at + N * CHUNK <= depth; at += N * CHUNK) gather<In, Q, N>(entries, at, depth, weights, to);
  for (; at < depth; at += CHUNK) gather<In, Q, 1>(entries, at, depth, weights, to);
}

// Scores become weights.
INLINE void weigh(float* scores, int64_t count, float softcap, float& largest, float& total, float* sums, int64_t depth) {
  const float hidden = -std::numeric_limits<float>::infinity();
  if (softcap != 0)
    for (int64_t k = 0; k < count; k += LANES) keep(scores + k, softcap * tanh(load(scores + k) / softcap) * LOG2E);
  for (int64_t k = count; k < (count + LANES - 1) / LANES * LANES; ++k) scores[k] = hidden;
  Vec most = all(largest);
  for (int64_t k = 0; k < count; k += LANES) most = larger(load(scores + k), most);
  float top = largest;
  for (int lane = 0; lane < LANES; ++lane) top = std::max(top, most[lane]);
  const float fade = power_of_two(all(largest - top))[0];
  Vec weights = Vec{};
  for (int64_t k = 0; k < count; k += LANES) {
    const Vec x = power_of_two(load(scores + k) - top);
    keep(scores + k, x);
    weights += x;
  }
  largest = top;
  total = total * fade + sum(weights);
  if (fade != 1.0f)
    for (int64_t i = 0; i < depth; i += LANES) keep(sums + i, load(sums + i) * fade);
}

template <class In>
INLINE void fetch(const In* from, int64_t count) {
  const char *at = reinterpret_cast<const char*>(from), *end = reinterpret_cast<const char*>(from + count);
  for (; at < end; at += 64) __builtin_prefetch(at);
}

// Some queries [count, width] over a panel. scores: room for QUERIES times PANEL.
template <class In>
void attend(Entries<In>& entries, const float* queries, int64_t count, int64_t width, int64_t depth, float softcap,
            float* scores, Part part) {
  for (int64_t k = entries.count; k % KEYS; ++k) entries.keys[k] = entries.keys[entries.count - 1];
  for (int64_t start = 0; start < count; start += QUERIES) {
    const int64_t some = std::min<int64_t>(QUERIES, count - start);
    const float* mine = queries + start * width;
    for (int64_t k = 0; k < entries.count; k += KEYS) {
      const In* const* keys = entries.keys + k;
      if (start == 0 && !entries.near)
        for (int64_t i = k; i < std::min(k + KEYS, entries.count); ++i) {
          fetch(entries.values[i], depth);
          if (!entries.apart) fetch(entries.keys[i] + PANEL * width, width);
        }
      for (int64_t q = 0; q < some;) {
        const int64_t left = some - q;
        const float* query = mine + q * width;
        float* to = scores + q * PANEL + k;
        if (left == 1)
          meet<In, 1>(keys, width, query, to), q += 1;
        else if (left % 3 == 0 || left > 4)
          meet<In, 3>(keys, width, query, to), q += 3;
        else
          meet<In, 2>(keys, width, query, to), q += 2;
      }
    }
    for (int64_t q = 0; q < some; ++q)
      weigh(scores + q * PANEL, entries.count, softcap, part.largest[start + q], part.total[start + q],
            part.sums + (start + q) * depth, depth);
    for (int64_t q = 0; q < some;) {
      const int64_t left = some - q;
      const float* weights = scores + q * PANEL;
      float* to = part.sums + (start + q) * depth;
      if (left == 1)
        gather_all<In, 1, 4>(entries, depth, weights, to), q += 1;
      else if (left == 2)
        gather_all<In, 2, 2>(entries, depth, weights, to), q += 2;
      else if (left == 3)
        gather_all<In, 3, 1>(entries, depth, weights, to), q += 3;
      else if (left == 5)
        gather_all<In, 5, 1>(entries, depth, weights, to), q += 5;
      else if (left == 6)
        gather_all<In, 6, 1>(entries, depth, weights, to), q += 6;
      else
        gather_all<In, 4, 1>(entries, depth, weights, to), q += 4;
    }
  }
}

}  // namespace
}  // namespace decoding
}  // namespace words
