// How many connections each client network has open, over all loops of a server. A lock, but one that is taken
// when a connection comes or goes, never for a query or a request. Thread safe.
#pragma once

#include <mutex>
#include <unordered_map>

#include "common/ip.h"

namespace popnet {

class SourceCounts {
 public:
  /// Lengths of a client network. One IPv6 customer has a /64.
  explicit SourceCounts(int ipv4_prefix = 32, int ipv6_prefix = 64)
      : ipv4_prefix_(ipv4_prefix), ipv6_prefix_(ipv6_prefix) {}

  /// False if the network of that address has `most` connections already: then nothing is counted.
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
  [[nodiscard]] Prefix key(const IpAddress& source) const {
    return {source, source.is_v4() ? ipv4_prefix_ : ipv6_prefix_};
  }

  const int ipv4_prefix_, ipv6_prefix_;
  mutable std::mutex mutex_;                         // guards counts_
  std::unordered_map<Prefix, size_t, Hash> counts_;  // never 0, except for a moment
};

}  // namespace popnet
