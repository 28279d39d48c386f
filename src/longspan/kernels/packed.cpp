// Weights put into panels and back, and products with them: see packed.h.

// flags: -fopenmp -ffp-contract=off

#include "packed_products.h"

namespace {

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

// How the bytes of a kind's blocks lie.
struct Layout {
  const Field* fields;
  size_t count;
  long columns, size, turned;
};

// Moves the bytes of blocks of ROWS rows, `width` bytes apart, into a panel's block, or back.
template <bool BACK, class Rows, class Panel>
void repack(const Layout& of, Rows* rows, long width, Panel* panel) {
  long start = 0;
  for (size_t number = 0; number < of.count; ++number) {
    const Field& field = of.fields[number];
    uint8_t turned[VECTOR];
    Panel* at = panel + start * ROWS;
    if (BACK && of.turned && start == of.turned) {
      std::memcpy(turned, at, sizeof turned);
      turn_bits(turned, true);
      at = turned;
    }
    auto move = [&](auto together) {
      for (long byte = start; byte < start + field.bytes; byte += together)
        for (int row = 0; row < ROWS; ++row, at += together) {
          Rows* mine = rows + row * width + byte;
          if constexpr (BACK) std::memcpy(mine, at, together);
          else std::memcpy(at, mine, together);
        }
    };
    if (field.together == 1) move(std::integral_constant<int, 1>{});
    else if (field.together == 2) move(std::integral_constant<int, 2>{});
    else move(std::integral_constant<int, 4>{});
    if constexpr (!BACK)
      if (of.turned && start == of.turned) turn_bits(panel + start * ROWS, false);
    start += field.bytes;
  }
}

// All of a matrix, of one kind by its number. False: there is none such.
template <bool BACK, class Rows, class Panel>
bool repacked(int kind, Rows* rows, Panel* panels, long count, long columns) {
  Layout of;
  const bool known = with_kind(kind, [&](auto block) {
    using Kind = decltype(block);
    of = {Kind::FIELDS, sizeof Kind::FIELDS / sizeof(Field), Kind::COLUMNS, Kind::SIZE, Kind::TURNED};
  });
  if (!known) return false;
  const long blocks = columns / of.columns, width = blocks * of.size;
#pragma omp parallel for if (count * columns > 1 << 18)
  for (long row = 0; row < count; row += ROWS)
    for (long block = 0; block < blocks; ++block)
      repack<BACK>(of, rows + row * width + block * of.size, width, panels + row * width + block * ROWS * of.size);
  return true;
}

}  // namespace

extern "C" {

int panel() { return ROWS; }

// Rows of blocks into panels, and back. 1: there is no such kind.
int pack(int kind, const uint8_t* rows, uint8_t* panels, int64_t count, int64_t columns) {
  return !repacked<false>(kind, rows, panels, count, columns);
}
int unpack(int kind, const uint8_t* panels, uint8_t* rows, int64_t count, int64_t columns) {
  return !repacked<true>(kind, rows, panels, count, columns);
}

// Products of tokens with rows first .. last - 1, whole panels of them; it is what `lend` gives to other libraries.
void multiply_rows(int kind, const uint8_t* weights, const Work* work, long first, long last) {
  multiply_here(kind, weights, *work, first, last);
}

// out [count, rows]: products of tokens fp32 [count, columns] with packed weights. exact: tokens are not rounded. Returns 1
// where there is no memory.
int product(int kind, const uint8_t* weights, const float* x, int64_t count, int64_t rows, int64_t columns, int exact,
            float* out, int64_t threads) try {
  const long size = exact ? 0 : columns;
  std::vector<int8_t> numbers(count * size);
  std::vector<float> scales(count * size / GROUP), sums(count * size / 16);
  std::vector<Token> tokens(count);
  threads = std::max<int64_t>(1, std::min(threads, rows * columns * count / SHARE));
  const Work work{tokens.data(), long(count), long(columns), long(rows), out};
  const long share = (rows / ROWS + threads - 1) / threads * ROWS;
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
#pragma omp for
    for (int64_t m = 0; m < count; ++m) {
      tokens[m] = round_token(x + m * columns, size, numbers.data() + m * size, scales.data() + m * size / GROUP,
                              sums.data() + m * size / 16);
    }
#pragma omp for
    for (long first = 0; first < rows; first += share)
      multiply_here(kind, weights, work, first, std::min<long>(rows, first + share));
  }
  return 0;
} catch (const std::bad_alloc&) {
  return 1;
}
}
