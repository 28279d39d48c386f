// Chains of small steps over large tensors of bf16 numbers, each in one pass, with fp32 inside.
//
// Nothing is checked here: the caller has made sure that every tensor is as large as its numbers say.

// flags: -fopenmp -ffp-contract=off

#include <cmath>
#include <cstdint>
#include <cstring>

#define INLINE inline __attribute__((always_inline))

namespace {

typedef uint16_t Bf16;

constexpr int64_t SMALL = 1 << 14;  // fewer numbers than these are not worth a second thread

INLINE float wide(Bf16 number) {
  const uint32_t bits = uint32_t(number) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

INLINE Bf16 narrow(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, 4);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to the nearest, to even between two
  return number != number ? 0x7fc0 : rounded;
}

INLINE float clamp(float x, float most) {
  x = x < -most ? -most : x;
  return x > most ? most : x;
}

INLINE float exponential(float x) {
  const float y = clamp(x, 87) * 1.44269504f, shifted = y + 12582912.0f;  // 1.5 * 2^23: the whole part lies in the lowest bits
  const float rest = y - (shifted - 12582912.0f);
  float power = rest * 1.326472724e-3f + 9.671512681e-3f;
  power = power * rest + 5.550733744e-2f;
  power = power * rest + 2.402224208e-1f;
  power = power * rest + 6.931469776e-1f;
  power = power * rest + 1.0f;
  int32_t bits, whole;
  std::memcpy(&bits, &power, 4);
  std::memcpy(&whole, &shifted, 4);
  bits += whole << 23;
  std::memcpy(&power, &bits, 4);
  return power;
}

}  // namespace

extern "C" {

// x / rms(x) * gain for each row; x and out [rows, width], gain [width].
void rms_norm(const Bf16* x, const float* gain, Bf16* out, int64_t rows, int64_t width, float eps, int64_t threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > SMALL)
  for (int64_t row = 0; row < rows; ++row) {
    const Bf16* from = x + row * width;
    Bf16* to = out + row * width;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; ++i) sum += wide(from[i]) * wide(from[i]);
    const float factor = 1 / std::sqrt(sum / width + eps);
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) to[i] = narrow(wide(from[i]) * factor * gain[i]);
  }
}

// g * sigmoid(linear * g + cubic * g^3) * up; gate and up with a stride between rows, out [rows, width].
void gated(const Bf16* gate, const Bf16* up, Bf16* out, int64_t rows, int64_t width, int64_t gate_row, int64_t up_row,
           float linear, float cubic, int64_t threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > SMALL)
  for (int64_t row = 0; row < rows; ++row) {
    const Bf16 *left = gate + row * gate_row, *right = up + row * up_row;
    Bf16* to = out + row * width;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float g = wide(left[i]), near = clamp(g, 1e4f);
      to[i] = narrow(g / (1 + exponential(-near * (linear + cubic * near * near))) * wide(right[i]));
    }
  }
}

// x * cos + partner(x) * sin in the first `turned` channels; x, cos and sin with strides between heads and rows.
void rotate(const Bf16* x, const float* cos, const float* sin, Bf16* out, int64_t heads, int64_t rows, int64_t dim,
            int64_t turned, int64_t interleaved, int64_t x_head, int64_t x_row, int64_t table_head, int64_t table_row,
            int64_t threads) {
  const int64_t half = turned / 2;
#pragma omp parallel for collapse(2) num_threads(threads) if (heads * rows * dim > SMALL)
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t row = 0; row < rows; ++row) {
      const Bf16* from = x + head * x_head + row * x_row;
      const float *c = cos + head * table_head + row * table_row, *s = sin + head * table_head + row * table_row;
      Bf16* to = out + (head * rows + row) * dim;
      if (interleaved) {
#pragma omp simd
        for (int64_t i = 0; i < half; ++i) {
          const float a = wide(from[2 * i]), b = wide(from[2 * i + 1]);
          to[2 * i] = narrow(a * c[2 * i] + b * s[2 * i]);
          to[2 * i + 1] = narrow(b * c[2 * i + 1] + a * s[2 * i + 1]);
        }
      } else {
#pragma omp simd
        for (int64_t i = 0; i < half; ++i) {
          const float a = wide(from[i]), b = wide(from[i + half]);
          to[i] = narrow(a * c[i] + b * s[i]);
          to[i + half] = narrow(b * c[i + half] + a * s[i + half]);
        }
      }
      std::memcpy(to + turned, from + turned, (dim - turned) * sizeof(Bf16));
    }
}

}  // extern "C"
