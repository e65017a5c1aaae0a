// Counters of the DNS server: how often each target led a decided answer ("share of answers"), and what the
// server did. Each thread has its own; any thread may read the sums, which are then a moment old. No answer is lost
// when the config changes (tally.h).
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
#include "dns/server/tally.h"
#include "model/answer_counts.h"
#include "model/config.h"

namespace popnet::dns {

/// For one config and a fixed number of threads. Targets that keep their names share their counts with those of `before`.
class TargetCounts {
 public:
  TargetCounts(std::shared_ptr<const model::Config> config, size_t threads, const TargetCounts* before);

  /// Only from the thread with that number.
  void add(size_t thread, const Outcome& outcome) {
    if (outcome.decided == Outcome::Decided::no) return;
    const bool by_pop = outcome.decided == Outcome::Decided::pop;
    tallies_[(by_pop ? first_pop_ : first_of_site_[outcome.site]) + outcome.target]
            [static_cast<std::ptrdiff_t>(thread)]
                .counters[0]
                .add();
  }
  /// With the indexes of any config: what has the same names has the same counts.
  [[nodiscard]] model::AnswerCounts read(const model::Config& as) const;

 private:
  using Target = std::pair<std::string, std::string>;  // ("site", "origin") or ("", "pop")
  [[nodiscard]] std::map<Target, Tally> by_name() const;

  std::shared_ptr<const model::Config> config_;
  size_t threads_;
  std::vector<size_t> first_of_site_;
  size_t first_pop_ = 0;
  std::vector<Tally> tallies_;
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
