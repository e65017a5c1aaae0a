// How many connections each address has open, over all loops of a server. A lock, but one that is taken when
// a connection comes or goes, never for a query. Thread safe.
#pragma once

#include <mutex>
#include <unordered_map>

#include "common/ip.h"

namespace popnet::dns {

class SourceCounts {
 public:
  /// False if the address has `most` connections already: then nothing is counted.
  bool add(const IpAddress& source, size_t most) {
    const std::lock_guard lock(mutex_);
    size_t& count = counts_[key(source)];
    if (count >= most) return false;
    ++count;
    return true;
  }
  /// REQUIRES: add() has counted it
  void remove(const IpAddress& source) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(key(source));
    if (--found->second == 0) counts_.erase(found);
  }
  [[nodiscard]] size_t sources() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  struct Hash {
    size_t operator()(const Prefix& source) const { return source.hash(); }
  };
  /// One IPv6 customer has a /64.
  static Prefix key(const IpAddress& source) { return {source, source.is_v4() ? 32 : 64}; }

  mutable std::mutex mutex_;                         // guards counts_
  std::unordered_map<Prefix, size_t, Hash> counts_;  // never 0, except for a moment
};

}  // namespace popnet::dns
