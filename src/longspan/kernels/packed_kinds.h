// Kinds of blocks: how the weights, scales and minima of a panel are read out of it.
//
// A block holds COLUMNS weights of each row in SIZE bytes. RUN columns in succession have one scale. `weights` are those of
// a run's four columns of all rows: whole numbers up to LARGEST, or SIGNED ones; a weight is its number times the run's scale,
// plus the minimum where there is one. In which order bytes lie is said by `places` in packed.cpp.

#pragma once

#include "packed_vectors.h"

namespace {

struct Q8_0 {
  static constexpr int COLUMNS = 32, SIZE = 34, RUN = 32, LARGEST = 128;
  static constexpr bool SIGNED = true, MINIMUM = false;
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return load(block + 2 * ROWS + VECTOR * group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats) { return Floats{}; }
};

// Four bits of two columns a byte, of the first and of the last 16. Fifth bits, if any, lie before
// them, those of a group in one bit of all bytes: see `turn_bits`.
// What is taken off each weight before it is scaled is either one number for all, or a minimum that a block brings.
template <int BYTES, bool FIFTH, bool OWN>
struct Nibbles {
  static constexpr int COLUMNS = 32, SIZE = BYTES, RUN = 32, LARGEST = FIFTH ? 31 : 15;
  static constexpr bool SIGNED = false, MINIMUM = true;
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) {
    const uint8_t* from = block + (OWN ? 4 : 2) * ROWS;
    const Bytes four = bits(load(from + (FIFTH ? VECTOR : 0) + group % 4 * VECTOR), group / 4 * 4, 15);
    return FIFTH ? four | times_16(bits(load(from), group, 1)) : four;
  }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t* block, size_t, Floats scale) {
    return OWN ? halves(block + 2 * ROWS) : scale * (FIFTH ? -16.0f : -8.0f);
  }
};
using Q4_0 = Nibbles<18, false, false>;
using Q4_1 = Nibbles<20, false, true>;
using Q5_0 = Nibbles<22, true, false>;
using Q5_1 = Nibbles<24, true, true>;

// The 6-bit scale or minimum of a run, of rows whose 12 bytes lie byte by byte.
INLINE Ints six_bits(const uint8_t* packed, size_t run, bool minimum) {
  auto byte = [&](size_t number) { return wide(packed + ROWS * number); };
  if (run < 4) return byte(run + (minimum ? 4 : 0)) & 63;
  const Ints low = byte(run + 4), high = byte(run - (minimum ? 0 : 4)) >> 6;
  return (minimum ? low >> 4 : low & 15) | high << 4;
}

struct Q4_K {
  static constexpr int COLUMNS = 256, SIZE = 144, RUN = 32, LARGEST = 15;
  static constexpr bool SIGNED = false, MINIMUM = true;
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return bits(load(block + 16 * ROWS + VECTOR * 8 * (run / 2) + VECTOR * group), run % 2 * 4, 15);
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    return halves(block) * real(six_bits(block + 4 * ROWS, run, false));
  }
  static INLINE Floats minimum(const uint8_t* block, size_t run, Floats) {
    return -halves(block + 2 * ROWS) * real(six_bits(block + 4 * ROWS, run, true));
  }
};

struct Q6_K {
  static constexpr int COLUMNS = 256, SIZE = 210, RUN = 16, LARGEST = 63;
  static constexpr bool SIGNED = false, MINIMUM = true;
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    const size_t half = run / 8, part = run / 2 % 4;
    const uint8_t *low = block + VECTOR * (16 * half + run % 4 * 4), *high = block + VECTOR * (32 + 8 * half + run % 2 * 4);
    return bits(load(low + VECTOR * group), part / 2 * 4, 15) | times_16(bits(load(high + VECTOR * group), 2 * part, 3));
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    return halves(block + 208 * ROWS) * real(wide_signed(block + ROWS * (192 + run)));
  }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return scale * -32.0f; }
};

}  // namespace
