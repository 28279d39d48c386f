// What layers.py calls: see layers.h. And a step: all layers for one generated token of each of several sequences.

// flags: -fopenmp -ffp-contract=off

#include "layers.h"

namespace {

// How the first channels of heads are turned: cosines and signed sines [tokens, channels]. cos null: not at all.
struct Turn {
  const float *cos, *sin;
  int64_t channels, interleaved;
};

// In the order of layers.py. query [tokens, heads * dim], key, value [count, tokens, heads * dim]: where layers put them
// and their attention finds them. raw [count, tokens, heads * dim]: queries before they are turned; or null. out: what attention gives, fp32 [heads, tokens, value_dim]. calls: of each layer, for
// `attend`.
struct Step {
  const Layer* const* layers;
  const Turn *query_turns, *key_turns;  // of each layer
  const void* const* calls;
  int (*attend)(const void*);
  const uint8_t* chooses;        // of each layer: whether `choose` is asked before its attention
  int (*choose)(int64_t layer);  // gives anything but 0 where the step ends at once
  const void* const* choices;    // of each layer, for `rank`; null for none
  int (*rank)(const void*);
  void *query, *key, *value, *raw;
  float *out, *hidden;
  int64_t count, tokens, value_dim, narrow, threads;
};

template <class T>
INLINE float wide(T x);
template <>
INLINE float wide(float x) { return x; }
template <>
INLINE float wide(uint16_t x) { return from_bf16(x); }
INLINE void put(float& to, float x) { to = x; }
INLINE void put(uint16_t& to, float x) { to = bf16(x); }

template <class T>
void turn(T* heads, long tokens, long width, long dim, const Turn& by) {
  if (!by.cos) return;
  const long pairs = by.channels / 2, next = by.interleaved ? 1 : pairs;
  for (long token = 0; token < tokens; ++token) {
    const float *cos = by.cos + token * by.channels, *sin = by.sin + token * by.channels;
    for (long at = 0; at < width; at += dim) {
      T* head = heads + token * width + at;
      for (long pair = 0; pair < pairs; ++pair) {
        const long i = by.interleaved ? 2 * pair : pair, j = i + next;
        const float a = wide(head[i]), b = wide(head[j]);
        put(head[i], a * cos[i] + b * sin[i]);
        put(head[j], b * cos[j] + a * sin[j]);
      }
    }
  }
}

template <class T>
int run(const Step& step) {
  for (int64_t number = 0; number < step.count; ++number) {
    const Layer& layer = *step.layers[number];
    T* key = static_cast<T*>(step.key) + number * step.tokens * layer.k.rows;
    T* value = static_cast<T*>(step.value) + number * step.tokens * layer.v.rows;
    before(layer, step.hidden, step.tokens, step.query, key, value, step.narrow, step.threads);
    const int64_t queries = step.tokens * layer.q.rows;
    if (step.raw) std::memcpy(static_cast<T*>(step.raw) + number * queries, step.query, queries * sizeof(T));
    turn(static_cast<T*>(step.query), step.tokens, layer.q.rows, layer.dim, step.query_turns[number]);
    turn(key, step.tokens, layer.k.rows, layer.dim, step.key_turns[number]);
    if (step.chooses[number] && step.choose(number)) return 2;
    if (step.choices[number] && step.rank(step.choices[number])) return 1;
    if (step.attend(step.calls[number])) return 1;
    if (step.narrow)
      for (int64_t i = 0; i < step.tokens * layer.o.columns; ++i) step.out[i] = from_bf16(bf16(step.out[i]));
    after(layer, step.out, step.tokens * step.value_dim, step.value_dim, 0, step.hidden, step.tokens, step.threads);
  }
  return 0;
}

template <class Work>
int tried(Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

}  // namespace

// Each gives 1 where no memory is left; a step gives 2 where it was ended.
extern "C" {

int before(const Layer* layer, const float* hidden, int64_t count, void* query, void* key, void* value, int64_t narrow,
           int64_t threads) {
  return tried([&] { return before(*layer, hidden, count, query, key, value, narrow, threads), 0; });
}

int after(const Layer* layer, const void* heads, int64_t head, int64_t token, int64_t narrow, float* hidden,
          int64_t count, int64_t threads) {
  return tried([&] { return after(*layer, heads, head, token, narrow, hidden, count, threads), 0; });
}

int last(const Norm* by, const Matrix* matrix, const float* hidden, int64_t count, float* out, int64_t threads) {
  return tried([&] { return last(*by, *matrix, hidden, count, out, threads), 0; });
}

int step(const Step* step) {
  return tried([&] { return step->narrow ? run<uint16_t>(*step) : run<float>(*step); });
}

// Writes one entry behind each row of each layer. table [layers, 8, rows]: addresses of keys, values and positions,
// lengths, and what is not looked at. keys, values: [layers, rows, bytes], with a stride between layers, in bytes.
void put(const int64_t* table, int64_t layers, int64_t rows, const char* keys, int64_t key_layer, int64_t key_bytes,
         const char* values, int64_t value_layer, int64_t value_bytes, int64_t position) {
  for (int64_t layer = 0; layer < layers; ++layer, table += 8 * rows)
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = table[3 * rows + row];
      std::memcpy(reinterpret_cast<char*>(table[row]) + at * key_bytes, keys + layer * key_layer + row * key_bytes, key_bytes);
      std::memcpy(reinterpret_cast<char*>(table[rows + row]) + at * value_bytes,
                  values + layer * value_layer + row * value_bytes, value_bytes);
      if (table[2 * rows + row]) reinterpret_cast<int32_t*>(table[2 * rows + row])[at] = int32_t(position);
    }
}
}
