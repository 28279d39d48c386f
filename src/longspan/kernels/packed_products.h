// How products with packed weights are computed: see packed.h for what they are.
//
// Few tokens are multiplied with weights as they are read. For many, panels are first spread out as tiles of bytes, which are
// of few shapes. Nothing is checked here: the caller has made sure that all sizes fit.

#pragma once

#include "packed.h"
#include "packed_kinds.h"

namespace {

constexpr int FEW = 8;          // tokens that are multiplied with weights as they are read
constexpr int TAKEN = 4;        // tokens that are multiplied with numbers as they are together
constexpr int MANY = ROWS / 2;  // tokens that are multiplied with tiles together
constexpr int TILE = 256;       // columns of a tile
constexpr int NEAR = 2048;      // bytes that are fetched ahead
constexpr int BLOCK = 128;      // tokens that go through all panels before the next ones, so that they stay near

// `M` tokens from one on, of which `count` are there; others stand in for the rest, and what they give is left out.
template <int M>
struct Tokens {
  const int8_t* numbers[M];
  const float *scales[M], *sums[M], *exact[M];
  float* out;
  long stride;
  int count;

  Tokens(const Work& work, long first, long row)
      : out(work.out + first * work.stride + row), stride(work.stride), count(int(std::min<long>(M, work.count - first))) {
    for (int m = 0; m < M; ++m) {
      const Token& token = work.tokens[first + std::min(m, count - 1)];
      numbers[m] = token.numbers, scales[m] = token.scales, sums[m] = token.sums, exact[m] = token.exact;
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
  template <class Shape>
  INLINE Floats added(Floats total, int m, long column, Ints found, Floats scale, Floats minimum) const {
    total = fused(real(found), scale * all(scales[m][column / GROUP]), total);
    if (Shape::SIGNED) return total;
    const float* of = sums[m] + column / 16;
    return fused(minimum, all(Shape::RUN == 16 ? of[0] : of[0] + of[1]), total);
  }
  LooseFloats& to(int m, long rows = 0) const { return *reinterpret_cast<LooseFloats*>(out + m * stride + rows); }
};

// What products know of a kind once its weights are spread out. TOGETHER: groups whose sums go into a `Part`.
template <int RUN_, bool SIGNED_, int TOGETHER_>
struct Shape {
  static constexpr int RUN = RUN_, GROUPS = RUN / 4, TOGETHER = TOGETHER_, RUNS = TILE / RUN;
  static constexpr bool SIGNED = SIGNED_;
};
constexpr int together(int groups, int full) { return full >= groups ? groups : together(groups / 2, full); }
template <class Kind>
using ShapeOf = Shape<Kind::RUN, Kind::SIGNED, Kind::SIGNED ? 1 : together(Kind::RUN / 4, FULL(Kind::LARGEST))>;

// The whole numbers of a run: sums of the products of weights, group by group of four columns, with numbers of tokens.
template <class Shape, int P, int M, class Weights>
INLINE void dots(Ints (&found)[P][M], const Tokens<M>& tokens, long column, Weights weights) {
#pragma GCC unroll 8
  for (int first = 0; first < Shape::GROUPS; first += Shape::TOGETHER) {
    Part parts[P][M] = {};
#pragma GCC unroll 8
    for (int group = first; group < first + Shape::TOGETHER; ++group) {
      Bytes of[P];
      for (int p = 0; p < P; ++p) of[p] = weights(p, group);
      for (int m = 0; m < M; ++m) {
        const Ints numbers = tokens.four(m, column + 4 * group);
        for (int p = 0; p < P; ++p)
          parts[p][m] = Shape::SIGNED ? dot_signed(parts[p][m], of[p], numbers) : dot(parts[p][m], of[p], numbers);
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
      dots<ShapeOf<Kind>>(found, tokens, column, [&](int, int group) {
        const Bytes weights = Kind::weights(panel, run, group);
        if (AHEAD && Kind::SIGNED) before = ahead(before, weights);
        return weights;
      });
      const Floats scale = Kind::scale(panel, run), minimum = Kind::minimum(panel, run, scale);
      for (int m = 0; m < M; ++m)
        totals[m] = tokens.template added<ShapeOf<Kind>>(totals[m], m, column, found[0][m] - before, scale, minimum);
    }
  for (int m = 0; m < tokens.count; ++m) tokens.to(m) = totals[m];
}

// Weights of a panel spread out, with what else each run needs.
template <class Shape>
struct Tile {
  Bytes weights[TILE / 4];
  Floats scales[Shape::RUNS], minima[Shape::RUNS];
  Ints before[Shape::RUNS];

  template <class Kind>
  void fill(const uint8_t* panel, int columns) {
    for (int at = 0; at < columns / Kind::RUN; panel += ROWS * Kind::SIZE)
      for (size_t run = 0; run < Kind::COLUMNS / Kind::RUN; ++run, ++at) {
        Ints sum = {};
        for (int group = 0; group < Shape::GROUPS; ++group) {
          const Bytes found = weights[Shape::GROUPS * at + group] = Kind::weights(panel, run, group);
          if (AHEAD && Shape::SIGNED) sum = ahead(sum, found);
        }
        const Floats scale = Kind::scale(panel, run);
        before[at] = sum, scales[at] = scale, minima[at] = Kind::minimum(panel, run, scale);
      }
  }
};

// Many tokens with two tiles that begin at a column. apart: rows between them.
template <class Shape, int M>
void many(const Tile<Shape> (&tiles)[2], const Tokens<M> tokens, long column, int columns, long apart) {
  Floats totals[2][M] = {};
  if (column)
    for (int p = 0; p < 2; ++p)
      for (int m = 0; m < M; ++m) totals[p][m] = tokens.to(std::min(m, tokens.count - 1), p * apart);
  for (int run = 0; run < columns / Shape::RUN; ++run, column += Shape::RUN) {
    Ints found[2][M] = {};
    dots<Shape>(found, tokens, column, [&](int p, int group) { return tiles[p].weights[Shape::GROUPS * run + group]; });
    for (int p = 0; p < 2; ++p) {
      const Tile<Shape>& tile = tiles[p];
      for (int m = 0; m < M; ++m) {
        if (AHEAD && Shape::SIGNED) found[p][m] -= tile.before[run];
        totals[p][m] = tokens.template added<Shape>(totals[p][m], m, column, found[p][m], tile.scales[run], tile.minima[run]);
      }
    }
  }
  for (int p = 0; p < 2; ++p)
    for (int m = 0; m < tokens.count; ++m) tokens.to(m, p * apart) = totals[p][m];
}

// Tokens start .. end - 1 with two panels, the second so many rows behind the first.
template <class Kind>
void spread(const uint8_t* panel, const Work& work, long start, long end, long row, long apart) {
  const long size = work.columns / Kind::COLUMNS * Kind::SIZE, share = ROWS * TILE / Kind::COLUMNS * Kind::SIZE;
  Tile<ShapeOf<Kind>> tiles[2];
  for (long column = 0; column < work.columns; column += TILE, panel += share) {
    const int width = int(std::min<long>(TILE, work.columns - column));
    for (int p = 0; p < 2; ++p) {
      const uint8_t* from = panel + p * apart * size;
      tiles[p].template fill<Kind>(from, width);
      for (long byte = 0; byte < share; byte += 64) __builtin_prefetch(from + share + byte);
    }
    long m = start;
    for (; m + MANY / 2 < end; m += MANY) many<ShapeOf<Kind>, MANY>(tiles, {work, m, row}, column, width, apart);
    for (; m < end; m += MANY / 2) many<ShapeOf<Kind>, MANY / 2>(tiles, {work, m, row}, column, width, apart);
  }
}

template <class Kind>
void multiply_rounded(const uint8_t* weights, const Work& work, long first, long last) {
  const long size = work.columns / Kind::COLUMNS * Kind::SIZE;
  const bool as_read = work.count <= FEW || (Kind::SIGNED && !AHEAD);  // tiles gain nothing where signs are put in order
  for (long row = first; row < last && as_read; row += ROWS) {
    const uint8_t* panel = weights + row * size;
    long m = 0;
    for (; work.count - m > 6; m += 8) few<Kind, 8>(panel, {work, m, row}, work.columns);
    if (work.count - m > 4) few<Kind, 6>(panel, {work, m, row}, work.columns), m += 6;
    if (work.count - m > 2) few<Kind, 4>(panel, {work, m, row}, work.columns), m += 4;
    if (work.count - m == 2) few<Kind, 2>(panel, {work, m, row}, work.columns);
    if (work.count - m == 1) few<Kind, 1>(panel, {work, m, row}, work.columns);
  }
  for (long start = 0; start < work.count && !as_read; start += BLOCK)
    for (long row = first; row < last; row += 2 * ROWS)
      spread<Kind>(weights + row * size, work, start, std::min<long>(work.count, start + BLOCK), row, row + ROWS < last ? ROWS : 0);
}

// Tokens as they are with numbers as they are, in sums of 32 columns.
template <class Kind, int P, int M>
void plainly(const uint8_t* panel, const Tokens<M> tokens, long columns, long apart) {
  Floats totals[P][M] = {};
  for (long start = 0; start < columns; start += GROUP) {
    Floats found[P][M] = {};
    for (long column = start; column < std::min(columns, start + GROUP); ++column, panel += ROWS * Kind::SIZE) {
      Floats numbers[P];
      for (int p = 0; p < P; ++p) numbers[p] = Kind::numbers(panel + p * apart * columns * Kind::SIZE);
      for (int m = 0; m < M; ++m)
        for (int p = 0; p < P; ++p) found[p][m] = fused(numbers[p], all(tokens.exact[m][column]), found[p][m]);
    }
    for (int p = 0; p < P; ++p)
      for (int m = 0; m < M; ++m) totals[p][m] += found[p][m];
  }
  for (int p = 0; p < P; ++p)
    for (int m = 0; m < tokens.count; ++m) tokens.to(m, p * apart) = totals[p][m];
}

template <class Kind>
void multiply_exact(const uint8_t* weights, const Work& work, long first, long last) {
  for (long row = first; row < last;) {
    const uint8_t* panel = weights + row * work.columns * Kind::SIZE;
    const int panels = row + 4 * ROWS <= last && work.count == 1 ? 4 : row + 2 * ROWS <= last ? 2 : 1;
    for (long m = 0; m < work.count; m += TAKEN) {
      if (panels == 4) plainly<Kind, 4, 1>(panel, {work, m, row}, work.columns, ROWS);
      else if (panels == 2) plainly<Kind, 2, TAKEN>(panel, {work, m, row}, work.columns, ROWS);
      else plainly<Kind, 1, TAKEN>(panel, {work, m, row}, work.columns, 0);
    }
    row += panels * ROWS;
  }
}

// Products with rows first .. last - 1, whole panels of them.
inline void multiply_here(int kind, const uint8_t* weights, const Work& work, long first, long last) {
  with_kind(kind, [&](auto block) {
    using Kind = decltype(block);
    if constexpr (Kind::COLUMNS == 1) multiply_exact<Kind>(weights, work, first, last);
    else multiply_rounded<Kind>(weights, work, first, last);
  });
}

}  // namespace
