// What decoding.py calls.

// flags: -fopenmp

#include "decoding.h"

#include <new>

// 0, or 1 where memory does not suffice.
extern "C" int attend(const decoding::Call* call) {
  try {
    decoding::attend(*call);
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
