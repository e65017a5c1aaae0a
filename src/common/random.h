// A small seeded generator (SplitMix64, Steele, Lea and Flood, OOPSLA 2014). Given by reference to what needs
// chance, so that tests and the simulator repeat. Not for secrets. Not thread safe: one each thread.
#pragma once

#include <cstdint>

namespace popnet {

class Random {
  __extension__ using Wide = unsigned __int128;

 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// In [0, bound). REQUIRES: bound > 0
  uint64_t below(uint64_t bound) { return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64); }

 private:
  uint64_t state_;
};

}  // namespace popnet
