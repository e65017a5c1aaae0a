// Counters of the DNS server: how often each target led a decided answer ("share of answers"), and what the
// server did. Each thread has its own block; any thread may read the sums, which are then a moment old.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/counter.h"
#include "dns/server/answer.h"
#include "model/answer_counts.h"
#include "model/config.h"

namespace popnet::dns {

/// For one config and a fixed number of threads. A new config takes the counts of targets that keep their
/// names over.
class TargetCounts {
 public:
  TargetCounts(std::shared_ptr<const model::Config> config, size_t threads, const TargetCounts* before);

  /// Only from the thread with that number.
  void add(size_t thread, const Outcome& outcome) {
    if (outcome.decided == Outcome::Decided::no) return;
    const bool by_pop = outcome.decided == Outcome::Decided::pop;
    blocks_[thread][(by_pop ? first_pop_ : first_of_site_[outcome.site]) + outcome.target].add();
  }
  /// With the indexes of any config: what has the same names has the same counts.
  [[nodiscard]] model::AnswerCounts read(const model::Config& as) const;
  [[nodiscard]] const model::Config& config() const { return *config_; }

 private:
  using Target = std::pair<std::string, std::string>;  // ("site", "origin") or ("", "pop")
  [[nodiscard]] std::map<Target, uint64_t> by_name() const;
  [[nodiscard]] uint64_t sum(size_t index) const;

  std::shared_ptr<const model::Config> config_;
  std::vector<size_t> first_of_site_;
  size_t first_pop_ = 0;
  std::vector<uint64_t> taken_over_;
  std::vector<std::unique_ptr<Counter[]>>
      blocks_;  // one a thread, with spare room at both ends against false sharing
};

inline constexpr size_t query_types = 256;  // counted one by one

/// What one thread did. Aligned, so that no two threads write to one cache line.
struct alignas(64) ServerCounts {
  Counter queries[transport_count];
  Counter rcodes[rcode_count];     // replies by rcode
  Counter dropped;                 // messages that got silence
  Counter types[query_types + 1];  // questions by type; those above in the last
  Counter truncated;
  Counter limited_dropped, limited_slipped;  // by the rate limit
  Counter with_subnet;                       // queries that brought a client subnet
  Counter send_failures;
  Counter tcp_accepted, tcp_refused, tcp_evicted, tcp_closed;

  void add(Transport transport, const Query& query, const Outcome& outcome) {
    queries[static_cast<size_t>(transport)].add();
    if (query.verdict == Verdict::fine) types[std::min<size_t>(query.type, query_types)].add();
    if (outcome.limited != Outcome::Limited::no)
      (outcome.limited == Outcome::Limited::dropped ? limited_dropped : limited_slipped).add();
    if (outcome.size == 0) return dropped.add();
    rcodes[static_cast<size_t>(outcome.rcode)].add();
    if (outcome.truncated) truncated.add();
    if (query.subnet.size != 0) with_subnet.add();
  }
};

}  // namespace popnet::dns
