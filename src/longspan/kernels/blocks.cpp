// Attention of blocks of queries over lists of keys, with an online softmax.
//
// Queries lie in the lanes of vectors, so that the softmax never looks across a vector. The keys of a list are taken a
// panel at a time, wherever they come from: copied side by side, then multiplied with strips of queries. Products of
// bf16 numbers are made in pairs where the processor can, and in fp32 elsewhere; sums are fp32.
//
// Nothing is checked here: the caller has made sure that every index lies inside its tensor.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <thread>
#include <vector>

#include "words.h"

// In the order of compiled.py. Lists belong to groups of heads: query blocks visit key blocks, columns and themselves,
// or, where there are members, bundles of these visit columns.
struct Call {
  const void *query, *key, *value;  // [heads, rows, dim], [kv_heads, keys, dim], [kv_heads, keys, value_dim]
  float *out, *lse;                 // [heads, rows, value_dim], [heads, rows]: what was seen so far
  const int64_t *low, *high;        // [rows], or null
  const int64_t *visits, *columns, *members;  // [choosers of each, lists, count of each], or null
  const float* bonus;                         // as columns, or null
  int64_t query_head, query_row, key_head, key_row, value_head, value_row;  // strides
  int64_t heads, kv_heads, rows, keys, start, dim, value_dim;  // start: the place of the first query among the keys
  int64_t choosers, lists, block, width;
  int64_t visits_heads, visits_count, columns_heads, columns_count, members_heads, members_count;
  int64_t bf16, threads;
  double scale, softcap;  // softcap 0 is none
};

namespace {

using namespace words;

constexpr int TILE = 6;            // rows of a product that are kept in registers
constexpr int PANEL = 96;          // keys at a time, an even multiple of TILE
constexpr int PART = 256;          // queries that share copied keys
constexpr float NOTHING = -1e30f;  // the largest score before any is seen
constexpr float HIDDEN = -std::numeric_limits<float>::infinity();
constexpr int32_t NO_KEY = std::numeric_limits<int32_t>::max();

// Attention of some queries of some heads, which share a list of keys.
template <class Unit>
class Worker {
  using In = typename Unit::In;
  using Word = typename Unit::Word;

 public:
  explicit Worker(const Call& call)
      : call_(call),
        words_((call.dim + Unit::STEP - 1) / Unit::STEP),
        depth_((call.value_dim + TILE - 1) / TILE * TILE),
        zeros_(std::max(call.dim, call.value_dim)),
        line_(words_),
        queries_(PART * words_),
        keys_(PANEL * words_),
        values_(PANEL / Unit::STEP * depth_),
        scores_(PANEL * STRIP),
        weights_(PANEL / Unit::STEP * STRIP),
        sums_(PART * depth_),
        strips_(PART / STRIP) {}

  // Piece number `piece` of the work: a part of the queries of one list.
  void run(int64_t piece, int64_t parts) {
    const int64_t list = piece / parts / call_.choosers, chooser = piece / parts % call_.choosers;
    const int64_t shared = call_.heads / call_.choosers, start = call_.start;
    const int64_t own = (start / call_.block + list) * call_.block;  // the first key of a query block
    const int64_t* members = entries(call_.members, call_.members_heads, call_.members_count, chooser, list);
    const int64_t first = members ? 0 : std::max<int64_t>(own - start, 0);
    const int64_t count = members ? call_.members_count : std::min(own + call_.block - start, call_.rows) - first;
    rows_.clear();
    for (int64_t i = piece % parts * PART; i < std::min(shared * count, (piece % parts + 1) * PART); ++i)
      rows_.push_back({chooser * shared + i / count, members ? members[i % count] : first + i % count});
    if (rows_.empty()) return;
    begin(!members);
    const int64_t kv_head = chooser * call_.kv_heads / call_.choosers;
    key_ = static_cast<const In*>(call_.key) + kv_head * call_.key_head;
    value_ = static_cast<const In*>(call_.value) + kv_head * call_.value_head;
    if (const int64_t* visits = entries(call_.visits, call_.visits_heads, call_.visits_count, chooser, list))
      for (int64_t i = 0; i < call_.visits_count && visits[i] >= 0; ++i)
        range(visits[i] * call_.width, (visits[i] + 1) * call_.width);
    if (const int64_t* columns = entries(call_.columns, call_.columns_heads, call_.columns_count, chooser, list)) {
      const float* bonus = entries(call_.bonus, call_.columns_heads, call_.columns_count, chooser, list);
      for (int64_t i = 0; i < call_.columns_count; ++i)
        if (columns[i] >= least_ && columns[i] < most_) add(columns[i], bonus ? bonus[i] : 0.0f);
    }
    if (!members) range(own, own + call_.block);
    panel();
    finish();
  }

 private:
  struct Row {
    int64_t head, row;
  };
  struct Strip {
    Ints low[VECTORS], high[VECTORS];
    int32_t least_low, most_low, least_high, most_high;
    Vec largest[VECTORS], total[VECTORS];  // of the scores times log2(e), of their weights
  };

  template <class T>
  const T* entries(const T* of, int64_t choosers, int64_t count, int64_t chooser, int64_t list) const {
    return of ? of + (chooser * choosers / call_.choosers * call_.lists + list) * count : nullptr;
  }

  // Lays the queries side by side.
  void begin(bool causal) {
    least_ = NO_KEY, most_ = 0;
    for (size_t s = 0; s * STRIP < rows_.size(); ++s) {
      Strip& strip = strips_[s];
      strip.least_low = strip.least_high = NO_KEY, strip.most_low = strip.most_high = 0;
      for (int lane = 0; lane < STRIP; ++lane) {
        const Row at = rows_[std::min(s * STRIP + lane, rows_.size() - 1)];
        int64_t low = call_.low ? call_.low[at.row] : 0, high = call_.high ? call_.high[at.row] : call_.keys;
        if (causal) high = std::min(high, call_.start + at.row + 1);
        low = std::clamp<int64_t>(low, 0, call_.keys), high = std::clamp<int64_t>(high, 0, call_.keys);
        strip.low[lane / LANES][lane % LANES] = low, strip.high[lane / LANES][lane % LANES] = high;
        strip.least_low = std::min<int32_t>(strip.least_low, low);
        strip.most_low = std::max<int32_t>(strip.most_low, low);
        strip.least_high = std::min<int32_t>(strip.least_high, high);
        strip.most_high = std::max<int32_t>(strip.most_high, high);
        Unit::along(static_cast<const In*>(call_.query) + at.head * call_.query_head + at.row * call_.query_row,
                    call_.dim, line_ + 0);
        Word* to = queries_ + (s * words_ * STRIP + lane);
        for (long word = 0; word < words_; ++word) to[word * STRIP] = *(line_ + word);
      }
      for (int v = 0; v < VECTORS; ++v) strip.largest[v] = all(NOTHING), strip.total[v] = Vec{};
      std::fill_n(sums_ + s * depth_ * STRIP, depth_ * STRIP, 0.0f);
      least_ = std::min(least_, strip.least_low), most_ = std::max(most_, strip.most_high);
    }
  }

  // Keys from .. to - 1, as far as any of the queries may see them.
  void range(int64_t from, int64_t to) {
    for (int64_t key = std::max<int64_t>(from, least_); key < std::min<int64_t>(to, most_); ++key) add(key, 0.0f);
  }

  INLINE void add(int32_t key, float bonus) {
    index_[count_] = key, bonus_[count_] = bonus;
    if (++count_ == PANEL) panel();
  }

  // All queries over the keys gathered since the last time.
  void panel() {
    if (!count_) return;
    const auto [least, most] = std::minmax_element(index_, index_ + count_);
    const int32_t first = *least, last = *most;
    bool plain = !call_.bonus && call_.softcap == 0 && call_.scale > 0 && count_ % TILE == 0;
    for (; count_ % TILE; ++count_) index_[count_] = NO_KEY, bonus_[count_] = 0;
    for (int k = 0; k < count_; k += Unit::STEP) {
      const In* rows[Unit::STEP];
      for (int i = 0; i < Unit::STEP; ++i) {
        const int32_t key = index_[k + i];
        Unit::along(key == NO_KEY ? zeros_ + 0 : key_ + key * call_.key_row, call_.dim, keys_ + (k + i) * words_);
        rows[i] = key == NO_KEY ? zeros_ + 0 : value_ + key * call_.value_row;
      }
      Unit::across(rows, call_.value_dim, values_ + k / Unit::STEP * depth_);
    }
    for (size_t s = 0; s * STRIP < rows_.size(); ++s) {
      const Strip& strip = strips_[s];
      if (last < strip.least_low || first >= strip.most_high) continue;
      const bool open = plain && first >= strip.most_low && last < strip.least_high;
      if (rows_.size() - s * STRIP <= LANES)
        visit<1>(s, open);
      else
        visit<VECTORS>(s, open);
    }
    count_ = 0;
  }

  // One strip over the keys of the panel. open: every query sees every key, and scores are products times scale.
  template <int V>
  void visit(size_t s, bool open) {
    Strip& strip = strips_[s];
    for (int k = 0; k < count_; k += TILE)
      product<V>(keys_ + k * words_, words_, 1, queries_ + s * words_ * STRIP, words_, scores_ + k * STRIP, nullptr);
    const float factor = open ? call_.scale * LOG2E : 1.0f;
    if (!open) shape<V>(strip);
    Vec largest[V], fade[V], total[V];
    for (int v = 0; v < V; ++v) largest[v] = all(HIDDEN);
    for (int k = 0; k < count_; ++k)
      for (int v = 0; v < V; ++v) largest[v] = larger(largest[v], score(k, v));
    for (int v = 0; v < V; ++v) {
      largest[v] = larger(largest[v] * factor, strip.largest[v]);
      fade[v] = power_of_two(strip.largest[v] - largest[v]);
      strip.largest[v] = largest[v];
      total[v] = strip.total[v] * fade[v];
    }
    for (int k = 0; k < count_; k += Unit::STEP)
      for (int v = 0; v < V; ++v) {
        Vec weights[Unit::STEP];
        for (int i = 0; i < Unit::STEP; ++i) {
          weights[i] = power_of_two(score(k + i, v) * factor - largest[v]);
          total[v] += weights[i];
        }
        *reinterpret_cast<Vec*>(weights_ + (k / Unit::STEP * STRIP + v * LANES)) = Unit::across(weights);
      }
    for (int v = 0; v < V; ++v) strip.total[v] = total[v];
    for (long d = 0; d < depth_; d += TILE)
      product<V>(values_ + d, 1, depth_, weights_ + 0, count_ / Unit::STEP, sums_ + (s * depth_ + d) * STRIP, fade);
  }

  INLINE Vec& score(int key, int v) { return *reinterpret_cast<Vec*>(scores_ + (key * STRIP + v * LANES)); }

  // Scores that are more than products: bounded, with a bonus, hidden from some queries.
  template <int V>
  void shape(const Strip& strip) {
    const float scale = call_.scale, softcap = call_.softcap;
    for (int k = 0; k < count_; ++k)
      for (int v = 0; v < V; ++v) {
        Vec x = score(k, v) * scale;
        if (softcap != 0) x = softcap * tanh(x / softcap);
        x = (x + bonus_[k]) * LOG2E;
        const Ints key = all(index_[k]);
        score(k, v) = (key < strip.low[v]) | (key >= strip.high[v]) ? all(HIDDEN) : x;
      }
  }

  // TILE rows of a product: to[r] = to[r] * fade + the sum over s of a[r * row + s * step] * b[s]; no fade is 0.
  template <int V>
  static INLINE void product(const Word* a, long row, long step, const Word* b, long steps, float* to,
                             const Vec* fade) {
    Vec sums[TILE][V];
    Vec* const rows = reinterpret_cast<Vec*>(to);
#pragma GCC unroll 8
    for (int r = 0; r < TILE; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] = fade ? rows[r * VECTORS + v] * fade[v] : Vec{};
    for (long s = 0; s < steps; ++s) {
      Vec across[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) across[v] = reinterpret_cast<const Vec*>(b + s * STRIP)[v];
#pragma GCC unroll 8
      for (int r = 0; r < TILE; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sums[r][v] = Unit::add(sums[r][v], a[r * row + s * step], across[v]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < TILE; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) rows[r * VECTORS + v] = sums[r][v];
  }

  // Joins what these queries saw with what they saw before.
  void finish() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Strip& strip = strips_[i / STRIP];
      const int lane = i % STRIP;
      const float largest = strip.largest[lane / LANES][lane % LANES], total = strip.total[lane / LANES][lane % LANES];
      if (total == 0) continue;  // nothing was seen
      const int64_t place = rows_[i].head * call_.rows + rows_[i].row;
      const float before = call_.lse[place], now = largest / LOG2E + std::log(total);
      const float joint = std::max(before, now) + std::log1p(std::exp(-std::abs(before - now)));
      const float old_share = std::exp(before - joint), share = std::exp(now - joint) / total;
      const float* sums = sums_ + (i / STRIP * depth_ * STRIP + lane);
      float* out = call_.out + place * call_.value_dim;
      for (long d = 0; d < call_.value_dim; ++d) out[d] = out[d] * old_share + sums[d * STRIP] * share;
      call_.lse[place] = joint;
    }
  }

  const Call& call_;
  const long words_, depth_;  // words of a key, rows that values take
  Memory<In> zeros_;
  Memory<Word> line_, queries_, keys_, values_;
  Memory<float> scores_;
  Memory<Word> weights_;
  Memory<float> sums_;
  std::vector<Strip> strips_;
  std::vector<Row> rows_;
  const In *key_ = nullptr, *value_ = nullptr;
  int32_t least_ = 0, most_ = 0;  // keys that any of the queries may see
  int count_ = 0;
  int32_t index_[PANEL];
  float bonus_[PANEL];
};

template <class Unit>
void all_pieces(const Call& call) {
  const int64_t each = call.members ? call.members_count : std::min(call.block, call.rows);
  const int64_t parts = (call.heads / call.choosers * each + PART - 1) / PART;
  const int64_t pieces = call.lists * call.choosers * parts;
  std::atomic<int64_t> next{pieces};  // the last lists are the longest and come first
  std::atomic<bool> failed{false};
  auto work = [&] {
    try {
      Worker<Unit> worker(call);
      for (int64_t piece = --next; piece >= 0; piece = --next) worker.run(piece, parts);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  };
  std::vector<std::thread> others;
  others.reserve(call.threads);
  try {
    for (int64_t i = 1; i < std::min(call.threads, pieces); ++i) others.emplace_back(work);
  } catch (const std::exception&) {
    // No more threads can be had: those that there are do the work.
  }
  work();
  for (auto& other : others) other.join();
  if (failed) throw std::bad_alloc();
}

}  // namespace

// 0, or 1 where memory does not suffice.
extern "C" int attend(const Call* call) {
  try {
    if (call->bf16)
      all_pieces<Bf16Unit>(*call);
    else
      all_pieces<Singles<float>>(*call);
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
