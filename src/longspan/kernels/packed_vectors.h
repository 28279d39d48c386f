// Vectors of one number, or of four bytes, for each row of a panel, and the few things that each processor does in its own
// way. Everything else is the same for all, so that what a product gives differs by fused sums at most.

#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define WIDE
#endif
#define INLINE inline __attribute__((always_inline))

namespace {

// Rows of a panel, as wide as the processor's vectors. The order of bytes in packed weights depends on it.
#ifdef WIDE
constexpr int ROWS = 16;
#else
constexpr int ROWS = 8;
#endif
constexpr int VECTOR = 4 * ROWS;  // bytes

typedef float Floats __attribute__((vector_size(VECTOR), may_alias));
typedef int32_t Ints __attribute__((vector_size(VECTOR), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(VECTOR), may_alias));
typedef uint32_t Wholes __attribute__((vector_size(VECTOR), may_alias));
typedef uint16_t Words __attribute__((vector_size(VECTOR), may_alias));
typedef int16_t Shorts __attribute__((vector_size(VECTOR), may_alias));
typedef Bytes LooseBytes __attribute__((aligned(1)));
typedef Floats LooseFloats __attribute__((aligned(4)));
typedef uint8_t Column __attribute__((vector_size(ROWS), may_alias, aligned(1)));
typedef int8_t SignedColumn __attribute__((vector_size(ROWS), may_alias, aligned(1)));
typedef uint16_t WideColumn __attribute__((vector_size(2 * ROWS), may_alias, aligned(1)));

INLINE Bytes load(const uint8_t* at) { return *reinterpret_cast<const LooseBytes*>(at); }
INLINE Floats real(Ints x) { return __builtin_convertvector(x, Floats); }
INLINE Floats all(float x) { return x - Floats{}; }
INLINE Ints all(uint32_t x) { return int32_t(x) - Ints{}; }
INLINE Ints words(const uint8_t* at) { return __builtin_convertvector(*reinterpret_cast<const WideColumn*>(at), Ints); }

// Bits of bytes from one place on, as many as the mask has.
INLINE Bytes bits(Bytes x, int from, uint8_t mask) { return (Bytes)((Words)x >> uint16_t(from)) & mask; }
// Bytes of at most 15, times 16.
INLINE Bytes times_16(Bytes x) { return (Bytes)((Words)x << 4); }

// A byte of each row as whole numbers; fp16 of each row; a * b + c, rounded once where the processor can; for each byte
// that of a table of 16; and the nearest whole numbers, ties to even.
INLINE Ints wide(const uint8_t* at);
INLINE Ints wide_signed(const uint8_t* at);
INLINE Floats halves(const uint8_t* at);
INLINE Floats fused(Floats a, Floats b, Floats c);
INLINE Bytes chosen(const uint8_t* table, Bytes index);
INLINE Ints nearest(Floats x);

// Sums, row by row, of the products of four columns with four numbers of a token between -127 and 127. A `Part` holds
// FULL(n) of them, where weights are at most n, before `whole` has to add them up. Of signed weights, whatever is `ahead`
// has been added besides, and depends on the weights alone.
#ifdef __AVX2__
#if defined(WIDE) || defined(__AVXVNNI__)
typedef Ints Part;
INLINE Ints whole(Part part) { return part; }
constexpr int FULL(int) { return 64; }
constexpr bool AHEAD = true;
#ifdef WIDE
INLINE Ints bytes_dot(Ints sum, Bytes positive, Bytes either) {
  return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)positive, (__m512i)either);
}
#else
INLINE Ints bytes_dot(Ints sum, Bytes positive, Bytes either) {
  return (Ints)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)positive, (__m256i)either);
}
#endif
INLINE Part dot(Part part, Bytes weights, Ints token) { return bytes_dot(part, weights, (Bytes)token); }
INLINE Part dot_signed(Part part, Bytes weights, Ints token) { return bytes_dot(part, (Bytes)token ^ 128, weights); }
INLINE Ints ahead(Ints sum, Bytes weights) { return bytes_dot(sum, Bytes{} + 128, weights); }
#else
typedef Shorts Part;
INLINE Ints whole(Part part) { return (Ints)_mm256_madd_epi16((__m256i)part, _mm256_set1_epi16(1)); }
constexpr bool AHEAD = false;
constexpr int FULL(int largest) { return 32767 / (2 * 127 * largest); }
INLINE Part dot(Part part, Bytes weights, Ints token) {
  part += (Part)_mm256_maddubs_epi16((__m256i)weights, (__m256i)token);
  asm("" : "+x"(part));  // so that sums are taken at once and stay in registers
  return part;
}
INLINE Part dot_signed(Part part, Bytes weights, Ints token) {
  return dot(part, (Bytes)_mm256_abs_epi8((__m256i)weights), (Ints)_mm256_sign_epi8((__m256i)token, (__m256i)weights));
}
INLINE Ints ahead(Ints sum, Bytes) { return sum; }
#endif
#else
typedef Ints Part;
INLINE Ints whole(Part part) { return part; }
constexpr bool AHEAD = false;
constexpr int FULL(int) { return 64; }
INLINE Part dot_signed(Part part, Bytes weights, Ints token) {
#ifdef __ARM_FEATURE_DOTPROD
  int8x16_t from[4];
  int32x4_t sums[2];
  std::memcpy(from, &weights, 32), std::memcpy(from + 2, &token, 32), std::memcpy(sums, &part, 32);
  for (int half = 0; half < 2; ++half) sums[half] = vdotq_s32(sums[half], from[half], from[half + 2]);
  std::memcpy(&part, sums, 32);
  return part;
#else
  const Shorts a = (Shorts)weights, b = (Shorts)token;  // two bytes each, whose products fit into a short together
  const Ints pairs = (Ints)((a >> 8) * (b >> 8) + ((Shorts)((Words)a << 8) >> 8) * ((Shorts)((Words)b << 8) >> 8));
  return part + (pairs >> 16) + ((Ints)((Wholes)pairs << 16) >> 16);
#endif
}
INLINE Part dot(Part part, Bytes weights, Ints token) { return dot_signed(part, weights, token); }
INLINE Ints ahead(Ints sum, Bytes) { return sum; }
#endif

#ifdef WIDE
INLINE Ints wide(const uint8_t* at) { return (Ints)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)at)); }
INLINE Ints wide_signed(const uint8_t* at) { return (Ints)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)at)); }
INLINE Floats halves(const uint8_t* at) { return (Floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)at)); }
INLINE Floats fused(Floats a, Floats b, Floats c) { return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE Bytes chosen(const uint8_t* table, Bytes index) {
  const __m512i values = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*)table));
  return (Bytes)_mm512_shuffle_epi8(values, (__m512i)index);
}
INLINE Ints nearest(Floats x) { return (Ints)_mm512_cvtps_epi32((__m512)x); }
#else
#ifdef __AVX2__
INLINE Ints wide(const uint8_t* at) { return (Ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)at)); }
INLINE Ints wide_signed(const uint8_t* at) { return (Ints)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)at)); }
INLINE Bytes chosen(const uint8_t* table, Bytes index) {
  const __m256i values = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)table));
  return (Bytes)_mm256_shuffle_epi8(values, (__m256i)index);
}
INLINE Ints nearest(Floats x) { return (Ints)_mm256_cvtps_epi32((__m256)x); }
#else
INLINE Ints wide(const uint8_t* at) { return __builtin_convertvector(*reinterpret_cast<const Column*>(at), Ints); }
INLINE Ints wide_signed(const uint8_t* at) {
  return __builtin_convertvector(*reinterpret_cast<const SignedColumn*>(at), Ints);
}
INLINE Bytes chosen(const uint8_t* table, Bytes index) {
  uint8_t found[VECTOR];
  std::memcpy(found, &index, VECTOR);
  for (uint8_t& each : found) each = table[each];
  return load(found);
}
INLINE Ints nearest(Floats x) { return (Ints)((Wholes)(x + 12582912.0f) - 0x4b400000u); }  // 1.5 * 2^23
#endif
INLINE Floats halves(const uint8_t* at) {
#ifdef __F16C__
  return (Floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)at));
#else
  const Ints from = words(at), rest = (from & 0x7fff) << 13;
  const Ints bits = (Ints)((Floats)rest * 0x1p112f) | (rest >= 0x0f800000 ? rest | 0x7f800000 : Ints{});
  return (Floats)(bits | (Ints)((Wholes)from << 16 & 0x80000000u));
#endif
}
INLINE Floats fused(Floats a, Floats b, Floats c) {
#ifdef __FMA__
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
#endif

}  // namespace
