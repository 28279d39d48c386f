// Products with weights that stay in the blocks of a GGUF file, rows side by side.
//
// A panel holds the blocks of ROWS rows: what the rows have in one place lies together, four columns of each, so that one
// vector is multiplied with four numbers of a token, and sums of rows stay in their lanes. No byte more is held than the
// file has, and `unpack` gives them back. Tokens are rounded to 8 bits, 32 numbers with one scale. A product of one token is
// the same number beside others and alone: integers are summed without error, and scaled sums in one order.
//
// Few tokens are multiplied with weights as they are read. For many, panels are first spread out as tiles of bytes.
// Nothing is checked here: the caller has made sure that all sizes fit.

#pragma once

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "packed_kinds.h"

namespace {

constexpr int GROUP = 32;    // numbers of a token with one scale
constexpr int FEW = 4;       // tokens that are multiplied with weights as they are read
constexpr int MANY = ROWS / 2;  // tokens that are multiplied with tiles together
constexpr int PANELS = 2;    // that are tiles together
constexpr int TILE = 256;    // columns of a tile
constexpr int NEAR = 2048;   // bytes that are fetched ahead
constexpr int BLOCK = 128;   // tokens that go through all panels before the next ones, so that they stay near
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

// `M` tokens from one on, of which `count` are there; others stand in for the rest, and what they give is left out.
template <int M>
struct Tokens {
  const int8_t* numbers[M];
  const float *scales[M], *sums[M];
  float* out;
  long stride;
  int count;

  Tokens(const Work& work, long first, long row)
      : out(work.out + first * work.stride + row), stride(work.stride), count(int(std::min<long>(M, work.count - first))) {
    for (int m = 0; m < M; ++m) {
      const Token& token = work.tokens[first + std::min(m, count - 1)];
      numbers[m] = token.numbers, scales[m] = token.scales, sums[m] = token.sums;
    }
  }
  // Four numbers from a column on, for each row.
  INLINE Ints four(int m, long column) const {
    int32_t found;
    std::memcpy(&found, numbers[m] + column, 4);
    return found - Ints{};
  }
  // Adds the products of the run at a column: whole numbers times both scales, and the minimum times the token's sum. All
  // ways to a product end here, so that they give the same.
  template <class Kind>
  INLINE Floats added(Floats total, int m, long column, Ints found, Floats scale, Floats minimum) const {
    total = fused(real(found), scale * all(scales[m][column / GROUP]), total);
    if (!Kind::MINIMUM) return total;
    const float* of = sums[m] + column / 16;
    return fused(minimum, all(Kind::RUN == 16 ? of[0] : of[0] + of[1]), total);
  }
  LooseFloats& to(int m, int panel = 0) const { return *reinterpret_cast<LooseFloats*>(out + m * stride + ROWS * panel); }
};

// The whole numbers of a run: sums of the products of weights, group by group of four columns, with numbers of tokens.
template <class Kind, int P, int M, class Weights>
INLINE void dots(Ints (&found)[P][M], const Tokens<M>& tokens, long column, Weights weights) {
  constexpr int GROUPS = Kind::RUN / 4, TOGETHER = std::min(GROUPS, FULL(Kind::LARGEST));
#pragma GCC unroll 8
  for (int first = 0; first < GROUPS; first += TOGETHER) {
    Part parts[P][M] = {};
#pragma GCC unroll 8
    for (int group = first; group < first + TOGETHER; ++group) {
      Bytes of[P];
      for (int p = 0; p < P; ++p) of[p] = weights(p, group);
      for (int m = 0; m < M; ++m) {
        const Ints numbers = tokens.four(m, column + 4 * group);
        for (int p = 0; p < P; ++p)
          parts[p][m] = Kind::SIGNED ? dot_signed(parts[p][m], of[p], numbers) : dot(parts[p][m], of[p], numbers);
      }
    }
    for (int p = 0; p < P; ++p)
      for (int m = 0; m < M; ++m) found[p][m] += whole(parts[p][m]);
  }
}

// Few tokens with the weights of a panel.
template <class Kind, int M>
void few(const uint8_t* panel, const Tokens<M> tokens, long columns) {
  constexpr size_t RUNS = Kind::COLUMNS / Kind::RUN, BYTES = ROWS * Kind::SIZE / RUNS;
  Floats totals[M] = {};
  for (long column = 0; column < columns; panel += ROWS * Kind::SIZE)
    for (size_t run = 0; run < RUNS; ++run, column += Kind::RUN) {
      for (size_t line = 0; line < BYTES; line += 64) __builtin_prefetch(panel + NEAR + BYTES * run + line);
      Ints found[1][M] = {}, before = {};
      dots<Kind>(found, tokens, column, [&](int, int group) {
        const Bytes weights = Kind::weights(panel, run, group);
        if (AHEAD && Kind::SIGNED) before = ahead(before, weights);
        return weights;
      });
      const Floats scale = Kind::scale(panel, run), minimum = Kind::minimum(panel, run, scale);
      for (int m = 0; m < M; ++m)
        totals[m] = tokens.template added<Kind>(totals[m], m, column, found[0][m] - before, scale, minimum);
    }
  for (int m = 0; m < tokens.count; ++m) tokens.to(m) = totals[m];
}

// Weights of a panel spread out, with what else each run needs.
template <class Kind>
struct Tile {
  static constexpr int GROUPS = Kind::RUN / 4, RUNS = TILE / Kind::RUN;
  Bytes weights[TILE / 4];
  Floats scales[RUNS], minima[RUNS];
  Ints before[RUNS];

  void fill(const uint8_t* panel, int columns) {
    for (int at = 0; at < columns / Kind::RUN; panel += ROWS * Kind::SIZE)
      for (size_t run = 0; run < Kind::COLUMNS / Kind::RUN; ++run, ++at) {
        before[at] = Ints{};
        for (int group = 0; group < GROUPS; ++group) {
          const Bytes found = weights[GROUPS * at + group] = Kind::weights(panel, run, group);
          if (AHEAD && Kind::SIGNED) before[at] = ahead(before[at], found);
        }
        scales[at] = Kind::scale(panel, run), minima[at] = Kind::minimum(panel, run, scales[at]);
      }
  }
};

// Many tokens with tiles that begin at a column.
template <class Kind, int P, int M>
void many(const Tile<Kind>* tiles, const Tokens<M> tokens, long column, int columns) {
  Floats totals[P][M] = {};
  if (column)
    for (int p = 0; p < P; ++p)
      for (int m = 0; m < M; ++m) totals[p][m] = tokens.to(std::min(m, tokens.count - 1), p);
  for (int run = 0; run < columns / Kind::RUN; ++run, column += Kind::RUN) {
    Ints found[P][M] = {};
    dots<Kind>(found, tokens, column, [&](int p, int group) { return tiles[p].weights[Kind::RUN / 4 * run + group]; });
    for (int p = 0; p < P; ++p) {
      const Tile<Kind>& tile = tiles[p];
      for (int m = 0; m < M; ++m) {
        if (AHEAD && Kind::SIGNED) found[p][m] -= tile.before[run];
        totals[p][m] = tokens.template added<Kind>(totals[p][m], m, column, found[p][m], tile.scales[run], tile.minima[run]);
      }
    }
  }
  for (int p = 0; p < P; ++p)
    for (int m = 0; m < tokens.count; ++m) tokens.to(m, p) = totals[p][m];
}

// Tokens start .. end - 1 with P panels.
template <class Kind, int P>
void spread(const uint8_t* panels, const Work& work, long start, long end, long row) {
  const long size = work.columns / Kind::COLUMNS * Kind::SIZE;
  Tile<Kind> tiles[P];
  for (long column = 0; column < work.columns; column += TILE) {
    const int width = int(std::min<long>(TILE, work.columns - column));
    for (int p = 0; p < P; ++p) {
      const uint8_t* from = panels + ROWS * (p * size + column / Kind::COLUMNS * Kind::SIZE);
      tiles[p].fill(from, width);
      for (int byte = 0; byte < ROWS * TILE / Kind::COLUMNS * Kind::SIZE; byte += 64)
        __builtin_prefetch(from + ROWS * TILE / Kind::COLUMNS * Kind::SIZE + byte);
    }
    long m = start;
    for (; m + MANY / 2 < end; m += MANY) many<Kind, P, MANY>(tiles, {work, m, row}, column, width);
    for (; m < end; m += MANY / 2) many<Kind, P, MANY / 2>(tiles, {work, m, row}, column, width);
  }
}

template <class Kind>
void multiply(const uint8_t* weights, const Work& work, long first, long last) {
  const long size = work.columns / Kind::COLUMNS * Kind::SIZE;
  if (work.count <= FEW) {
    for (long row = first; row < last; row += ROWS) {
      const uint8_t* panel = weights + row * size;
      if (work.count > 2) few<Kind, FEW>(panel, {work, 0, row}, work.columns);
      else if (work.count == 2) few<Kind, 2>(panel, {work, 0, row}, work.columns);
      else few<Kind, 1>(panel, {work, 0, row}, work.columns);
    }
    return;
  }
  for (long start = 0; start < work.count; start += BLOCK) {
    const long end = std::min<long>(work.count, start + BLOCK);
    long row = first;
    for (; row + PANELS * ROWS <= last; row += PANELS * ROWS) spread<Kind, PANELS>(weights + row * size, work, start, end, row);
    for (; row < last; row += ROWS) spread<Kind, 1>(weights + row * size, work, start, end, row);
  }
}

// The same for a kind by its number in GGUF files: rows first .. last - 1, whole panels of them.
inline void multiply(int kind, const uint8_t* weights, const Work& work, long first, long last) {
  switch (kind) {
    case 2: multiply<Q4_0>(weights, work, first, last); break;
    case 3: multiply<Q4_1>(weights, work, first, last); break;
    case 6: multiply<Q5_0>(weights, work, first, last); break;
    case 7: multiply<Q5_1>(weights, work, first, last); break;
    case 8: multiply<Q8_0>(weights, work, first, last); break;
    case 12: multiply<Q4_K>(weights, work, first, last); break;
    case 14: multiply<Q6_K>(weights, work, first, last); break;
  }
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
