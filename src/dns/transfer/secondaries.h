// Keeps the zones up to date that other servers are primaries of (RFC 1034 section 4.3.5, RFC 1996): looks at the
// primaries when a zone's REFRESH is over, RETRY after nobody answered, and when a NOTIFY comes; hands new versions to
// whoever puts zones in force, and the reason back to the log when a version is refused, in which case the one before
// stays. What came is written to disk. A zone that nobody has confirmed for its EXPIRE goes out of force.
//
// New versions that arrive close together are put in force together: making names takes time that grows with all of
// them. It takes no more than a fifth of a thread's time. A primary that says nothing costs the zones of others nothing:
// while it is silent, one look at a time is made at it, and what else would be asked there fails at once.
// Lives on one loop's thread, which may block.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/random.h"
#include "common/result.h"
#include "dns/guard/tsig.h"
#include "dns/transfer/refresh.h"
#include "dns/transfer/sources.h"
#include "dns/transfer/zone_states.h"
#include "dns/zone/zone_copies.h"
#include "model/config.h"
#include "rt/loop.h"

namespace popnet::dns {

class Secondaries {
 public:
  /// `states`: is told how the zones are. `sources`: from where primaries are asked. `renew`: puts in force what `copies`
  /// has; an error leaves all as it was, and says why.
  Secondaries(rt::Loop& loop, ZoneCopies& copies, ZoneStates& states, Sources sources, uint64_t seed,
              std::function<Status()> renew);
  ~Secondaries();
  Secondaries(const Secondaries&) = delete;
  Secondaries& operator=(const Secondaries&) = delete;

  /// From now on these zones are kept. Looks at the primaries of new ones at once, and of those whose primaries changed.
  void configure(const model::Config& config, const std::vector<TsigKey>& keys);
  /// A NOTIFY came that is to be believed.
  void notified(const Name& zone, const IpAddress& from);

 private:
  class Follower;
  struct Arrival {
    Name zone;
    ZoneCopy copy;
    std::string how;
  };

  /// How a primary is doing: those that say nothing must not take the turns of the others.
  struct Primary {
    size_t looks = 0;              // that run
    bool silent = false;           // the last one that ended heard nothing
    std::list<Follower*> waiting;  // for one of these to end
  };

  void request_turn(Follower& follower);
  void give_turns();
  void give_turns_at(const Endpoint& primary);
  [[nodiscard]] bool is_passed_over(const Endpoint& primary) const;
  void speaks(const Endpoint& primary);
  void arrived(Arrival arrival);
  void out_of_date();
  void renew_soon();
  void renew_all();
  Status renew_with(std::vector<Arrival>& arrivals);
  void settle(const Arrival& arrival, const Status& status);
  [[nodiscard]] int64_t unix_seconds() const;

  rt::Loop& loop_;
  ZoneCopies& copies_;
  ZoneStates& states_;
  const Sources sources_;
  Random random_;
  const std::function<Status()> renew_;
  std::map<std::string, std::unique_ptr<Follower>> followers_;  // by owner key
  std::list<Follower*> waiting_;                                // for any look to end
  std::map<Endpoint, Primary> primaries_;                       // that are looked at, or silent
  size_t looking_ = 0;
  std::vector<Arrival> arrivals_;
  bool out_of_date_ =
      false;  // a zone has expired, or a primary has confirmed it again, since names were made
  Duration renewal_took_{};
  TimePoint renewed_{};  // when the last one ended
  rt::Timer renewal_;
};

}  // namespace popnet::dns
