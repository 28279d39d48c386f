// New tokens of several sequences: their entries are stored behind their rows, if wanted, and their queries attend.
//
// A row belongs to one head of keys and values of one sequence, or to one head of queries, and its entries lie where its
// store put them. Queries that look at the same entries go through them together, a panel at a time. Rows are cut at
// fixed entries, and the parts are joined in order: what a token gets depends neither on those beside it nor on the
// number of threads, and is the same whether the tokens before it are stored or lie beside it.
//
// Nothing is checked here: the caller has made sure that every address is that of a row with room for one more entry.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "rows.h"

namespace words {
namespace decoding {
namespace {

constexpr int SHARE = 1024;  // entries of a part, whole panels

// The rows of a call, cut into parts.
class Attention {
 public:
  // By one thread. The call has to stay where it is until `run` is over; memory of earlier calls is used again.
  void prepare(const Call& call) {
    call_ = &call;
    list_stretches();
    cut_rows();
    const int64_t depth = whole(call.value_dim);
    room_ = Worker<float>::room(call);
    int64_t wanted = call.threads * room_;
    for (const Cut& cut : cuts_) wanted += room_of(cut);
    if (wanted > held_) memory_ = Memory<float>(wanted), held_ = wanted;
    parts_.resize(count_);
    float* at = memory_ + call.threads * room_;
    for (const Cut& cut : cuts_) {  // what the members of a team get lies together
      const int64_t group = call.group(), queries = cut.team.members * group;
      float* largest = at + queries * depth;
      for (int64_t m = 0; m < cut.team.members; ++m)
        parts_[cut.parts + m] = {largest + m * group, largest + queries + m * group, at + m * group * depth};
      at += room_of(cut);
    }
  }

  // Whether more than one thread is worth its while.
  bool large() const { return entries_ * (call_->dim + call_->value_dim) * call_->group() >= 1 << 18; }

  // By every thread of a team of at most `threads`, or by one alone. It is over for all of them when it returns.
  void run() {
    if (through<Bf16>())
      run<Bf16>();
    else
      run<float>();
  }

 private:
  template <class In>
  bool through() const { return direct_ && call_->bf16 == std::is_same<In, Bf16>::value; }

  int64_t room_of(const Cut& cut) const {
    const int64_t queries = cut.team.members * call_->group();
    return queries * whole(call_->value_dim) + whole(2 * queries);
  }

  void list_stretches() {
    const Call& call = *call_;
    const int64_t rows = call.tokens * call.each(), bits = call.bf16 ? 16 : 32;
    direct_ = call.dim % CHUNK == 0 && call.value_dim % CHUNK == 0;
    forms_ = call.forms, stretches_ = call.stretches, of_ = call.stretches_of;
    if (stretches_) {
      for (int64_t i = of_[0]; i < of_[rows]; ++i)
        for (int side = 0; side < 2; ++side) direct_ &= forms_[2 * stretches_[i].form + side].bits == bits;
      return;
    }
    same_[0] = same_[1] = {bits, 1, 0};
    own_.clear(), own_of_.assign(1, 0);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t shared = call.shared_lengths[row];
      if (shared) own_.push_back({call.shared_keys[row], 0, 0, call.shared_values[row], 0, 0, shared, 0});
      own_.push_back({call.keys[row], 0, 0, call.values[row], 0, 0, call.lengths[row], 0});
      own_of_.push_back(own_.size());
    }
    forms_ = same_, stretches_ = own_.data(), of_ = own_of_.data();
  }

  // With how many of the same entries two rows begin.
  int64_t common(int64_t row, int64_t other) const {
    int64_t found = 0;
    if (call_->visited) return found;
    for (int64_t i = of_[row], j = of_[other]; i < of_[row + 1] && j < of_[other + 1]; ++i, ++j) {
      const Stretch &mine = stretches_[i], &its = stretches_[j];
      if (mine.keys != its.keys) break;
      found += std::min(mine.length, its.length);
      if (mine.length != its.length) break;
    }
    return found;
  }

  void cut_rows() {
    const Call& call = *call_;
    const Seen seen = this->seen();
    cuts_.clear(), count_ = entries_ = 0;
    places_.resize(call.tokens * call.each());
    for (int64_t head = 0; head < call.each(); ++head)
      for (int64_t token = 0, members; token < call.tokens; token += members) {
        const int64_t row = token * call.each() + head, begin = cuts_.size();
        int64_t first = seen.first(row), end = seen.end(row), same = seen.stored(row);
        for (members = 1; token + members < call.tokens; ++members) {
          const int64_t other = row + members * call.each(), found = common(row, other);
          if (!found) break;
          same = std::min(same, found);
          first = std::min(first, seen.first(other)), end = std::max(end, seen.end(other));
        }
        for (int64_t start = first, stop; start < end; start = stop) {
          stop = std::min(end, (start / SHARE + 1) * SHARE);
          cuts_.push_back({{row, members, same}, start, stop, count_, stop == end});
          count_ += members;
        }
        for (int64_t m = 0; m < members; ++m)
          places_[row + m * call.each()] = {begin, int64_t(cuts_.size()), m};
        entries_ += (end - first) * members;
      }
  }

  Seen seen() const { return {*call_, stretches_, of_, forms_, direct_}; }

  template <class In>
  void run() {
#ifdef _OPENMP
    const int number = omp_get_thread_num();
#else
    const int number = 0;
#endif
    const Seen seen = this->seen();
    Worker<In> worker(seen, memory_ + number * room_);
    const int64_t count = cuts_.size(), rows = places_.size();
#pragma omp for schedule(dynamic, 1)
    for (int64_t i = 0; i < count; ++i) worker.run(cuts_[i], parts_.data() + cuts_[i].parts);
#pragma omp for
    for (int64_t row = 0; row < rows; ++row) join<In>(row);
  }

  // The parts of a row under one softmax.
  template <class In>
  void join(int64_t row) const {
    const Call& call = *call_;
    const int64_t token = row / call.each(), group = call.group(), depth = whole(call.value_dim);
    for (int64_t g = 0; g < group; ++g) {
      const int64_t at = (row % call.each() * group + g) * call.tokens + token;
      float* out = call.out + at * call.value_dim;
      float most = NOTHING, total = 0;
      std::fill_n(out, call.value_dim, 0.0f);
      for (int64_t i = places_[row].begin; i < places_[row].end; ++i) most = std::max(most, part(row, i).largest[g]);
      for (int64_t i = places_[row].begin; i < places_[row].end; ++i) {
        const Part each = part(row, i);
        const float fade = std::exp2(each.largest[g] - most);
        total += each.total[g] * fade;
        for (int64_t c = 0; c < call.value_dim; ++c) out[c] += each.sums[g * depth + Chunk<In>::place(c)] * fade;
      }
      call.lse[at] = total == 0 ? -std::numeric_limits<float>::infinity() : most / LOG2E + std::log(total);
      if (total != 0)  // else nothing was seen
        for (int64_t c = 0; c < call.value_dim; ++c) out[c] /= total;
    }
  }

  const Part& part(int64_t row, int64_t cut) const { return parts_[cuts_[cut].parts + places_[row].member]; }

  struct Place {
    int64_t begin, end, member;  // its cuts, and which of their members it is
  };

  const Call* call_ = nullptr;
  const Stretch* stretches_ = nullptr;
  const int64_t* of_ = nullptr;
  const Coding* forms_ = nullptr;
  Coding same_[2];
  std::vector<Stretch> own_;
  std::vector<int64_t> own_of_;
  std::vector<Cut> cuts_;
  std::vector<Place> places_;
  Memory<float> memory_ = Memory<float>(0);
  std::vector<Part> parts_;
  int64_t room_ = 0, held_ = 0, entries_ = 0, count_ = 0;
  bool direct_ = false;
};

// All rows of a call, by a team of its own. Throws where memory does not suffice.
inline void attend(const Call& call) {
  static thread_local Attention kept;
  Attention& attention = kept;
  attention.prepare(call);
#pragma omp parallel num_threads(call.threads) if (attention.large())
  attention.run();
}

}  // namespace
}  // namespace decoding
}  // namespace words

namespace decoding = words::decoding;
