// The counters of one thing that has a name (a zone, a target): a cache line for each thread, so that no two write to one.
//
// All versions of what is served that know the name share one Tally, because threads go on with an older version for a
// moment after a new one is published: what they count then is not lost. It goes with the last version that knows the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/counter.h"

namespace popnet::dns {

inline constexpr size_t tally_size = 64 / sizeof(Counter);

/// What one thread counts.
struct alignas(64) TallyLine {
  Counter counters[tally_size];
};
/// By thread.
using Tally = std::shared_ptr<TallyLine[]>;

inline Tally new_tally(size_t threads) {
  return Tally(new TallyLine[threads]);  // GCC 12 cannot make_shared what cannot be copied
}

/// Any thread.
inline uint64_t sum(const Tally& tally, size_t threads, size_t counter) {
  uint64_t total = 0;
  for (size_t t = 0; t < threads; ++t) total += tally[static_cast<std::ptrdiff_t>(t)].counters[counter].get();
  return total;
}

}  // namespace popnet::dns
