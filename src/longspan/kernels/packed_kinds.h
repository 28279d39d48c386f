// Kinds of blocks: how the weights, scales and minima of a panel are read out of it.
//
// A block holds COLUMNS weights of each row in SIZE bytes: FIELDS of so many bytes, of which so many go together. A panel has
// the fields in the same order, with what goes together from all rows side by side. RUN columns have one scale. `weights` are
// those of a run's four columns of all rows: whole numbers up to LARGEST, and a weight is its number times the run's scale, plus
// a minimum; or SIGNED ones without a minimum.

#pragma once

#include "packed_vectors.h"

namespace {

struct Field {
  int bytes, together;
};

constexpr uint8_t IQ4[16] = {129, 152, 173, 191, 207, 221, 234, 246, 1, 13, 25, 38, 53, 69, 89, 113};  // of IQ4_NL, as int8
constexpr uint8_t FP4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, 255, 254, 253, 252, 250, 248, 244};           // twice those of E2M1

// What most kinds are. TURNED: where 32 bits of each row lie that become those of bytes, see `turn_bits`.
template <int COLUMNS_, int SIZE_, int RUN_, int LARGEST_, bool SIGNED_ = false, int TURNED_ = 0>
struct Block {
  static constexpr int COLUMNS = COLUMNS_, SIZE = SIZE_, RUN = RUN_, LARGEST = LARGEST_, TURNED = TURNED_;
  static constexpr bool SIGNED = SIGNED_;
  static INLINE Floats minimum(const uint8_t*, size_t, Floats) { return Floats{}; }
};

// Four columns out of bytes that hold two: of the first and of the last half of a run of 32.
INLINE Bytes nibbles(const uint8_t* from, int group) { return bits(load(from + group % 4 * VECTOR), group / 4 * 4, 15); }

struct Q8_0 : Block<32, 34, 32, 128, true> {
  static constexpr Field FIELDS[] = {{2, 2}, {32, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return load(block + 2 * ROWS + VECTOR * group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
};

struct Q4_0 : Block<32, 18, 32, 15> {
  static constexpr Field FIELDS[] = {{2, 2}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return nibbles(block + 2 * ROWS, group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return scale * -8.0f; }
};
struct Q4_1 : Block<32, 20, 32, 15> {
  static constexpr Field FIELDS[] = {{2, 2}, {2, 2}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return nibbles(block + 4 * ROWS, group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t* block, size_t, Floats) { return halves(block + 2 * ROWS); }
};

// Fifth bits lie before the others, those of a group in one bit of all bytes.
INLINE Bytes fives(const uint8_t* from, int group) {
  return nibbles(from + VECTOR, group) | times_16(bits(load(from), group, 1));
}
struct Q5_0 : Block<32, 22, 32, 31, false, 2> {
  static constexpr Field FIELDS[] = {{2, 2}, {4, 4}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return fives(block + 2 * ROWS, group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return scale * -16.0f; }
};
struct Q5_1 : Block<32, 24, 32, 31, false, 4> {
  static constexpr Field FIELDS[] = {{2, 2}, {2, 2}, {4, 4}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return fives(block + 4 * ROWS, group); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
  static INLINE Floats minimum(const uint8_t* block, size_t, Floats) { return halves(block + 2 * ROWS); }
};

// Two bits of a run of 16: 128 columns share 32 bytes, 32 columns after another.
INLINE Bytes twos(const uint8_t* from, size_t run, int group) {
  return bits(load(from + VECTOR * (8 * (run / 8) + run % 2 * 4) + VECTOR * group), run / 2 % 4 * 2, 3);
}
struct Q2_K : Block<256, 84, 16, 3> {
  static constexpr Field FIELDS[] = {{16, 1}, {64, 4}, {2, 2}, {2, 2}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) { return twos(block + 16 * ROWS, run, group); }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    return halves(block + 80 * ROWS) * real(wide(block + ROWS * run) & 15);
  }
  static INLINE Floats minimum(const uint8_t* block, size_t run, Floats) {
    return -halves(block + 82 * ROWS) * real(wide(block + ROWS * run) >> 4);
  }
};
struct Q3_K : Block<256, 110, 16, 7> {
  static constexpr Field FIELDS[] = {{32, 4}, {64, 4}, {12, 1}, {2, 2}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    const Bytes third = bits(load(block + VECTOR * 4 * (run % 2) + VECTOR * group), run / 2, 1);
    return twos(block + 32 * ROWS, run, group) | third + third + third + third;
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    const uint8_t* packed = block + 96 * ROWS;
    const Ints low = (wide(packed + ROWS * (run % 8)) >> int(run / 8 * 4)) & 15;
    const Ints high = wide(packed + ROWS * (8 + run % 4)) >> int(run / 4 * 2) & 3;
    return halves(block + 108 * ROWS) * real((low | high << 4) - 32);
  }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return scale * -4.0f; }
};

// The 6-bit scale or minimum of a run of Q4_K and Q5_K, of rows whose 12 bytes lie byte by byte.
INLINE Ints six_bits(const uint8_t* packed, size_t run, bool minimum) {
  auto byte = [&](size_t number) { return wide(packed + ROWS * number); };
  if (run < 4) return byte(run + (minimum ? 4 : 0)) & 63;
  const Ints low = byte(run + 4), high = byte(run - (minimum ? 0 : 4)) >> 6;
  return (minimum ? low >> 4 : low & 15) | (high << 4);
}
template <int BYTES, int LARGEST_>
struct Scaled : Block<256, BYTES, 32, LARGEST_> {
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    return halves(block) * real(six_bits(block + 4 * ROWS, run, false));
  }
  static INLINE Floats minimum(const uint8_t* block, size_t run, Floats) {
    return -halves(block + 2 * ROWS) * real(six_bits(block + 4 * ROWS, run, true));
  }
  static INLINE Bytes four(const uint8_t* from, size_t run, int group) {
    return bits(load(from + VECTOR * 8 * (run / 2) + VECTOR * group), run % 2 * 4, 15);
  }
};
struct Q4_K : Scaled<144, 15> {
  static constexpr Field FIELDS[] = {{2, 2}, {2, 2}, {12, 1}, {128, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) { return four(block + 16 * ROWS, run, group); }
};
struct Q5_K : Scaled<176, 31> {
  static constexpr Field FIELDS[] = {{2, 2}, {2, 2}, {12, 1}, {32, 4}, {128, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return four(block + 48 * ROWS, run, group) | times_16(bits(load(block + 16 * ROWS + VECTOR * group), run, 1));
  }
};

struct Q6_K : Block<256, 210, 16, 63> {
  static constexpr Field FIELDS[] = {{128, 4}, {64, 4}, {16, 1}, {2, 2}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    const uint8_t* low = block + VECTOR * (16 * (run / 8) + run % 4 * 4);
    return bits(load(low + VECTOR * group), run / 4 % 2 * 4, 15) | times_16(twos(block + 128 * ROWS, run, group));
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    return halves(block + 208 * ROWS) * real(wide_signed(block + ROWS * (192 + run)));
  }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return scale * -32.0f; }
};

struct IQ4_NL : Block<32, 18, 32, 127, true> {
  static constexpr Field FIELDS[] = {{2, 2}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return chosen(IQ4, nibbles(block + 2 * ROWS, group)); }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block); }
};
struct IQ4_XS : Block<256, 136, 32, 127, true> {
  static constexpr Field FIELDS[] = {{2, 2}, {2, 1}, {4, 1}, {128, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return chosen(IQ4, nibbles(block + 8 * ROWS + VECTOR * 4 * run, group));
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {
    const Ints low = wide(block + ROWS * (4 + run / 2)) >> int(run % 2 * 4) & 15;
    const Ints high = wide(block + ROWS * (2 + run / 4)) >> int(run % 4 * 2) & 3;
    return halves(block) * real((low | high << 4) - 32);
  }
};

struct MXFP4 : Block<32, 17, 32, 12, true> {
  static constexpr Field FIELDS[] = {{1, 1}, {16, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t, int group) { return chosen(FP4, nibbles(block + ROWS, group)); }
  static INLINE Floats scale(const uint8_t* block, size_t) {  // half of 2^(x - 127)
    const Ints x = wide(block);
    return (Floats)(x > 1 ? (x - 1) << 23 : (x + 1) << 21);
  }
};
struct NVFP4 : Block<64, 36, 16, 12, true> {
  static constexpr Field FIELDS[] = {{4, 1}, {32, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return chosen(FP4, bits(load(block + 4 * ROWS + VECTOR * 2 * run + VECTOR * (group % 2)), group / 2 * 4, 15));
  }
  static INLINE Floats scale(const uint8_t* block, size_t run) {  // half of an E4M3 without a sign
    const Ints x = wide(block + ROWS * run), power = x >> 3 & 15, rest = x & 7;
    const Ints found = power > 0 ? (power + 119) << 23 | rest << 20 : (Ints)(real(rest) * 0x1p-10f);
    return (Floats)(x == 127 ? Ints{} : found);
  }
};

struct TQ2_0 : Block<256, 66, 32, 3> {
  static constexpr Field FIELDS[] = {{64, 4}, {2, 2}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return bits(load(block + VECTOR * 8 * (run / 4) + VECTOR * group), run % 4 * 2, 3);
  }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block + 64 * ROWS); }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return -scale; }
};
struct TQ1_0 : Block<256, 54, 16, 3> {  // a byte holds five digits of base 3, as the part of 256 that they are of 243
  static constexpr Field FIELDS[] = {{48, 4}, {4, 4}, {2, 2}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    constexpr uint16_t POWERS[] = {1, 3, 9, 27, 81};
    const size_t place = run < 10 ? run % 2 * 4 + group : run < 15 ? 8 + group : 12;
    const Words of = (Words)load(block + VECTOR * place), power = Words{} + POWERS[run < 10 ? run / 2 : run < 15 ? run - 10 : group];
    const Words even = ((of & 255) * power & 255) * 3, odd = ((of >> 8) * power & 255) * 3;
    return (Bytes)(even >> 8 | (odd & 0xff00));
  }
  static INLINE Floats scale(const uint8_t* block, size_t) { return halves(block + 52 * ROWS); }
  static INLINE Floats minimum(const uint8_t*, size_t, Floats scale) { return -scale; }
};

// Not of GGUF files: four bits less a whole zero, times an fp32 scale, for each so many columns.
template <int WIDTH>
struct Zeroed : Block<WIDTH, 5 + WIDTH / 2, 32, 15> {
  static constexpr Field FIELDS[] = {{4, 4}, {1, 1}, {WIDTH / 2, 4}};
  static INLINE Bytes weights(const uint8_t* block, size_t run, int group) {
    return nibbles(block + 5 * ROWS + VECTOR * 4 * run, group);
  }
  static INLINE Floats scale(const uint8_t* block, size_t) { return *reinterpret_cast<const LooseFloats*>(block); }
  static INLINE Floats minimum(const uint8_t* block, size_t, Floats scale) { return scale * real(-wide(block + 4 * ROWS)); }
};

// Numbers as they are, a column after another; tokens are not rounded.
template <int BYTES>
struct Numbers {
  static constexpr int COLUMNS = 1, SIZE = BYTES, TURNED = 0;
  static constexpr Field FIELDS[] = {{BYTES, BYTES}};
};
struct F32 : Numbers<4> {
  static INLINE Floats numbers(const uint8_t* at) { return *reinterpret_cast<const LooseFloats*>(at); }
};
struct F16 : Numbers<2> {
  static INLINE Floats numbers(const uint8_t* at) { return halves(at); }
};
struct BF16 : Numbers<2> {
  static INLINE Floats numbers(const uint8_t* at) { return (Floats)(words(at) << 16); }
};

// Calls something with a block of a kind, by its number in GGUF files or, from 1000 on, of our own. False: there is none.
template <class Call>
bool with_kind(int kind, Call call) {
  switch (kind) {
    case 0: call(F32{}); return true;
    case 1: call(F16{}); return true;
    case 2: call(Q4_0{}); return true;
    case 3: call(Q4_1{}); return true;
    case 6: call(Q5_0{}); return true;
    case 7: call(Q5_1{}); return true;
    case 8: call(Q8_0{}); return true;
    case 10: call(Q2_K{}); return true;
    case 11: call(Q3_K{}); return true;
    case 12: call(Q4_K{}); return true;
    case 13: call(Q5_K{}); return true;
    case 14: call(Q6_K{}); return true;
    case 20: call(IQ4_NL{}); return true;
    case 23: call(IQ4_XS{}); return true;
    case 30: call(BF16{}); return true;
    case 34: call(TQ1_0{}); return true;
    case 35: call(TQ2_0{}); return true;
    case 39: call(MXFP4{}); return true;
    case 40: call(NVFP4{}); return true;
    case 1032: call(Zeroed<32>{}); return true;
    case 1064: call(Zeroed<64>{}); return true;
    case 1128: call(Zeroed<128>{}); return true;
  }
  return false;
}

}  // namespace
