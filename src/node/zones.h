// The zones of a node, from one config to the next: what makes the names that its DNS server serves
// (dns/zone/make_names.h), and what lives longer than those: keys, copies of zones that are fetched, the versions
// that secondaries may fetch, files as they were read.
//
//   make(config) ──names──> the caller puts them in force ──in_force(config)──> secondaries are told, primaries followed
//
// Once begun, it also makes the names of the config in force anew by itself: when signatures grow old, keys change, or a
// zone is fetched in a new version. These go out by Hooks::publish.
//
// Threading: all on the loop's thread, and before begin() on any one; on_notify() and collect() on any.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/counter.h"
#include "dns/sign/keeper.h"
#include "dns/transfer/notifier.h"
#include "dns/transfer/secondaries.h"
#include "dns/transfer/zone_states.h"
#include "dns/zone/make_names.h"
#include "dns/zone/zone_copies.h"
#include "model/config.h"
#include "rt/loop.h"

namespace popnet::node {

/// Seconds since 1970, as signatures count.
dns::sign::Seconds unix_seconds();

class Zones {
 public:
  struct Hooks {
    /// New names for the config in force. False: the node is stopping.
    std::function<bool(std::shared_ptr<const dns::Names>)> publish;
    /// Signatures and keys are this process's business: not while another takes over.
    std::function<bool()> may_sign;
  };
  struct Made {
    std::shared_ptr<const dns::Names> names;
    dns::ZoneSources::Map files;
    std::vector<dns::Name> kept = {};  // zones of catalogs that were not fetched yet
    dns::ZoneSources::Zones left_out = {};
    std::vector<std::string> why_left_out = {};  // as make_names() says
  };
  /// What is to become of zones that are broken.
  enum class Broken : uint8_t {
    refused,   // nothing is made, unless such a zone was left out before and so cannot get worse
    left_out,  // as at a start: one zone of thousands must not keep the others from being served
  };

  /// `start`: what counts of options that need a restart. `loop`: outlives this, and is not run before begin().
  Zones(rt::Loop& loop, const model::Config& start, uint64_t seed, Hooks hooks);

  /// The names of a config, its files read. ErrorCode::invalid: `problems` gets all, as make_names() says; so it is with any
  /// `broken` if no zone would be left.
  Result<Made> make(const std::shared_ptr<const model::Config>& config, std::vector<std::string>* problems,
                    Broken broken = Broken::refused);
  /// What make() has made of that config is served from now on.
  void in_force(std::shared_ptr<const model::Config> config, Made made);

  /// On the loop's thread, before anything else there.
  void begin();
  /// On the loop's thread, after everything else.
  void end();

  /// A NOTIFY from a primary.
  void on_notify(const dns::Name& zone, const IpAddress& from);
  void collect(std::vector<CounterValue>& all) const;

 private:
  /// What lives on the loop.
  struct Running {
    Running(Zones& zones, rt::Loop& loop);
    dns::Notifier notifier;
    dns::Secondaries secondaries;
    rt::Timer sign_again;
  };

  [[nodiscard]] Result<std::shared_ptr<const dns::Names>> names_of(const model::Config& zones,
                                                                   std::vector<std::string>* problems,
                                                                   dns::ZoneSources& from);
  [[nodiscard]] dns::ZoneSources sources(const model::Config& config);
  bool take_over(const dns::Name& name, const model::Zone& before);
  struct Served {
    std::shared_ptr<const model::Config> config;  // with the zones that its catalogs name
    std::map<std::string, Error> broken;          // why, by catalog: nothing of these counts
    std::vector<dns::Name> kept;
  };
  [[nodiscard]] std::vector<dns::Name> presumed_members(const std::string& catalog) const;
  [[nodiscard]] Served with_members(const std::shared_ptr<const model::Config>& config);
  Status renew();
  void begin_signing();
  void plan_signing(bool signed_now);
  void sign_again_in_time();
  void pass_notices_on();
  void tell_secondaries();
  void follow_primaries();

  rt::Loop& loop_;
  const Hooks hooks_;
  const dns::Sources sources_;  // addresses that queries go out from
  const uint64_t seed_;
  const bool serves_;  // this process answers DNS, whatever a config says that came since it started
  dns::sign::KeyKeeper keeper_;
  dns::ZoneHistory history_;
  dns::ZoneCopies copies_;
  dns::ZoneStates states_;  // any thread
  std::shared_ptr<const model::Config> config_;
  std::set<std::string> broken_catalogs_;  // of config_, when names were made last
  dns::ZoneSources::Map files_;        // as they were read last; only while zones are fetched or signed here
  std::vector<std::string> followed_;  // the zones of the last follow_primaries()
  std::vector<dns::Name> kept_;        // of config_, as in Made
  dns::ZoneSources::Zones left_out_;   // the same
  std::atomic<size_t> left_out_count_{0};
  dns::sign::Seconds sign_again_at_ = 0;  // 0 = never
  std::unique_ptr<Running> running_;
  struct Notice {
    dns::Name zone;
    IpAddress from;
  };
  std::mutex notices_mutex_;               // guards notices_
  std::map<std::string, Notice> notices_;  // NOTIFY on their way to the loop, by owner key
};

}  // namespace popnet::node
