// Products with weights that stay in the blocks of a GGUF file, eight rows side by side.
//
// A panel holds the blocks of eight rows: what eight rows have in one place lies together, four columns of each, so that
// one vector is multiplied with four numbers of a token, and sums of rows stay in their lanes. No byte more is held than
// the file has, and `unpack` gives them back. Tokens are rounded to 8 bits, 32 numbers with one scale. A product of one
// token is the same number beside others and alone: integers are summed without error, and scaled sums in one order.
//
// Nothing is checked here: the caller has made sure that all sizes fit.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))

namespace {

constexpr int ROWS = 8;      // of a panel
constexpr int GROUP = 32;    // numbers of a token with one scale
constexpr int TOKENS = 4;    // that go through a panel together
constexpr int BLOCK = 128;   // tokens that go through all panels before the next ones, so that they stay near
constexpr int64_t SHARE = 1 << 22;  // products that are worth a thread

typedef float Floats __attribute__((vector_size(32), may_alias));
typedef int32_t Ints __attribute__((vector_size(32), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(32), may_alias, aligned(1)));
typedef float LooseFloats __attribute__((vector_size(32), may_alias, aligned(4)));

INLINE float half(const uint8_t* at) {
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  _Float16 number;
  std::memcpy(&number, &bits, 2);
  return float(number);
}

typedef uint16_t Words __attribute__((vector_size(32), may_alias));

// Bits of bytes that stay within their byte.
template <int N>
INLINE Bytes left(Bytes x) { return (Bytes)((Words)x << N); }
template <int N>
INLINE Bytes right(Bytes x) { return (Bytes)((Words)x >> N); }

INLINE Bytes load(const uint8_t* at) { return *reinterpret_cast<const Bytes*>(at); }

typedef uint8_t Eight __attribute__((vector_size(8), may_alias, aligned(1)));
typedef int8_t SignedEight __attribute__((vector_size(8), may_alias, aligned(1)));

// Eight bytes, one of each row, as whole numbers.
#ifdef __AVX2__
INLINE __m128i eight(const uint8_t* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); }
INLINE Ints wide(const uint8_t* at) { return (Ints)_mm256_cvtepu8_epi32(eight(at)); }
INLINE Ints wide_signed(const uint8_t* at) { return (Ints)_mm256_cvtepi8_epi32(eight(at)); }
#else
INLINE Ints wide(const uint8_t* at) { return __builtin_convertvector(*reinterpret_cast<const Eight*>(at), Ints); }
INLINE Ints wide_signed(const uint8_t* at) {
  return __builtin_convertvector(*reinterpret_cast<const SignedEight*>(at), Ints);
}
#endif
INLINE Floats real(Ints x) { return __builtin_convertvector(x, Floats); }

// a * b + c, rounded once where the processor can, and always alike.
INLINE Floats fused(Floats a, Floats b, Floats c) {
#ifdef __FMA__
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
INLINE Floats all(float x) { return x - Floats{}; }

INLINE Floats halves(const uint8_t* at) {
#ifdef __F16C__
  return (Floats)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
#endif
  Floats found;
  for (int row = 0; row < ROWS; ++row) found[row] = half(at + 2 * row);
  return found;
}

// Sums, row by row, of the products of four columns with four numbers of a token. weights: at most 63, or signed.
INLINE Ints dot(Ints sum, Bytes weights, uint32_t token) {
#ifdef __AVX2__
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)weights, _mm256_set1_epi32(int(token)));
  return sum + (Ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
  int8_t numbers[4];
  std::memcpy(numbers, &token, 4);
  for (int row = 0; row < ROWS; ++row)
    for (int k = 0; k < 4; ++k) sum[row] += int(weights[4 * row + k]) * numbers[k];
  return sum;
#endif
}

// The same of signed weights, in two halves, each of four rows with two sums a row: see `joined`.
struct Halves {
  Ints first, second;
};
INLINE void dot(Halves& sum, const uint8_t* weights, uint32_t token) {
#ifdef __AVX2__
  const __m256i numbers = _mm256_cvtepi8_epi16(_mm_set1_epi32(int(token)));
  const __m128i* from = reinterpret_cast<const __m128i*>(weights);
  sum.first += (Ints)_mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(from)), numbers);
  sum.second += (Ints)_mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1)), numbers);
#else
  int8_t numbers[4];
  std::memcpy(numbers, &token, 4);
  for (int row = 0; row < ROWS; ++row)
    for (int k = 0; k < 4; ++k)
      (row < 4 ? sum.first : sum.second)[row % 4 * 2] += int(int8_t(weights[4 * row + k])) * numbers[k];
#endif
}
INLINE Ints joined(const Halves& sum) {
#ifdef __AVX2__
  const __m256i pairs = _mm256_hadd_epi32((__m256i)sum.first, (__m256i)sum.second);
  return (Ints)_mm256_permute4x64_epi64(pairs, 0xd8);
#else
  Ints found;
  for (int row = 0; row < ROWS; ++row) {
    const Ints& half = row < 4 ? sum.first : sum.second;
    found[row] = half[row % 4 * 2] + half[row % 4 * 2 + 1];
  }
  return found;
#endif
}

// A token, rounded. numbers: int8 [columns]; scales: of each 32; sums: of each 16, times the scale.
struct Token {
  const int8_t* numbers;
  const float *scales, *sums;
};

INLINE uint32_t four(const Token& token, long column) {
  uint32_t numbers;
  std::memcpy(&numbers, token.numbers + column, 4);
  return numbers;
}

// The 6-bit scale and minimum of a sub-block of Q4_K and Q5_K, of rows whose 12 bytes lie byte by byte.
INLINE void six_bits(const uint8_t* packed, int block, Floats& scale, Floats& minimum) {
  auto byte = [&](int number) { return wide(packed + ROWS * number); };
  if (block < 4) {
    scale = real(byte(block) & 63), minimum = real(byte(block + 4) & 63);
  } else {
    scale = real((byte(block + 4) & 15) | (byte(block - 4) >> 6) << 4);
    minimum = real((byte(block + 4) >> 4) | (byte(block) >> 6) << 4);
  }
}

// 32 bits as bytes of 0 or `value`.
INLINE Bytes spread(uint32_t bits, uint8_t value) {
#ifdef __AVX2__
  const __m256i order = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i ones = _mm256_set1_epi64x(int64_t(0x8040201008040201));
  __m256i each = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(int(bits)), order), ones);
  return (Bytes)_mm256_and_si256(_mm256_cmpeq_epi8(each, ones), _mm256_set1_epi8(char(value)));
#else
  Bytes found;
  for (int lane = 0; lane < 32; ++lane) found[lane] = bits >> lane & 1 ? value : 0;
  return found;
#endif
}

// Each kind: how many columns and bytes a block of one row has, and what a panel's block adds to the sums of tokens.
struct Q8_0 {
  static constexpr int COLUMNS = 32, SIZE = 34;
  template <int M>
  static INLINE void add(const uint8_t* block, const Token* tokens, long column, Floats* sums) {
    Halves found[M] = {};
    for (int g = 0; g < 8; ++g)
      for (int m = 0; m < M; ++m) dot(found[m], block + 16 + 32 * g, four(tokens[m], column + 4 * g));
    const Floats scale = halves(block);
    for (int m = 0; m < M; ++m)
      sums[m] = fused(real(joined(found[m])), scale * all(tokens[m].scales[column / GROUP]), sums[m]);
  }
};

// Four bits of two columns a byte, of the first and of the last 16. Fifth bits, if any, lie before them: see `turn_bits`.
// What is taken off each weight before it is scaled is either one number for all, or a minimum that a block brings.
template <int BYTES, bool FIFTH, bool MINIMUM>
struct Nibbles {
  static constexpr int COLUMNS = 32, SIZE = BYTES;
  template <int M>
  static INLINE void add(const uint8_t* block, const Token* tokens, long column, Floats* sums) {
    constexpr int BITS = MINIMUM ? 32 : 16;
    Ints found[M] = {};
    uint32_t bits[8] = {};
    if (FIFTH) std::memcpy(bits, block + BITS, 32);
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) {
      const Bytes both = load(block + BITS + (FIFTH ? 32 : 0) + 32 * g);
      Bytes low = both & 15, high = both >> 4;
      if (FIFTH) low |= spread(bits[g], 16), high |= spread(bits[g + 4], 16);
      for (int m = 0; m < M; ++m) {
        found[m] = dot(found[m], low, four(tokens[m], column + 4 * g));
        found[m] = dot(found[m], high, four(tokens[m], column + 16 + 4 * g));
      }
    }
    const Floats scale = halves(block), minimum = MINIMUM ? halves(block + 16) : scale * (FIFTH ? -16.0f : -8.0f);
    for (int m = 0; m < M; ++m) {
      const float* of = tokens[m].sums + column / 16;
      sums[m] = fused(real(found[m]), scale * all(tokens[m].scales[column / GROUP]), sums[m]);
      sums[m] = fused(minimum, all(of[0] + of[1]), sums[m]);
    }
  }
};
using Q4_0 = Nibbles<18, false, false>;
using Q4_1 = Nibbles<20, false, true>;
using Q5_0 = Nibbles<22, true, false>;
using Q5_1 = Nibbles<24, true, true>;

struct Q4_K {
  static constexpr int COLUMNS = 256, SIZE = 144;
  template <int M>
  static INLINE void add(const uint8_t* block, const Token* tokens, long column, Floats* sums) {
    const Floats d = halves(block), least = halves(block + 16);
#pragma GCC unroll 4
    for (int pair = 0; pair < 4; ++pair) {
      Ints low[M] = {}, high[M] = {};
#pragma GCC unroll 4
      for (int g = 0; g < 8; ++g) {
        const Bytes both = load(block + 128 + 256 * pair + 32 * g);
        for (int m = 0; m < M; ++m) {
          low[m] = dot(low[m], both & 15, four(tokens[m], column + 64 * pair + 4 * g));
          high[m] = dot(high[m], both >> 4, four(tokens[m], column + 64 * pair + 32 + 4 * g));
        }
      }
#pragma GCC unroll 2
      for (int part = 0; part < 2; ++part) {
        Floats scale, minimum;
        six_bits(block + 32, 2 * pair + part, scale, minimum);
        scale *= d, minimum *= least;
        const long at = column + 64 * pair + 32 * part;
        for (int m = 0; m < M; ++m) {
          const float* of = tokens[m].sums + at / 16;
          sums[m] = fused(real(part ? high[m] : low[m]), scale * all(tokens[m].scales[at / GROUP]), sums[m]);
          sums[m] = fused(minimum, all(-(of[0] + of[1])), sums[m]);
        }
      }
    }
  }
};

struct Q6_K {
  static constexpr int COLUMNS = 256, SIZE = 210;
  template <int M>
  static INLINE void add(const uint8_t* block, const Token* tokens, long column, Floats* sums) {
    const uint8_t *low = block, *high = block + 1024, *scales = block + 1536;
    const Floats d = halves(block + 1664);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half)
#pragma GCC unroll 2
      for (int part = 0; part < 2; ++part) {  // the first and the last 16 of each 32 columns
        Ints found[4][M] = {};
#pragma GCC unroll 4
        for (int g = 4 * part; g < 4 * part + 4; ++g) {
          const Bytes a = load(low + 512 * half + 32 * g), b = load(low + 512 * half + 256 + 32 * g);
          const Bytes two = load(high + 256 * half + 32 * g);
          const Bytes weights[4] = {(a & 15) | left<4>(two & 3), (b & 15) | left<2>(two & 12), (a >> 4) | (two & 48),
                                    (b >> 4) | right<2>(two & 192)};
#pragma GCC unroll 4
          for (int run = 0; run < 4; ++run)
#pragma GCC unroll 4
            for (int m = 0; m < M; ++m)
              found[run][m] = dot(found[run][m], weights[run], four(tokens[m], column + 128 * half + 32 * run + 4 * g));
        }
#pragma GCC unroll 4
        for (int run = 0; run < 4; ++run) {
          const Floats scale = d * real(wide_signed(scales + ROWS * (8 * half + 2 * run + part)));
          const long at = column + 128 * half + 32 * run + 16 * part;
          for (int m = 0; m < M; ++m) {
            const Floats rest = all(-32.0f * tokens[m].sums[at / 16]);
            sums[m] = fused(scale, fused(real(found[run][m]), all(tokens[m].scales[at / GROUP]), rest), sums[m]);
          }
        }
      }
  }
};

template <class Kind, int M>
void some(const uint8_t* panel, const Token* tokens, long columns, float* out, long stride) {
  Floats sums[M] = {};
  for (long column = 0; column < columns; column += Kind::COLUMNS, panel += ROWS * Kind::SIZE)
    Kind::template add<M>(panel, tokens, column, sums);
  for (int m = 0; m < M; ++m) *reinterpret_cast<LooseFloats*>(out + m * stride) = sums[m];
}

// Tokens, and where the products of them go: that of token m with row r to out[m * stride + r].
struct Work {
  const Token* tokens;
  long count, columns, stride;
  float* out;
};

template <class Kind>
void multiply(const uint8_t* weights, const Work& work, long first, long last) {
  const long size = work.columns / Kind::COLUMNS * Kind::SIZE, count = work.count;
  for (long start = 0; start < count; start += BLOCK) {
    const long end = std::min<long>(count, start + BLOCK);
    for (long row = first; row < last; row += ROWS) {
      const uint8_t* panel = weights + row * size;
      auto from = [&](long m) { return work.tokens + m; };
      auto to = [&](long m) { return work.out + m * work.stride + row; };
      long m = start;
      for (; m + TOKENS <= end; m += TOKENS) some<Kind, TOKENS>(panel, from(m), work.columns, to(m), work.stride);
      for (; m + 2 <= end; m += 2) some<Kind, 2>(panel, from(m), work.columns, to(m), work.stride);
      for (; m < end; ++m) some<Kind, 1>(panel, from(m), work.columns, to(m), work.stride);
    }
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

// One token, fp32 [columns], to int8, with a scale for each 32 and the sum of each 16.
inline Token round_token(const float* x, long columns, int8_t* numbers, float* scales, float* sums) {
  for (long group = 0; group < columns / GROUP; ++group) {
    const float* from = x + group * GROUP;
    float largest = 0;
    for (int i = 0; i < GROUP; ++i) largest = std::max(largest, std::fabs(from[i]));
    const float scale = largest / 127.0f, factor = largest > 0 ? 127.0f / largest : 0.0f;
    int total[2] = {};
    for (int i = 0; i < GROUP; ++i) {
      const int number = int(std::lrint(from[i] * factor));
      numbers[group * GROUP + i] = int8_t(number);
      total[i / 16] += number;
    }
    scales[group] = scale;
    sums[2 * group] = scale * total[0], sums[2 * group + 1] = scale * total[1];
  }
  return {numbers, scales, sums};
}

}  // namespace
