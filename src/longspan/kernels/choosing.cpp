// What a selector needs at every generated token: products of queries with a table, and the highest numbers of a row.
// flags: -fopenmp

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "panels.h"

namespace words {
namespace decoding {
namespace {

// table [rows, count, dim], rows `pitch` numbers apart; queries fp32 [rows, group, dim]; out [rows, group, count]. What does not
// lie in whole chunks is met as a copy that does, with zeros behind it.
template <class In>
void multiply(const In* table, int64_t pitch, const float* queries, int64_t rows, int64_t group, int64_t count, int64_t dim,
              float* out, int threads) {
  const int64_t panels = (count + PANEL - 1) / PANEL, width = whole(dim);
  Memory<float> turned(rows * group * width);
  Memory<In> copies(width == dim ? 0 : threads * PANEL * width);
  for (int64_t q = 0; q < rows * group; ++q)
    for (int64_t i = 0; i < dim; ++i) (turned + q * width)[Chunk<In>::place(i)] = queries[q * dim + i];
#pragma omp parallel for num_threads(threads) if (rows * panels * group * dim > 1 << 14)
  for (int64_t each = 0; each < rows * panels; ++each) {
    const int64_t row = each / panels, start = each % panels * PANEL, some = std::min<int64_t>(PANEL, count - start);
    alignas(64) float scores[3 * PANEL];
    const In *own = table + row * pitch + start * dim, *keys[PANEL + KEYS];
    if (width != dim) {
      In* to = copies + omp_get_thread_num() * PANEL * width;
      for (int64_t k = 0; k < some; ++k) std::memcpy(to + k * width, own + k * dim, dim * sizeof(In));
      own = to;
    }
    for (int64_t k = 0; k < some + KEYS; ++k) keys[k] = own + std::min(k, some - 1) * width;
    for (int64_t q = 0; q < group;) {
      const int64_t take = std::min<int64_t>(3, group - q);
      const float* mine = turned + (row * group + q) * width;
      for (int64_t k = 0; k < some; k += KEYS) {
        if (take == 3)
          meet<In, 3>(keys + k, width, mine, scores + k);
        else if (take == 2)
          meet<In, 2>(keys + k, width, mine, scores + k);
        else
          meet<In, 1>(keys + k, width, mine, scores + k);
      }
      for (int64_t i = 0; i < take; ++i)
        std::memcpy(out + (row * group + q + i) * count + start, scores + i * PANEL, some * sizeof(float));
      q += take;
    }
  }
}

// In the order of the numbers; what is no number comes behind all.
INLINE uint32_t ordered(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return x != x ? 0xffffffffu : bits >> 31 ? ~bits : bits | 0x80000000u;
}

// Finds the places of the `most` highest of `count` numbers, ascending, the first of those that are alike.
class Highest {
 public:
  void find(const float* scores, int64_t count, int64_t most, int64_t* out) {
    all_.resize(count);
    for (int64_t i = 0; i < count; ++i) all_[i] = ordered(scores[i]);
    uint32_t least = 0;  // that of the last one, bit by bit
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
      const int64_t found = at_least(least | bit);
      if (found >= most) least |= bit;
      if (found == most) break;
    }
    int64_t alike = most - (least == ~0u ? 0 : at_least(least + 1));
    for (int64_t i = 0, at = 0; i < count && at < most; ++i)
      if (all_[i] > least || (all_[i] == least && alike-- > 0)) out[at++] = i;
  }

 private:
  int64_t at_least(uint32_t least) const {
    uint32_t found = 0;
    for (uint32_t x : all_) found += x >= least;
    return found;
  }

  std::vector<uint32_t> all_;
};

// `work(row, by)` for each row of so many numbers, by several threads where that is worth its while.
template <class Work>
void for_rows(int64_t rows, int64_t count, int threads, Work work) {
  bool full = false;  // nothing may be thrown out of what threads share
#pragma omp parallel num_threads(threads) if (rows * count > 1 << 13)
  {
    Highest by;
#pragma omp for
    for (int64_t row = 0; row < rows; ++row) try {
        work(row, by);
      } catch (const std::bad_alloc&) {
#pragma omp atomic write
        full = true;
      }
  }
  if (full) throw std::bad_alloc();
}

template <class Work>
int tried(Work work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}

// In the order of choosing.py. Pages that some heads of queries of a token choose from, alike in all their rows.
struct Ranking {
  const void* table;                           // [rows, count, width], rows `pitch` numbers apart
  int64_t bf16, pitch, count, width, bounded;  // bounded: channels above 0 meet the first half, the others the second
  int64_t token, head, rows, group;            // the first head; heads that share a row
  int64_t sinks, size, limit;                  // pages of `size` entries begin behind `sinks`; limit: chosen, 0 for all entries
};

// Where the queries of a layer lie, and where what they visit goes.
struct Choice {
  const Ranking* rankings;
  const void* query;
  const int64_t* lengths;      // [tokens * heads]: entries that are stored
  int64_t *visited, *visits;   // [tokens * heads, room], [tokens * heads]
  int64_t count, query_head, query_row, bf16, heads, room, threads;
};

float number(const Choice& choice, int64_t at) {
  return choice.bf16 ? float(static_cast<const Bf16*>(choice.query)[at]) : static_cast<const float*>(choice.query)[at];
}

// The queries of a ranking as they meet its table: [heads, width].
void take(const Choice& choice, const Ranking& ranking, float* to) {
  const int64_t dim = ranking.bounded ? ranking.width / 2 : ranking.width;
  for (int64_t q = 0; q < ranking.rows * ranking.group; ++q, to += ranking.width)
    for (int64_t i = 0; i < dim; ++i) {
      const float x = number(choice, (ranking.head + q) * choice.query_head + ranking.token * choice.query_row + i);
      to[i] = ranking.bounded ? std::max(x, 0.0f) : x;
      if (ranking.bounded) to[dim + i] = std::min(x, 0.0f);
    }
}

// Ascending entries: sinks, the chosen pages, and what lies behind the last page.
int64_t spread(const Ranking& ranking, const int64_t* pages, int64_t length, int64_t* to) {
  const int64_t* begin = to;
  for (int64_t entry = 0; entry < ranking.sinks; ++entry) *to++ = entry;
  for (int64_t page = 0; page < ranking.limit; ++page)
    for (int64_t i = 0; i < ranking.size; ++i) *to++ = ranking.sinks + pages[page] * ranking.size + i;
  for (int64_t entry = ranking.sinks + ranking.count * ranking.size; entry < length; ++entry) *to++ = entry;
  return to - begin;
}

void choose(const Choice& choice) {
  static thread_local std::vector<float> queries, scores;
  for (int64_t each = 0; each < choice.count; ++each) {
    const Ranking& ranking = choice.rankings[each];
    const int64_t heads = ranking.rows * ranking.group, first = ranking.token * choice.heads + ranking.head;
    if (ranking.limit) {
      queries.resize(heads * ranking.width), scores.resize(heads * ranking.count);
      take(choice, ranking, queries.data());
      if (ranking.bf16)
        multiply(static_cast<const Bf16*>(ranking.table), ranking.pitch, queries.data(), ranking.rows, ranking.group,
                 ranking.count, ranking.width, scores.data(), choice.threads);
      else
        multiply(static_cast<const float*>(ranking.table), ranking.pitch, queries.data(), ranking.rows, ranking.group,
                 ranking.count, ranking.width, scores.data(), choice.threads);
    }
    const float* found = scores.data();
    for_rows(heads, ranking.count, choice.threads, [&](int64_t q, Highest& by) {
      const int64_t row = first + q, length = choice.lengths[row];
      int64_t* to = choice.visited + row * choice.room;
      if (!ranking.limit) {
        for (int64_t entry = 0; entry < length; ++entry) to[entry] = entry;
        choice.visits[row] = length;
        return;
      }
      std::vector<int64_t> pages(ranking.limit);
      by.find(found + q * ranking.count, ranking.count, ranking.limit, pages.data());
      choice.visits[row] = spread(ranking, pages.data(), length, to);
    });
  }
}

}  // namespace
}  // namespace decoding
}  // namespace words

using namespace words::decoding;

// Each gives 0, or 1 where memory does not suffice.
extern "C" {

int multiply_table(const void* table, int64_t bf16, int64_t pitch, const float* queries, int64_t rows, int64_t group,
                   int64_t count, int64_t dim, float* out, int64_t threads) {
  return tried([&] {
    if (bf16)
      multiply(static_cast<const words::Bf16*>(table), pitch, queries, rows, group, count, dim, out, threads);
    else
      multiply(static_cast<const float*>(table), pitch, queries, rows, group, count, dim, out, threads);
  });
}

// The places of the `most` highest numbers of each row [rows, count], ascending, the first of those that are alike.
int highest(const float* scores, int64_t rows, int64_t count, int64_t most, int64_t* out, int64_t threads) {
  return tried([&] {
    for_rows(rows, count, threads,
             [&](int64_t row, Highest& by) { by.find(scores + row * count, count, most, out + row * most); });
  });
}

int choose(const Choice* choice) {
  return tried([&] { choose(*choice); });
}
}
