// Layers of a decoder in two calls each: what comes before attention, and what comes after it.
//
// before: norm, queries, keys and values, their biases and norms. after: the heads' outputs back into the token, norm,
// and a gated network. Weights are packed (see packed.h), everything else is fp32. Tokens do not know of one another, so
// that one gives the same numbers alone and beside others, to the bit.
//
// Nothing is checked here: the caller has made sure that all sizes fit.

#pragma once

#include <omp.h>

#include "packed.h"
#include "power.h"

namespace {

constexpr long TOGETHER = 128;  // tokens whose numbers between two products stay in the caches
constexpr int64_t ENOUGH = 1 << 18;  // products that are worth a thread that is awake
constexpr float LOG2E = 1.44269504f;

// In the order of layers.py. weights null: there is none. bias null: none.
struct Matrix {
  const uint8_t* weights;
  const float* bias;
  int64_t kind, rows, columns;
};
struct Norm {
  const float* gain;  // null: none
  double eps;
};
struct Layer {
  Norm first, second, query, key;  // of the token before attention and before the gated network; of single heads
  Matrix q, k, v, o, gate, up, down;
  int64_t dim;            // of a head
  double linear, cubic;   // the activation is x * sigmoid(linear * x + cubic * x^3)
};

// Numbers of tokens between two products, and what they are rounded to.
struct Scratch {
  std::vector<float> first, second, scales, sums;
  std::vector<int8_t> numbers;
  std::vector<Token> tokens;
  void fit(long count, long columns, long rows) {
    grow(first, count * rows), grow(second, count * rows), grow(numbers, count * columns);
    grow(scales, count * (columns / GROUP)), grow(sums, count * (columns / 16)), grow(tokens, count);
  }
  template <class T>
  static void grow(std::vector<T>& of, long size) {
    if (long(of.size()) < size) of.resize(size);
  }
  void round(const float* x, long m, long columns) {
    tokens[m] = round_token(x, columns, numbers.data() + m * columns, scales.data() + m * (columns / GROUP),
                            sums.data() + m * (columns / 16));
  }
};

INLINE float total(Floats x) {
  float found = 0;
  for (int lane = 0; lane < ROWS; ++lane) found += x[lane];
  return found;
}

// out = x / rms(x) * gain; size: a multiple of 8.
void norm(const float* x, long size, const Norm& by, float* out) {
  Floats squares = {};
  for (long i = 0; i < size; i += ROWS) {
    const Floats part = *reinterpret_cast<const LooseFloats*>(x + i);
    squares = fused(part, part, squares);
  }
  const float factor = 1.0f / std::sqrt(total(squares) / float(size) + float(by.eps));
  for (long i = 0; i < size; i += ROWS)
    *reinterpret_cast<LooseFloats*>(out + i) =
        *reinterpret_cast<const LooseFloats*>(x + i) * factor * *reinterpret_cast<const LooseFloats*>(by.gain + i);
}

// 2^x; at -126 and below, 2^-126.
INLINE Floats power_of_two(Floats x) {
  x = x > -126.0f ? x : all(-126.0f);
  return power_within<Ints>(x < 126.0f ? x : all(126.0f));
}

// gate becomes its activation times up.
void let_through(float* gate, const float* up, long size, const Layer& layer) {
  const float linear = -LOG2E * float(layer.linear), cubic = -LOG2E * float(layer.cubic);
  for (long i = 0; i < size; i += ROWS) {
    LooseFloats& g = *reinterpret_cast<LooseFloats*>(gate + i);
    const Floats x = g;
    const Floats open = 1.0f + power_of_two(x * (x * x * cubic + linear));
    g = x / open * *reinterpret_cast<const LooseFloats*>(up + i);
  }
}

// Threads for the products of some tokens: none is woken for a few.
int64_t team(std::initializer_list<const Matrix*> matrices, int64_t count, int64_t threads) {
  int64_t products = 0;
  for (const Matrix* each : matrices) products += each->rows * each->columns * count;
  return std::max<int64_t>(1, std::min(threads, products / ENOUGH));
}

// Rows of a matrix that one thread takes at a time: whole panels, some for each thread.
long share(long rows) {
  const long panels = rows / ROWS, wanted = 4 * omp_get_num_threads();
  return std::max<long>(1, (panels + wanted - 1) / wanted) * ROWS;
}

// out[m * stride + r]: rows first .. last - 1 of a product, with the bias.
void some_rows(const Matrix& matrix, const Scratch& scratch, long count, float* out, long stride, long first, long last) {
  multiply(int(matrix.kind), matrix.weights, {scratch.tokens.data(), count, long(matrix.columns), stride, out}, first, last);
  if (matrix.bias)
    for (long m = 0; m < count; ++m)
      for (long row = first; row < last; ++row) out[m * stride + row] += matrix.bias[row];
}

// Several products of the same tokens, side by side: out[m * stride + ...]. Ends with a barrier.
void products(std::initializer_list<const Matrix*> matrices, const Scratch& scratch, long count, float* out, long stride) {
  long chunks = 0, step = 0;
  for (const Matrix* each : matrices) step += each->rows;
  step = share(step);
  for (const Matrix* each : matrices) chunks += (each->rows + step - 1) / step;
#pragma omp for schedule(dynamic, 1)
  for (long chunk = 0; chunk < chunks; ++chunk) {
    long left = chunk, start = 0;
    for (const Matrix* each : matrices) {
      const long own = (each->rows + step - 1) / step;
      if (left < own) {
        const long first = left * step;
        some_rows(*each, scratch, count, out + start, stride, first, std::min<long>(each->rows, first + step));
        break;
      }
      left -= own, start += each->rows;
    }
  }
}

// Tokens [count, width], normed and rounded for the next products. Ends with a barrier.
void ready(const float* hidden, long count, long width, const Norm& by, Scratch& scratch) {
#pragma omp for
  for (long m = 0; m < count; ++m) {
    float* normed = scratch.second.data() + m * width;
    norm(hidden + m * width, width, by, normed);
    scratch.round(normed, m, width);
  }
}

// The product is added to the token itself: hidden[m * rows + r]. Ends with a barrier.
void added(const Matrix& matrix, Scratch& scratch, long count, float* hidden) {
  const long step = share(matrix.rows), rows = matrix.rows;
  float* out = scratch.second.data();
#pragma omp for schedule(dynamic, 1)
  for (long first = 0; first < rows; first += step) {
    const long last = std::min(rows, first + step);
    some_rows(matrix, scratch, count, out, rows, first, last);
    for (long m = 0; m < count; ++m)
      for (long row = first; row < last; ++row) hidden[m * rows + row] += out[m * rows + row];
  }
}

Scratch& own_scratch() {
  static thread_local Scratch scratch;
  return scratch;
}

INLINE uint16_t bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (x != x) return uint16_t(bits >> 16 | 64);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
INLINE float from_bf16(uint16_t x) {
  const uint32_t bits = uint32_t(x) << 16;
  float found;
  std::memcpy(&found, &bits, 4);
  return found;
}

// Heads of a token, normed one by one where they are, in the format of attention.
void hand_over(float* from, long size, long dim, const Norm& by, void* to, bool narrow) {
  if (by.gain)
    for (long i = 0; i < size; i += dim) norm(from + i, dim, by, from + i);
  if (narrow)
    for (long i = 0; i < size; ++i) static_cast<uint16_t*>(to)[i] = bf16(from[i]);
  else
    std::memcpy(to, from, size * sizeof(float));
}

// hidden fp32 [count, width] to queries, keys and values [count, heads * dim], bf16 or fp32.
inline void before(const Layer& layer, const float* hidden, int64_t count, void* query, void* key, void* value, int64_t narrow,
           int64_t threads) {
  Scratch& scratch = own_scratch();
  const long width = layer.q.columns, sizes[3] = {layer.q.rows, layer.k.rows, layer.v.rows};
  const long stride = sizes[0] + sizes[1] + sizes[2], item = narrow ? 2 : 4;
  const long most = std::min<long>(count, TOGETHER);
  scratch.fit(most, width, std::max(stride, width));
  threads = team({&layer.q, &layer.k, &layer.v}, count, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  for (long start = 0; start < count; start += TOGETHER) {
    const long some = std::min<long>(TOGETHER, count - start);
    ready(hidden + start * width, some, width, layer.first, scratch);
    float* out = scratch.first.data();
    products({&layer.q, &layer.k, &layer.v}, scratch, some, out, stride);
    auto place = [&](void* of, long m, long size) { return static_cast<char*>(of) + (start + m) * size * item; };
#pragma omp for
    for (long m = 0; m < some; ++m) {
      float* from = out + m * stride;
      hand_over(from, sizes[0], layer.dim, layer.query, place(query, m, sizes[0]), narrow);
      hand_over(from + sizes[0], sizes[1], layer.dim, layer.key, place(key, m, sizes[1]), narrow);
      hand_over(from + sizes[0] + sizes[1], sizes[2], layer.dim, {nullptr, 0}, place(value, m, sizes[2]), narrow);
    }
  }
}

// What the heads gave, bf16 or fp32, number i of head h of token m at heads[h * head + m * token + i], goes into hidden
// fp32 [count, width], and so does the gated network.
inline void after(const Layer& layer, const void* heads, int64_t head, int64_t token, int64_t narrow, float* hidden,
          int64_t count, int64_t threads) {
  Scratch& scratch = own_scratch();
  const long inner = layer.o.columns, width = layer.o.rows, inter = layer.gate.rows, dim = layer.v.rows / (layer.k.rows / layer.dim);
  scratch.fit(std::min<long>(count, TOGETHER), std::max({inner, width, inter}), std::max({inner, width, inter}));
  threads = team({&layer.o, &layer.gate, &layer.up, &layer.down}, count, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  for (long start = 0; start < count; start += TOGETHER) {
    const long some = std::min<long>(TOGETHER, count - start);
#pragma omp for
    for (long m = 0; m < some; ++m) {
      float* row = scratch.first.data() + m * inner;
      for (long i = 0; i < inner; ++i) {
        const long at = i / dim * head + (start + m) * token + i % dim;
        row[i] = narrow ? from_bf16(static_cast<const uint16_t*>(heads)[at]) : static_cast<const float*>(heads)[at];
      }
      scratch.round(row, m, inner);
    }
    added(layer.o, scratch, some, hidden + start * width);
    ready(hidden + start * width, some, width, layer.second, scratch);
    const long step = share(inter);
    float *gate = scratch.first.data(), *up = scratch.second.data();
#pragma omp for schedule(dynamic, 1)
    for (long first = 0; first < inter; first += step) {
      const long last = std::min(inter, first + step);
      some_rows(layer.gate, scratch, some, gate, inter, first, last);
      some_rows(layer.up, scratch, some, up, inter, first, last);
      for (long m = 0; m < some; ++m) let_through(gate + m * inter + first, up + m * inter + first, last - first, layer);
    }
#pragma omp for
    for (long m = 0; m < some; ++m) scratch.round(gate + m * inter, m, inter);
    added(layer.down, scratch, some, hidden + start * width);
  }
}

// hidden fp32 [count, width] to numbers for each row of a matrix, such as words: [count, rows].
inline void last(const Norm& by, const Matrix& matrix, const float* hidden, int64_t count, float* out, int64_t threads) {
  Scratch& scratch = own_scratch();
  const long width = matrix.columns, rows = matrix.rows;
  scratch.fit(std::min<long>(count, TOGETHER), width, width);
  threads = team({&matrix}, count, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  for (long start = 0; start < count; start += TOGETHER) {
    const long some = std::min<long>(TOGETHER, count - start);
    ready(hidden + start * width, some, width, by, scratch);
    products({&matrix}, scratch, some, out + start * rows, rows);
  }
}

}  // namespace
