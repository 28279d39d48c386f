// One token of each of several sequences: its entry is stored behind its rows, if it is new, and its queries attend.
//
// A row belongs to one head of keys and values of one sequence and lies where its store put it, so that rows have their
// own places and lengths. The queries of a head go through a row together, a panel of entries at a time, with an online
// softmax in fp32; long rows are cut into parts, which are joined at the end.
//
// Nothing is checked here: the caller has made sure that every address is that of a row with room for one more entry.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "words.h"

namespace words {
namespace decoding {
namespace {

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

INLINE int64_t whole(int64_t dim) { return (dim + LANES - 1) / LANES * LANES; }

// What a part of a row gave to each query of its head: the largest score times log2(e), the sum of weights, the output.
struct Part {
  float *largest, *total, *sums;
};

template <class In>
class Worker {
 public:
  // memory: of `room(call)` numbers.
  Worker(const Call& call, float* memory)
      : call_(call),
        group_(call.heads / call.kv_heads),
        width_(whole(call.dim)),
        depth_(whole(call.value_dim)),
        queries_(memory),
        scores_(memory + group_ * width_) {}

  static int64_t room(const Call& call) { return call.heads / call.kv_heads * (whole(call.dim) + PANEL); }

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
        const float* query = queries_ + g * width_;
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
    for (int64_t g = 0; g < group_; ++g) weigh(scores_ + g * PANEL, count, g, part);
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
      const float* weights = scores_ + g * PANEL + k;
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
  float *const queries_, *const scores_;
};

// The parts of a row under one softmax.
void join(const Call& call, int64_t row, const std::vector<Part>& parts, int64_t from, int64_t to) {
  const int64_t token = row / call.kv_heads, head = row % call.kv_heads, group = call.heads / call.kv_heads;
  const int64_t depth = whole(call.value_dim);
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
    float& lse = call.lse[(head * group + g) * call.tokens + token];
    if (total == 0) {  // nothing was seen
      lse = -std::numeric_limits<float>::infinity();
      continue;
    }
    for (int64_t i = 0; i < call.value_dim; ++i) out[i] /= total;
    lse = most / LOG2E + std::log(total);
  }
}

// The rows of a call, cut into parts.
class Attention {
 public:
  // By one thread. The call has to stay where it is until `run` is over; memory of earlier calls is used again.
  void prepare(const Call& call) {
    call_ = &call;
    const int64_t rows = call.tokens * call.kv_heads, group = call.heads / call.kv_heads, depth = whole(call.value_dim);
    cuts_.clear(), begins_.resize(rows + 1);
    entries_ = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t first = call.firsts[row], end = call.lengths[row] + (call.key ? 1 : 0);
      begins_[row] = cuts_.size();
      for (int64_t start = first; start < end; start = (start / SHARE + 1) * SHARE)
        cuts_.push_back({row, start, std::min(end, (start / SHARE + 1) * SHARE)});
      entries_ += end - first;
    }
    begins_[rows] = cuts_.size();
    const int64_t each = group * (2 + depth);
    room_ = call.bf16 ? Worker<Bf16>::room(call) : Worker<float>::room(call);
    memory_.resize(cuts_.size() * each + call.threads * room_);
    parts_.resize(cuts_.size());
    float* at = memory_.data();
    for (Part& part : parts_) part = {at, at + group, at + 2 * group}, at += each;
    rooms_ = at;
  }

  // Whether more than one thread is worth its while.
  bool large() const {
    return entries_ * (call_->dim + call_->value_dim) * (call_->heads / call_->kv_heads) >= 1 << 18;
  }

  // By every thread of a team of at most `threads`, or by one alone. It is over for all of them when it returns.
  void run() {
    if (call_->bf16)
      run<Bf16>();
    else
      run<float>();
  }

 private:
  struct Cut {
    int64_t row, start, stop;
  };

  template <class In>
  void run() {
#ifdef _OPENMP
    const int number = omp_get_thread_num();
#else
    const int number = 0;
#endif
    Worker<In> worker(*call_, rooms_ + number * room_);
    const int64_t count = cuts_.size(), rows = begins_.size() - 1;
#pragma omp for schedule(dynamic, 1)
    for (int64_t p = 0; p < count; ++p)
      worker.run(cuts_[p].row, cuts_[p].start, cuts_[p].stop, p + 1 == begins_[cuts_[p].row + 1], parts_[p]);
#pragma omp for
    for (int64_t row = 0; row < rows; ++row) join(*call_, row, parts_, begins_[row], begins_[row + 1]);
  }

  const Call* call_ = nullptr;
  std::vector<Cut> cuts_;
  std::vector<int64_t> begins_;
  std::vector<float> memory_;
  std::vector<Part> parts_;
  float* rooms_ = nullptr;
  int64_t room_ = 0, entries_ = 0;
};

// All rows of a call, by a team of its own. Throws where memory does not suffice.
inline void attend(const Call& call) {
  Attention attention;
  attention.prepare(call);
#pragma omp parallel num_threads(call.threads) if (attention.large())
  attention.run();
}

}  // namespace
}  // namespace decoding
}  // namespace words

namespace decoding = words::decoding;
