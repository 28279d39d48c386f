// One token of each of several sequences: its entry is stored behind its rows, if it is new, and its queries attend.
//
// A row belongs to one head of keys and values of one sequence and lies where its store put it, so that rows have their
// own places and lengths. The queries of a head go through a row together, a panel of entries at a time, with an online
// softmax in fp32; long rows are cut into parts, which are joined at the end.
//
// Nothing is checked here: the caller has made sure that every address is that of a row with room for one more entry.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "words.h"

// In the order of decoding.py. A row's number is that of its token times the heads of keys, plus its head.
struct Call {
  const void *query, *key, *value;  // of the tokens: [heads, tokens, dim] and [kv_heads, tokens, ...]; key null: none is new
  float *out, *lse;                 // [heads, tokens, value_dim], [heads, tokens]
  const int64_t *keys, *values, *places;  // [rows]: where a row's keys, values and positions begin; no positions are 0
  const int64_t *lengths, *firsts;  // [rows]: entries, without the new one, and the first that is seen
  const int64_t* positions;         // [tokens]
  int64_t query_head, query_row, key_head, key_row, value_head, value_row;  // strides
  int64_t heads, kv_heads, tokens, dim, value_dim, bf16, threads;
  double scale, softcap;  // softcap 0 is none
};

namespace {

constexpr int PANEL = 64;         // entries at a time
constexpr int SHARE = 1024;       // entries that are worth a part of their own
constexpr int TOGETHER = 4;       // entries whose values are added at once
constexpr float NOTHING = -1e30f;

typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint16_t Halves __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

INLINE Vec load(const float* from) { return *reinterpret_cast<const Loose*>(from); }
INLINE Vec load(const Bf16* from) {
  return (Vec)(__builtin_convertvector(*reinterpret_cast<const Halves*>(from), Ints) << 16);
}
INLINE float sum(Vec x) {
  float total = 0;
  for (int lane = 0; lane < LANES; ++lane) total += x[lane];
  return total;
}

// What a part of a row gave to each query of its head: the largest score times log2(e), the sum of weights, the output.
struct Part {
  float *largest, *total, *sums;
};

template <class In>
class Worker {
 public:
  explicit Worker(const Call& call)
      : call_(call),
        group_(call.heads / call.kv_heads),
        width_((call.dim + LANES - 1) / LANES * LANES),
        depth_((call.value_dim + LANES - 1) / LANES * LANES),
        queries_(group_ * width_),
        scores_(group_ * PANEL) {}

  // Entries from .. to - 1 of a row.
  void run(int64_t row, int64_t from, int64_t to, bool last, Part part) {
    const int64_t token = row / call_.kv_heads, head = row % call_.kv_heads;
    In* keys = reinterpret_cast<In*>(call_.keys[row]);
    In* values = reinterpret_cast<In*>(call_.values[row]);
    if (last && call_.key) store(token, head, row, keys, values);
    for (int64_t g = 0; g < group_; ++g) {
      const In* query = static_cast<const In*>(call_.query) + (head * group_ + g) * call_.query_head + token * call_.query_row;
      for (int64_t i = 0; i < call_.dim; ++i) queries_[g * width_ + i] = float(query[i]) * factor();
      part.largest[g] = NOTHING, part.total[g] = 0;
      std::fill_n(part.sums + g * depth_, depth_, 0.0f);
    }
    for (int64_t start = from; start < to; start += PANEL)
      panel(keys + start * call_.dim, values + start * call_.value_dim, std::min<int64_t>(PANEL, to - start), part);
  }

 private:
  float factor() const { return call_.softcap == 0 ? call_.scale * LOG2E : call_.scale; }

  void store(int64_t token, int64_t head, int64_t row, In* keys, In* values) {
    const int64_t at = call_.lengths[row];
    std::memcpy(keys + at * call_.dim, static_cast<const In*>(call_.key) + head * call_.key_head + token * call_.key_row,
                call_.dim * sizeof(In));
    std::memcpy(values + at * call_.value_dim,
                static_cast<const In*>(call_.value) + head * call_.value_head + token * call_.value_row,
                call_.value_dim * sizeof(In));
    if (call_.places[row]) reinterpret_cast<int32_t*>(call_.places[row])[at] = call_.positions[token];
  }

  void panel(const In* keys, const In* values, int64_t count, Part part) {
    const int64_t whole = call_.dim / LANES * LANES;
    for (int64_t k = 0; k < count; ++k) {
      const In* key = keys + k * call_.dim;
      for (int64_t g = 0; g < group_; ++g) {
        const float* query = queries_.data() + g * width_;
        Vec first = Vec{}, second = Vec{};
        int64_t i = 0;
        for (; i + 2 * LANES <= whole; i += 2 * LANES) {
          first += load(key + i) * load(query + i);
          second += load(key + i + LANES) * load(query + i + LANES);
        }
        for (; i < whole; i += LANES) first += load(key + i) * load(query + i);
        float score = sum(first + second);
        for (; i < call_.dim; ++i) score += float(key[i]) * query[i];
        scores_[g * PANEL + k] = score;
      }
    }
    for (int64_t g = 0; g < group_; ++g) weigh(scores_.data() + g * PANEL, count, g, part);
    int64_t k = 0;
    for (; k + TOGETHER <= count; k += TOGETHER) add<TOGETHER>(values + k * call_.value_dim, k, part);
    for (; k < count; ++k) add<1>(values + k * call_.value_dim, k, part);
  }

  // Scores become weights.
  void weigh(float* scores, int64_t count, int64_t g, Part part) {
    for (int64_t k = count; k < (count + LANES - 1) / LANES * LANES; ++k) scores[k] = -std::numeric_limits<float>::infinity();
    Vec largest = all(NOTHING);
    const float softcap = call_.softcap;
    for (int64_t k = 0; k < count; k += LANES) {
      Vec x = load(scores + k);
      if (softcap != 0) {
        x = softcap * tanh(x / softcap) * LOG2E;
        for (int lane = 0; lane < LANES; ++lane) scores[k + lane] = k + lane < count ? x[lane] : -std::numeric_limits<float>::infinity();
        x = load(scores + k);
      }
      largest = larger(x, largest);
    }
    float most = part.largest[g];
    for (int lane = 0; lane < LANES; ++lane) most = std::max(most, largest[lane]);
    const float fade = power_of_two(all(part.largest[g] - most))[0];
    Vec total = Vec{};
    for (int64_t k = 0; k < count; k += LANES) {
      const Vec weights = power_of_two(load(scores + k) - most);
      *reinterpret_cast<Loose*>(scores + k) = weights;
      total += weights;
    }
    part.largest[g] = most;
    part.total[g] = part.total[g] * fade + sum(total);
    if (fade != 1.0f)
      for (int64_t i = 0; i < depth_; i += LANES) {
        Loose& to = *reinterpret_cast<Loose*>(part.sums + g * depth_ + i);
        to = to * fade;
      }
  }

  // Some values, by their weights.
  template <int N>
  INLINE void add(const In* values, int64_t k, Part part) {
    const int64_t whole = call_.value_dim / LANES * LANES;
    for (int64_t g = 0; g < group_; ++g) {
      const float* weights = scores_.data() + g * PANEL + k;
      float* to = part.sums + g * depth_;
      int64_t i = 0;
      for (; i < whole; i += LANES) {
        Vec x = load(to + i);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) x += load(values + n * call_.value_dim + i) * weights[n];
        *reinterpret_cast<Loose*>(to + i) = x;
      }
      for (; i < call_.value_dim; ++i)
        for (int n = 0; n < N; ++n) to[i] += float(values[n * call_.value_dim + i]) * weights[n];
    }
  }

  const Call& call_;
  const int64_t group_, width_, depth_;
  std::vector<float> queries_, scores_;
};

// The parts of a row under one softmax.
void join(const Call& call, int64_t row, const std::vector<Part>& parts, int64_t from, int64_t to) {
  const int64_t token = row / call.kv_heads, head = row % call.kv_heads, group = call.heads / call.kv_heads;
  const int64_t depth = (call.value_dim + LANES - 1) / LANES * LANES;
  for (int64_t g = 0; g < group; ++g) {
    float most = NOTHING, total = 0;
    for (int64_t p = from; p < to; ++p) most = std::max(most, parts[p].largest[g]);
    float* out = call.out + ((head * group + g) * call.tokens + token) * call.value_dim;
    std::fill_n(out, call.value_dim, 0.0f);
    for (int64_t p = from; p < to; ++p) {
      const float fade = std::exp2(parts[p].largest[g] - most);
      total += parts[p].total[g] * fade;
      for (int64_t i = 0; i < call.value_dim; ++i) out[i] += parts[p].sums[g * depth + i] * fade;
    }
    for (int64_t i = 0; i < call.value_dim; ++i) out[i] /= total;
    call.lse[(head * group + g) * call.tokens + token] = most / LOG2E + std::log(total);
  }
}

template <class In>
void all_rows(const Call& call) {
  const int64_t rows = call.tokens * call.kv_heads, group = call.heads / call.kv_heads;
  const int64_t depth = (call.value_dim + LANES - 1) / LANES * LANES;
  std::vector<int64_t> row_of, start, stop, begins(rows + 1);
  int64_t entries = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t first = call.firsts[row], end = call.lengths[row] + (call.key ? 1 : 0);
    const int64_t wanted = rows >= 2 * call.threads ? 1 : 2 * call.threads;
    const int64_t cuts = std::max<int64_t>(1, std::min(wanted, (end - first) / SHARE));
    begins[row] = row_of.size();
    for (int64_t cut = 0; cut < cuts; ++cut) {
      row_of.push_back(row);
      start.push_back(first + (end - first) * cut / cuts);
      stop.push_back(first + (end - first) * (cut + 1) / cuts);
    }
    entries += end - first;
  }
  begins[rows] = row_of.size();
  const int64_t count = row_of.size(), each = group * (2 + depth);
  std::vector<float> memory(count * each);
  std::vector<Part> parts(count);
  for (int64_t p = 0; p < count; ++p)
    parts[p] = {memory.data() + p * each, memory.data() + p * each + group, memory.data() + p * each + 2 * group};
  const bool alone = entries * (call.dim + call.value_dim) * group < 1 << 18;
  bool failed = false;
#pragma omp parallel num_threads(call.threads) if (!alone)
  {
    try {
      Worker<In> worker(call);
#pragma omp for schedule(dynamic, 1)
      for (int64_t p = 0; p < count; ++p)
        worker.run(row_of[p], start[p], stop[p], p + 1 == begins[row_of[p] + 1], parts[p]);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  }
  if (failed) throw std::bad_alloc();
  for (int64_t row = 0; row < rows; ++row) join(call, row, parts, begins[row], begins[row + 1]);
}

}  // namespace

// 0, or 1 where memory does not suffice.
extern "C" int attend(const Call* call) {
  try {
    if (call->bf16)
      all_rows<Bf16>(*call);
    else
      all_rows<float>(*call);
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
