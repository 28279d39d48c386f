// Entries as codecs keep them, and the way back to numbers.

#pragma once

#include <cstdint>
#include <cstring>
#ifdef __F16C__
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
  _Float16 number;
  std::memcpy(&number, from, 2);
  return float(number);
}

typedef uint8_t Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
typedef int8_t SignedBytes __attribute__((vector_size(LANES), aligned(1), may_alias));
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

  void decode(int64_t entry, float* to) {
    const uint8_t* from = numbers_ + entry * bytes_;
    if (coding_.bits == 32) {
      std::memcpy(to, from, bytes_);
    } else if (coding_.bits == 16) {
      for (int64_t c = 0; c < dim_; ++c) to[c] = reinterpret_cast<const Bf16*>(from)[c];
    } else if (coding_.per == 1 && part_ % LANES == 0 && bytes_ % LANES == 0) {
      const int64_t at = entry * coding_.groups;
      for (int64_t group = 0; group < coding_.groups; ++group) {
        const Vec scale = all(half(scales_ + at + group)), zero = all(zeros_ ? half(zeros_ + at + group) : 0.0f);
        for (int64_t c = group * part_; c < (group + 1) * part_; c += LANES) put(from, c, scale, zero, to);
      }
    } else {
      spread(entry / coding_.per);
      int64_t c = 0;
      if (bytes_ % LANES == 0)
        for (; c < dim_; c += LANES) put(from, c, *(const Numbers*)(scale_ + c), *(const Numbers*)(zero_ + c), to);
      for (; c < dim_; ++c) {
        const int number = coding_.bits == 8 ? int8_t(from[c]) : from[c % bytes_] >> c / bytes_ * coding_.bits & mask();
        to[c] = number * scale_[c] + zero_[c];
      }
    }
  }

 private:
  int mask() const { return (1 << coding_.bits) - 1; }

  INLINE void put(const uint8_t* from, int64_t c, Vec scale, Vec zero, float* to) const {
    Ints number;
    if (coding_.bits == 8)
      number = __builtin_convertvector(*reinterpret_cast<const SignedBytes*>(from + c), Ints);
    else
      number = __builtin_convertvector(*reinterpret_cast<const Bytes*>(from + c % bytes_), Ints) >>
                   int(c / bytes_ * coding_.bits) & mask();
    *reinterpret_cast<Numbers*>(to + c) = __builtin_convertvector(number, Vec) * scale + zero;
  }

  // Scales and zero points of each channel.
  void spread(int64_t block) {
    if (block == block_) return;
    block_ = block;
    const int64_t at = block * coding_.groups;
    int64_t c = 0;
#ifdef __F16C__
    if (part_ == 1)
      for (; c + 8 <= dim_; c += 8) wide(scales_ + at + c, scale_ + c), wide(zeros_ ? zeros_ + at + c : nullptr, zero_ + c);
#endif
    for (; c < dim_; ++c) {
      scale_[c] = half(scales_ + at + c / part_);
      zero_[c] = zeros_ ? half(zeros_ + at + c / part_) : 0.0f;
    }
  }

#ifdef __F16C__
  static INLINE void wide(const uint16_t* from, float* to) {
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
