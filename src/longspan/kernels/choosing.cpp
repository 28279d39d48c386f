// What a selector needs at every generated token: products of queries with a table, and the highest numbers of a row.
// flags: -fopenmp

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <vector>

#include "panels.h"

namespace words {
namespace decoding {
namespace {

// table [rows, count, dim], rows `pitch` numbers apart; queries fp32 [rows, group, dim]; out [rows, group, count].
template <class In>
void multiply(const In* table, int64_t pitch, const float* queries, int64_t rows, int64_t group, int64_t count, int64_t dim,
              float* out, int threads) {
  const int64_t panels = (count + PANEL - 1) / PANEL;
  Memory<float> turned(rows * group * dim);
  for (int64_t q = 0; q < rows * group; ++q)
    for (int64_t i = 0; i < dim; ++i) (turned + q * dim)[Chunk<In>::place(i)] = queries[q * dim + i];
#pragma omp parallel for num_threads(threads) if (rows * panels * group * dim > 1 << 14)
  for (int64_t each = 0; each < rows * panels; ++each) {
    const int64_t row = each / panels, start = each % panels * PANEL, some = std::min<int64_t>(PANEL, count - start);
    alignas(64) float scores[3 * PANEL];
    const In* keys[PANEL + KEYS];
    for (int64_t k = 0; k < some + KEYS; ++k) keys[k] = table + row * pitch + (start + std::min(k, some - 1)) * dim;
    for (int64_t q = 0; q < group;) {
      const int64_t take = std::min<int64_t>(3, group - q);
      const float* mine = turned + (row * group + q) * dim;
      for (int64_t k = 0; k < some; k += KEYS) {
        if (take == 3)
          meet<In, 3>(keys + k, dim, mine, scores + k);
        else if (take == 2)
          meet<In, 2>(keys + k, dim, mine, scores + k);
        else
          meet<In, 1>(keys + k, dim, mine, scores + k);
      }
      for (int64_t i = 0; i < take; ++i)
        std::memcpy(out + (row * group + q + i) * count + start, scores + i * PANEL, some * sizeof(float));
      q += take;
    }
  }
}

constexpr int BITS = 11;  // of a number by which it is sorted at first

// In the order of the numbers; what is no number comes behind all.
INLINE uint32_t ordered(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return x != x ? 0xffffffffu : bits >> 31 ? ~bits : bits | 0x80000000u;
}

}  // namespace
}  // namespace decoding
}  // namespace words

using namespace words::decoding;

// 0, or 1 where memory does not suffice. dim: a multiple of CHUNK.
extern "C" int multiply_table(const void* table, int64_t bf16, int64_t pitch, const float* queries, int64_t rows,
                              int64_t group, int64_t count, int64_t dim, float* out, int64_t threads) {
  try {
    if (bf16)
      multiply(static_cast<const words::Bf16*>(table), pitch, queries, rows, group, count, dim, out, threads);
    else
      multiply(static_cast<const float*>(table), pitch, queries, rows, group, count, dim, out, threads);
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}

// The places of the `most` highest numbers of each row [rows, count], ascending, the first of those that are alike.
extern "C" int highest(const float* scores, int64_t rows, int64_t count, int64_t most, int64_t* out) {
  try {
    std::vector<uint32_t> all(count), some;
    for (int64_t row = 0; row < rows; ++row, scores += count, out += most) {
      int64_t in_bin[1 << BITS] = {}, bin = (1 << BITS) - 1, alike = most;
      for (int64_t i = 0; i < count; ++i) all[i] = ordered(scores[i]), ++in_bin[all[i] >> (32 - BITS)];
      for (; in_bin[bin] < alike; --bin) alike -= in_bin[bin];  // the last one lies in this bin
      some.clear();
      for (uint32_t x : all)
        if (x >> (32 - BITS) == uint32_t(bin)) some.push_back(x);
      std::nth_element(some.begin(), some.begin() + (alike - 1), some.end(), std::greater<uint32_t>());
      const uint32_t least = some[alike - 1];
      alike -= std::count_if(some.begin(), some.end(), [&](uint32_t x) { return x > least; });
      for (int64_t i = 0, at = 0; i < count && at < most; ++i)
        if (all[i] > least || (all[i] == least && alike-- > 0)) out[at++] = i;
    }
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}

extern "C" int64_t chunk() { return CHUNK; }
