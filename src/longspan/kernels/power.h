// 2^x of vectors.

#pragma once

// x from -127 to 127: at -127, 0.
template <class Ints, class Vec>
inline __attribute__((always_inline)) Vec power_within(Vec x) {
  Vec shifted = x + 12583039.0f;  // 1.5 * 2^23 + 127: the whole part, as an exponent, lies in the lowest bits
  Vec rest = x - (shifted - 12583039.0f);
  Vec power = rest * 1.326472724e-3f + 9.671512681e-3f;
  power = power * rest + 5.550733744e-2f;
  power = power * rest + 2.402224208e-1f;
  power = power * rest + 6.931469776e-1f;
  power = power * rest + 1.0f;
  return power * (Vec)((Ints)shifted << 23);
}
