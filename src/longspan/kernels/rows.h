// The entries that rows see, wherever these lie and in whatever form, and the queries of the rows that go through them.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "panels.h"
#include "stored.h"

namespace words {
namespace decoding {
namespace {

// In the order of decoding.py. A row's number is that of its token times the rows of each, plus that of its head.
struct Call {
  const void *query, *key, *value;  // of the tokens: [heads, tokens, dim] and [kv_heads, tokens, ...]; key null: none is new
  float *out, *lse;                 // [heads, tokens, value_dim], [heads, tokens]
  const int64_t *keys, *values, *places;  // [rows]: where a row's keys, values and positions begin; no positions are 0
  const int64_t *lengths, *firsts;  // [rows]: entries, without the new one, and the first that is seen
  const int64_t *shared_keys, *shared_values, *shared_lengths;  // [rows]: entries elsewhere that come before those
  const int64_t* positions;         // [tokens]
  // [tokens, beside]: which tokens of the call lie between the stored entries and a token's own, -1 for none; new entries
  // are stored where this is null.
  const int64_t* ancestors;
  const Stretch* stretches;         // instead of keys and values, where these are not the model's numbers; or null
  const int64_t* stretches_of;      // [rows + 1]: the first of each row's
  const Coding* forms;              // [.., 2]
  const int64_t *visited, *visits;  // [rows, visits_room], [rows]: entries that are seen, and how many; null for all
  int64_t query_head, query_row, key_head, key_row, value_head, value_row;  // strides
  int64_t heads, kv_heads, tokens, dim, value_dim, bf16, threads, beside, visits_room;
  int64_t row_heads;      // rows of each token: 0 for kv_heads, or heads where each visits entries of its own
  double scale, softcap;  // softcap 0 is none

  int64_t each() const { return row_heads ? row_heads : kv_heads; }
  int64_t group() const { return heads / each(); }
  int64_t kv_head(int64_t row) const { return row % each() * kv_heads / each(); }
  // Entries of a row that are new.
  int64_t fresh(int64_t row) const {
    if (!key) return 0;
    int64_t count = 0;
    if (ancestors)
      for (const int64_t* found = ancestors + row / each() * beside; count < beside && found[count] >= 0;) ++count;
    return count + 1;
  }
};

// Rows that begin with the same stored entries, `common` of them: those of a head, of tokens that follow each other.
struct Team {
  int64_t row, members, common;
};

// Entries start .. stop - 1 that a team sees.
struct Cut {
  Team team;
  int64_t start, stop, parts;  // the first of its parts, one for each member
  bool last;
};

// What the rows of a call see.
struct Seen {
  const Call& call;
  const Stretch* stretches;
  const int64_t* of;
  const Coding* forms;
  bool direct;  // the entries are used where they lie

  int64_t stored(int64_t row) const {
    if (call.visited) return call.visits[row];
    int64_t total = 0;
    for (int64_t i = of[row]; i < of[row + 1]; ++i) total += stretches[i].length;
    return total;
  }
  int64_t end(int64_t row) const { return stored(row) + call.fresh(row); }
  int64_t first(int64_t row) const { return call.visited ? 0 : call.firsts[row]; }
};

// Entries are read as In.
template <class In>
class Worker {
 public:
  Worker(const Seen& seen, float* memory)
      : seen_(seen), call_(seen.call), width_(whole(call_.dim)), depth_(whole(call_.value_dim)), scores_(memory) {
    copies_ = scores_ + QUERIES * PANEL;
    spread_ = copies_ + PANEL * (width_ + depth_);
    queries_ = spread_ + 2 * (width_ + depth_);
    std::fill(copies_, spread_, 0.0f);
    entries_.near = !seen.direct, entries_.apart = call_.visited;
  }

  static int64_t room(const Call& call) {
    const int64_t both = whole(call.dim) + whole(call.value_dim);
    return QUERIES * PANEL + (PANEL + 2) * both + call.tokens * call.group() * whole(call.dim);
  }

  // parts: of the members, one behind the other.
  void run(const Cut& cut, const Part* parts) {
    const int64_t group = call_.group(), members = cut.team.members;
    int64_t seen = seen_.first(cut.team.row);  // by all members, from there on
    for (int64_t m = 0; m < members; ++m) {
      const int64_t row = cut.team.row + m * call_.each();
      seen = std::max(seen, seen_.first(row));
      if (cut.last && call_.key && call_.keys && !call_.ancestors) store(row);
      take_queries(row, queries_ + m * group * width_);
    }
    std::fill_n(parts->largest, members * group, NOTHING);
    std::fill_n(parts->total, members * group, 0.0f);
    std::fill_n(parts->sums, members * group * depth_, 0.0f);
    const int64_t panel = seen_.direct ? PANEL : PANEL / 2;  // so that copies stay near
    for (int64_t start = cut.start, stop; start < cut.stop; start = stop) {
      stop = std::min(cut.stop, (start / panel + 1) * panel);
      if (members == 1 || (start >= seen && stop <= cut.team.common)) {
        take(cut.team.row, start, stop, seen_.stored(cut.team.row));
        meet_all(members * group, queries_, *parts);
        continue;
      }
      for (int64_t m = 0; m < members; ++m) {
        const int64_t row = cut.team.row + m * call_.each();
        const int64_t from = std::max(start, seen_.first(row)), to = std::min(stop, seen_.end(row));
        if (from >= to) continue;
        take(row, from, to, seen_.stored(row));
        meet_all(group, queries_ + m * group * width_, parts[m]);
      }
    }
  }

 private:
  void meet_all(int64_t count, const float* queries, Part part) {
    attend(entries_, queries, count, width_, depth_, call_.softcap, scores_, part);
  }

  void take_queries(int64_t row, float* to) const {
    const int64_t group = call_.group(), head = row % call_.each() * group, token = row / call_.each();
    const float factor = call_.softcap == 0 ? call_.scale * LOG2E : call_.scale;
    std::fill_n(to, group * width_, 0.0f);
    for (int64_t g = 0; g < group; ++g) {
      const int64_t at = (head + g) * call_.query_head + token * call_.query_row;
      for (int64_t i = 0; i < call_.dim; ++i)
        to[g * width_ + Chunk<In>::place(i)] = factor * (call_.bf16 ? float(static_cast<const Bf16*>(call_.query)[at + i])
                                                                      : static_cast<const float*>(call_.query)[at + i]);
    }
  }

  int64_t size() const { return call_.bf16 ? 2 : 4; }
  const char* new_key(int64_t row, int64_t token) const {
    return static_cast<const char*>(call_.key) + (call_.kv_head(row) * call_.key_head + token * call_.key_row) * size();
  }
  const char* new_value(int64_t row, int64_t token) const {
    return static_cast<const char*>(call_.value) +
           (call_.kv_head(row) * call_.value_head + token * call_.value_row) * size();
  }

  // A new entry goes behind its row, once.
  void store(int64_t row) const {
    if (row % call_.each() % (call_.each() / call_.kv_heads)) return;
    const int64_t at = call_.lengths[row], token = row / call_.each();
    const int64_t key = call_.dim * size(), value = call_.value_dim * size();
    std::memcpy(reinterpret_cast<char*>(call_.keys[row]) + at * key, new_key(row, token), key);
    std::memcpy(reinterpret_cast<char*>(call_.values[row]) + at * value, new_value(row, token), value);
    if (call_.places[row]) reinterpret_cast<int32_t*>(call_.places[row])[at] = call_.positions[token];
  }

  // Entries start .. stop - 1 that a row sees, of which so many are stored.
  void take(int64_t row, int64_t start, int64_t stop, int64_t stored) {
    entries_.count = 0;
    int64_t at = start;
    const int64_t end = std::min(stop, stored);
    if (!call_.visited && at < end) take_stored(row, at, end), at = end;
    for (const int64_t* visited = call_.visited + row * call_.visits_room; at < end;) {
      int64_t some = 1;
      while (at + some < end && visited[at + some] == visited[at] + some) ++some;
      take_stored(row, visited[at], visited[at] + some);
      at += some;
    }
    const int64_t fresh = at < stop ? call_.fresh(row) : 0;
    for (; at < stop; ++at) {
      const int64_t token = row / call_.each(), number = at - stored;
      const int64_t one = number + 1 < fresh ? call_.ancestors[token * call_.beside + number] : token;
      const Coding same = {8 * size(), 1, 0};
      put(same, same, {int64_t(new_key(row, one)), 0, 0, int64_t(new_value(row, one)), 0, 0, 1, 0}, 0, 1);
    }
  }

  void take_stored(int64_t row, int64_t start, int64_t stop) {
    int64_t before = 0;
    for (int64_t i = seen_.of[row]; i < seen_.of[row + 1] && before < stop; ++i) {
      const Stretch& each = seen_.stretches[i];
      const int64_t from = std::max<int64_t>(0, start - before), to = std::min(each.length, stop - before);
      if (from < to) put(seen_.forms[2 * each.form], seen_.forms[2 * each.form + 1], each, from, to);
      before += each.length;
    }
  }

  void put(Coding keys, Coding values, const Stretch& from, int64_t start, int64_t stop) {
    int64_t& at = entries_.count;
    if (seen_.direct) {
      const In *key = reinterpret_cast<const In*>(from.keys), *value = reinterpret_cast<const In*>(from.values);
      for (int64_t entry = start; entry < stop; ++entry, ++at)
        entries_.keys[at] = key + entry * call_.dim, entries_.values[at] = value + entry * call_.value_dim;
    } else if constexpr (std::is_same<In, float>::value) {
      float *key_copies = copies_, *value_copies = copies_ + PANEL * width_;
      float *key_spread = spread_, *value_spread = spread_ + 2 * width_;
      Decoder key(keys, call_.dim, from.keys, from.key_scales, from.key_zeros, key_spread, key_spread + width_);
      Decoder value(values, call_.value_dim, from.values, from.value_scales, from.value_zeros, value_spread,
                    value_spread + depth_);
      key.fetch(stop, 2 * stop - start), value.fetch(stop, 2 * stop - start);
      key.decode(start, stop, key_copies + at * width_, width_);
      value.decode(start, stop, value_copies + at * depth_, depth_);
      for (int64_t entry = start; entry < stop; ++entry, ++at)
        entries_.keys[at] = key_copies + at * width_, entries_.values[at] = value_copies + at * depth_;
    }
  }

  const Seen& seen_;
  const Call& call_;
  const int64_t width_, depth_;
  float *scores_, *copies_, *spread_, *queries_;
  Entries<In> entries_;
};

}  // namespace
}  // namespace decoding
}  // namespace words
