// Weights put into panels and back, and products with them: see packed.h.

// flags: -fopenmp -ffp-contract=off

#include <utility>

#include "packed.h"

namespace {

// How the bytes of one row's block are spread over a panel's: for each byte of the panel, of which row and which byte.
template <class Kind>
void places(std::vector<std::pair<int, int>>& found);

// Runs of bytes that go row by row, and fields of columns that go four by four.
void rowwise(std::vector<std::pair<int, int>>& found, int from, int width) {
  for (int row = 0; row < ROWS; ++row)
    for (int byte = 0; byte < width; ++byte) found.emplace_back(row, from + byte);
}
void fourwise(std::vector<std::pair<int, int>>& found, int from, int count, int width = 4) {
  for (int start = from; start < from + count; start += width)
    for (int row = 0; row < ROWS; ++row)
      for (int byte = 0; byte < width; ++byte) found.emplace_back(row, start + byte);
}
template <>
void places<Q8_0>(std::vector<std::pair<int, int>>& found) { rowwise(found, 0, 2), fourwise(found, 2, 32); }
template <>
void places<Q4_0>(std::vector<std::pair<int, int>>& found) { rowwise(found, 0, 2), fourwise(found, 2, 16); }
template <>
void places<Q4_1>(std::vector<std::pair<int, int>>& found) {
  rowwise(found, 0, 2), rowwise(found, 2, 2), fourwise(found, 4, 16);
}
template <>
void places<Q5_0>(std::vector<std::pair<int, int>>& found) {  // the fifth bits are turned apart, see below
  rowwise(found, 0, 2), rowwise(found, 2, 4), fourwise(found, 6, 16);
}
template <>
void places<Q5_1>(std::vector<std::pair<int, int>>& found) {
  rowwise(found, 0, 2), rowwise(found, 2, 2), rowwise(found, 4, 4), fourwise(found, 8, 16);
}
template <>
void places<Q4_K>(std::vector<std::pair<int, int>>& found) {
  rowwise(found, 0, 2), rowwise(found, 2, 2), fourwise(found, 4, 12, 1), fourwise(found, 16, 128);
}
template <>
void places<Q6_K>(std::vector<std::pair<int, int>>& found) {
  fourwise(found, 0, 128), fourwise(found, 128, 64), fourwise(found, 192, 16, 1), rowwise(found, 208, 2);
}

// The fifth bits of Q5_0, 32 of each row, from rows to bytes: of each four columns, the bit of the group's number. Or back.
void turn_bits(uint8_t* at, bool back) {
  uint8_t to[VECTOR] = {};
  for (int row = 0; row < ROWS; ++row)
    for (int column = 0; column < 32; ++column) {
      const int mine = 32 * row + column, place = 8 * (4 * row + column % 4) + column / 4;
      const int from = back ? place : mine, bit = back ? mine : place;
      to[bit / 8] |= (at[from / 8] >> from % 8 & 1) << bit % 8;
    }
  std::memcpy(at, to, VECTOR);
}

template <class Kind>
void repack(const uint8_t* from, uint8_t* to, long rows, long columns, bool back) {
  std::vector<std::pair<int, int>> order;
  places<Kind>(order);
  constexpr int FIFTH = std::is_same<Kind, Q5_0>::value ? 2 * ROWS : std::is_same<Kind, Q5_1>::value ? 4 * ROWS : 0;
  const long blocks = columns / Kind::COLUMNS, width = blocks * Kind::SIZE;
  uint8_t panel[ROWS * Kind::SIZE];
  for (long row = 0; row < rows; row += ROWS)
    for (long block = 0; block < blocks; ++block) {
      const long place = row * width + block * ROWS * Kind::SIZE;
      if (back) {
        std::memcpy(panel, from + place, sizeof panel);
        if (FIFTH) turn_bits(panel + FIFTH, true);
        for (size_t i = 0; i < order.size(); ++i)
          to[(row + order[i].first) * width + block * Kind::SIZE + order[i].second] = panel[i];
      } else {
        for (size_t i = 0; i < order.size(); ++i)
          panel[i] = from[(row + order[i].first) * width + block * Kind::SIZE + order[i].second];
        if (FIFTH) turn_bits(panel + FIFTH, false);
        std::memcpy(to + place, panel, sizeof panel);
      }
    }
}

}  // namespace

extern "C" {

int panel() { return ROWS; }

// Kinds by their numbers in GGUF files.
int pack(int kind, const uint8_t* from, uint8_t* to, int64_t rows, int64_t columns, int back) {
  switch (kind) {
    case 2: repack<Q4_0>(from, to, rows, columns, back); return 0;
    case 3: repack<Q4_1>(from, to, rows, columns, back); return 0;
    case 6: repack<Q5_0>(from, to, rows, columns, back); return 0;
    case 7: repack<Q5_1>(from, to, rows, columns, back); return 0;
    case 8: repack<Q8_0>(from, to, rows, columns, back); return 0;
    case 12: repack<Q4_K>(from, to, rows, columns, back); return 0;
    case 14: repack<Q6_K>(from, to, rows, columns, back); return 0;
  }
  return 1;
}

// out [count, rows]: products of tokens fp32 [count, columns] with packed weights. Returns 1 where there is no memory.
int product(int kind, const uint8_t* weights, const float* x, int64_t count, int64_t rows, int64_t columns, float* out,
            int64_t threads) try {
  std::vector<int8_t> numbers(count * columns);
  std::vector<float> scales(count * columns / GROUP), sums(count * columns / 16);
  std::vector<Token> tokens(count);
  threads = std::max<int64_t>(1, std::min(threads, rows * columns * count / SHARE));
  const Work work{tokens.data(), long(count), long(columns), long(rows), out};
  const long share = (rows / ROWS + threads - 1) / threads * ROWS;
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
#pragma omp for
    for (int64_t m = 0; m < count; ++m)
      tokens[m] = round_token(x + m * columns, columns, numbers.data() + m * columns,
                              scales.data() + m * columns / GROUP, sums.data() + m * columns / 16);
#pragma omp for
    for (long first = 0; first < rows; first += share) multiply(kind, weights, work, first, std::min<long>(rows, first + share));
  }
  return 0;
} catch (const std::bad_alloc&) {
  return 1;
}
}
