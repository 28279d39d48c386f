// Entries as codecs keep them, and the way back to numbers.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "words.h"

namespace words {
namespace decoding {
namespace {

// How the vectors of entries are kept. bits: 32 and 16 are the numbers themselves, fp32 and bf16; 8 are whole numbers
// with a sign, times a scale; 4 and 2 have none, and are times a scale plus a zero point. Scales and zero points are
// fp16, `groups` of them for as many equal parts of a vector, in common to `per` entries. Byte j of a vector of w bytes
// holds its numbers j, j + w, j + 2w and so on, the first in its lowest bits.
struct Coding {
  int64_t bits, per, groups;
};

// Entries of a row that lie one behind the other, in one form: where numbers, scales and zero points of the first begin.
struct Stretch {
  int64_t keys, key_scales, key_zeros, values, value_scales, value_zeros;
  int64_t length, form;  // entries; which pair of codings, of keys and of values
};

INLINE float half(const uint16_t* from) {
#ifdef __F16C__
  return _cvtsh_ss(*from);
#endif
  _Float16 number;
  std::memcpy(&number, from, 2);
  return float(number);
}

// A vector of bytes as whole numbers.
#if defined(__AVX512F__)
INLINE Ints bytes(const uint8_t* from) { return (Ints)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)from)); }
INLINE Ints signed_bytes(const uint8_t* from) { return (Ints)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)from)); }
#elif defined(__AVX2__)
INLINE Ints bytes(const uint8_t* from) { return (Ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)from)); }
INLINE Ints signed_bytes(const uint8_t* from) { return (Ints)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)); }
#else
INLINE Ints bytes(const uint8_t* from) {
  Ints found;
  for (int lane = 0; lane < LANES; ++lane) found[lane] = from[lane];
  return found;
}
INLINE Ints signed_bytes(const uint8_t* from) {
  Ints found;
  for (int lane = 0; lane < LANES; ++lane) found[lane] = int8_t(from[lane]);
  return found;
}
#endif

typedef float Numbers __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

// Vectors of one side of a stretch, keys or values.
class Decoder {
 public:
  // scales, zeros: room for a number of each channel.
  Decoder(Coding coding, int64_t dim, int64_t numbers, int64_t scales, int64_t zeros, float* scale, float* zero)
      : coding_(coding),
        dim_(dim),
        bytes_(dim * coding.bits / 8),
        part_(coding.groups ? dim / coding.groups : dim),
        numbers_(reinterpret_cast<const uint8_t*>(numbers)),
        scales_(reinterpret_cast<const uint16_t*>(scales)),
        zeros_(reinterpret_cast<const uint16_t*>(zeros)),
        scale_(scale),
        zero_(zero) {}

  // Entries that will be needed soon.
  void fetch(int64_t start, int64_t stop) const {
    for (int64_t at = start * bytes_; at < stop * bytes_; at += 64) __builtin_prefetch(numbers_ + at);
    for (int64_t at = start * coding_.groups; at < stop * coding_.groups && coding_.per == 1; at += 32) {
      __builtin_prefetch(scales_ + at);
      if (zeros_) __builtin_prefetch(zeros_ + at);
    }
  }

  // Entries start .. stop - 1, `stride` numbers apart.
  void decode(int64_t start, int64_t stop, float* to, int64_t stride) {
    switch (coding_.bits) {
      case 8: return decode<8>(start, stop, to, stride);
      case 4: return decode<4>(start, stop, to, stride);
      case 2: return decode<2>(start, stop, to, stride);
    }
    for (int64_t entry = start; entry < stop; ++entry, to += stride) {
      const uint8_t* from = numbers_ + entry * bytes_;
      if (coding_.bits == 32)
        std::memcpy(to, from, bytes_);
      else
        for (int64_t c = 0; c < dim_; ++c) to[c] = reinterpret_cast<const Bf16*>(from)[c];
    }
  }

 private:
  template <int BITS>
  void decode(int64_t start, int64_t stop, float* to, int64_t stride) {
    const bool vectors = bytes_ % LANES == 0, broad = vectors && coding_.per == 1 && part_ % LANES == 0;
    for (int64_t entry = start; entry < stop; ++entry, to += stride) {
      const uint8_t* from = numbers_ + entry * bytes_;
      if (broad) {
        const uint16_t *scale = scales_ + entry * coding_.groups, *zero = zeros_ ? zeros_ + entry * coding_.groups : nullptr;
        const int64_t most = std::min(part_, bytes_), step = part_ % most || bytes_ % most ? LANES : most;
        int64_t c = 0, left = part_;
        Vec by = all(half(scale)), from_zero = all(zero ? half(zero) : 0.0f);
        for (int shift = 0; shift < 8; shift += BITS)
          for (int64_t j = 0; j < bytes_; j += step, left -= step) {
            if (left == 0) left = part_, by = all(half(++scale)), from_zero = all(zero ? half(++zero) : 0.0f);
            for (int64_t i = j; i < j + step; i += LANES, c += LANES)
              keep(to + c, numbers<BITS>(from + i, shift) * by + from_zero);
          }
        continue;
      }
      spread(entry / coding_.per);
      int64_t c = 0;
#pragma GCC unroll 4
      for (int shift = 0; shift < 8; shift += BITS)
        for (int64_t j = 0; j < bytes_; ++c, ++j) {
          if (vectors) {
            keep(to + c, numbers<BITS>(from + j, shift) * wide(scale_ + c) + wide(zero_ + c));
            j += LANES - 1, c += LANES - 1;
          } else {
            to[c] = (BITS == 8 ? int8_t(from[j]) : from[j] >> shift & ((1 << BITS) - 1)) * scale_[c] + zero_[c];
          }
        }
    }
  }

  static INLINE Vec wide(const float* from) { return *reinterpret_cast<const Numbers*>(from); }
  static INLINE void keep(float* to, Vec x) { *reinterpret_cast<Numbers*>(to) = x; }

  template <int BITS>
  static INLINE Vec numbers(const uint8_t* from, int shift) {
    const Ints found = BITS == 8 ? signed_bytes(from) : bytes(from) >> shift & ((1 << BITS) - 1);
    return __builtin_convertvector(found, Vec);
  }

  // Scales and zero points of each channel.
  void spread(int64_t block) {
    if (block == block_) return;
    block_ = block;
    const int64_t at = block * coding_.groups;
    int64_t c = 0;
#ifdef __F16C__
    if (part_ == 1)
      for (; c + 8 <= dim_; c += 8) halves(scales_ + at + c, scale_ + c), halves(zeros_ ? zeros_ + at + c : nullptr, zero_ + c);
#endif
    for (; c < dim_; ++c) {
      scale_[c] = half(scales_ + at + c / part_);
      zero_[c] = zeros_ ? half(zeros_ + at + c / part_) : 0.0f;
    }
  }

#ifdef __F16C__
  static INLINE void halves(const uint16_t* from, float* to) {
    const __m128i bits = from ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)) : _mm_setzero_si128();
    _mm256_storeu_ps(to, _mm256_cvtph_ps(bits));
  }
#endif

  const Coding coding_;
  const int64_t dim_, bytes_, part_;
  const uint8_t* numbers_;
  const uint16_t *scales_, *zeros_;
  float *scale_, *zero_;
  int64_t block_ = -1;
};

}  // namespace
}  // namespace decoding
}  // namespace words
