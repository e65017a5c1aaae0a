#include "dns/transfer/secondaries.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "rt/clock.h"

namespace popnet::dns {

using namespace std::chrono_literals;

namespace {

constexpr size_t looks_max = 32;            // connections to primaries at once
constexpr size_t looks_each = 16;           // to one primary
constexpr Duration first_pause = 1s;        // while there is no version at all; doubled each time
constexpr Duration longest_pause = 60s;     //
constexpr Duration notice_gap = 1s;         // between looks that NOTIFY asks for
constexpr Duration gather = 20ms;           // for versions that arrive together
constexpr Duration renewal_retry = 60s;     // after an error that no new version has brought
constexpr int rests_for_each = 4;           // of the time it took to put the last ones in force
constexpr Duration interval_max = 24h * 7;  // of REFRESH and RETRY
constexpr Duration clock_check = 1h;  // the wall clock may be set: how long EXPIRE is trusted to a timer

Duration interval(uint32_t seconds) {
  return std::clamp<Duration>(std::chrono::seconds(seconds), 1s, interval_max);
}

}  // namespace

/// One zone and what is due for it.
class Secondaries::Follower {
 public:
  Follower(Secondaries& all, const Name& zone)
      : zone_(zone),
        all_(all),
        next_look_(all.loop_, [this] { look(); }),
        expiry_(all.loop_, [this] { check_age(); }) {}
  ~Follower() { give_back_turn(); }

  const Name zone_;

  void set(const model::Secondary& options, std::optional<TsigKey> key) {
    refused_.reset();  // what was wrong with it may have been the config
    const bool same =
        options.primaries == primaries_ && (key ? key->secret : std::vector<uint8_t>{}) == secret_;
    tell();
    primaries_ = options.primaries;
    key_ = std::move(key);
    secret_ = key_ ? key_->secret : std::vector<uint8_t>{};
    if (same) return;
    pause_ = first_pause;
    check_age();
    if (busy()) again_ = true;
    look();
  }
  void look_for(const IpAddress& from) {
    const auto teller = std::find_if(primaries_.begin(), primaries_.end(),
                                     [&](const Endpoint& p) { return p.address == from; });
    if (teller != primaries_.end()) next_first_ = static_cast<size_t>(teller - primaries_.begin());
    noticed_ = true;
    if (busy()) {
      again_ = true;
    } else {
      next_look_.arm(std::max(all_.loop_.now(), last_look_ + notice_gap));
    }
  }
  /// Its turn to open a connection has come.
  void start();
  /// Whom it would ask now.
  [[nodiscard]] const Endpoint& primary() const { return primaries_[(first_ + tried_) % primaries_.size()]; }
  /// Goes on to the first primary that may be asked, now or later. False if there is none: it waits for its RETRY.
  bool pass_over_silent();
  /// A primary is back: it asks at once if that one would have been asked.
  void look_if_passed_over(const Endpoint& back) {
    if (!busy() && passed_over_ && std::ranges::find(primaries_, back) != primaries_.end())
      next_look_.arm(all_.loop_.now());
  }
  /// A version that it has brought was put in force, or not.
  void accepted() {
    refused_.reset();
    confirmed();
  }
  void rejected(uint32_t serial, const std::string& why) {
    refused_ = serial;
    noticed_ = false;
    error_ = refusal_ = fmt::format("version {} is refused: {}", serial, why);
    wait_for_retry();
  }

 private:
  enum class Turn : uint8_t { none, wanted, taken };
  [[nodiscard]] bool busy() const { return turn_ != Turn::none || delivering_; }

  void look() {
    if (busy() || primaries_.empty()) return;
    first_ = next_first_;
    tried_ = 0;
    passed_over_ = false;
    last_look_ = all_.loop_.now();
    next_look_.cancel();
    turn_ = Turn::wanted;
    all_.request_turn(*this);
  }
  void found(Result<Refresh::Found> result);
  void give_back_turn() {
    refresh_.reset();
    if (turn_ == Turn::taken) {
      --all_.looking_;
      --all_.primaries_[asked_].looks;
    }
    if (turn_ == Turn::wanted) {
      all_.waiting_.remove(this);
      for (auto& [endpoint, primary] : all_.primaries_) primary.waiting.remove(this);
    }
    turn_ = Turn::none;
  }
  void confirmed() {
    delivering_ = noticed_ = false;
    pause_ = first_pause;
    error_.clear();
    tell();
    const ZoneCopy* copy = all_.copies_.find(zone_);
    // A little less than REFRESH, each its own, so that the zones of one primary spread.
    arm_next(interval(copy->soa.refresh) * (0.9 + 0.1 * all_.random_.uniform()));
    check_age();
  }
  void wait_for_retry() {
    delivering_ = false;
    tell();
    const ZoneCopy* copy = all_.copies_.find(zone_);
    const bool none = copy == nullptr || copy->provisional;
    const bool soon = none || noticed_;
    const Duration retry = none ? longest_pause : interval(copy->soa.retry);
    arm_next(soon ? std::min(pause_, retry) : retry);
    if (!soon) return;
    // Nobody says a second time that there is something new; but the primary may go for good just then.
    if (pause_ == longest_pause) noticed_ = false;
    pause_ = std::min(pause_ * 2, longest_pause);
  }
  template <class Delay>
  void arm_next(Delay delay) {
    next_look_.arm_after(std::chrono::duration_cast<Duration>(delay));
    if (std::exchange(again_, false)) next_look_.arm(std::max(all_.loop_.now(), last_look_ + notice_gap));
  }
  void check_age();
  void tell() const;

  Secondaries& all_;
  std::vector<Endpoint> primaries_;
  std::optional<TsigKey> key_;
  std::vector<uint8_t> secret_;
  rt::Timer next_look_, expiry_;
  std::unique_ptr<Refresh> refresh_;
  Turn turn_ = Turn::none;
  bool delivering_ = false;  // what it brought is being put in force
  bool again_ = false;       // a NOTIFY came meanwhile
  bool noticed_ = false;     // one came, and no look since has ended well
  bool expired_ = false;
  bool whole_ = false;               // a difference has failed
  bool passed_over_ = false;         // a primary in the present round, as it was silent
  Endpoint asked_;                   // with the turn that is taken
  size_t first_ = 0, tried_ = 0;     // of the primaries, in this round
  size_t next_first_ = 0;            // who has sent the last NOTIFY
  std::optional<uint32_t> refused_;  // a version
  std::string refusal_;              // why
  std::string error_;                // of the last look, or of what it brought
  TimePoint last_look_{};
  Duration pause_ = first_pause;
};

void Secondaries::Follower::start() {
  turn_ = Turn::taken;
  asked_ = primary();
  const ZoneCopy* copy = all_.copies_.find(zone_);
  Refresh::Wanted wanted;
  wanted.zone = zone_;
  wanted.primary = asked_;
  wanted.from = all_.sources_.toward(wanted.primary.address);
  wanted.key = key_;
  wanted.refused = refused_;
  wanted.whole = whole_;
  if (copy != nullptr && !copy->provisional) {
    wanted.have = copy->records;
    wanted.serial = copy->soa.serial;
    wanted.expired = copy->expires() <= all_.unix_seconds();
  }
  refresh_ =
      std::make_unique<Refresh>(all_.loop_, std::move(wanted), static_cast<uint16_t>(all_.random_.next()),
                                [this](Result<Refresh::Found> result) { found(std::move(result)); });
  refresh_->start();
}

bool Secondaries::Follower::pass_over_silent() {
  while (all_.is_passed_over(primary())) {
    passed_over_ = true;
    error_ = fmt::format("{} does not answer", primary().to_string());
    if (++tried_ < primaries_.size()) continue;
    turn_ = Turn::none;
    wait_for_retry();
    return false;
  }
  return true;
}

void Secondaries::Follower::found(Result<Refresh::Found> result) {
  const bool silent = refresh_->was_silent();
  if (!result) whole_ = whole_ || refresh_->difference_failed();
  give_back_turn();
  if (silent)
    all_.primaries_[asked_].silent = true;
  else
    all_.speaks(asked_);
  all_.give_turns_at(asked_);
  if (!result) {
    error_ = fmt::format("{} {}", asked_.to_string(), result.error().message);
    log::warning("zone {}: {}", zone_.to_text(), error_);
    if (refused_) error_ += "; " + refusal_;
    if (++tried_ < primaries_.size()) {
      turn_ = Turn::wanted;
      all_.request_turn(*this);
    } else {
      wait_for_retry();
    }
    return all_.give_turns();
  }
  whole_ = false;
  const int64_t now = all_.unix_seconds();
  if (result->records == nullptr) {
    const ZoneCopy* known = all_.copies_.find(zone_);
    const int64_t confirmation = confirmed_at(now, known->soa, result->left);
    // One that knows less than another did is no reason to know less, unless the clock was set back (RFC 7314 section 4).
    const bool fresher = confirmation > known->confirmed || known->confirmed > now;
    if (fresher) all_.copies_.confirm(zone_, confirmation);
    if (expired_ && now < known->expires()) all_.out_of_date();
    confirmed();
    return all_.give_turns();
  }
  delivering_ = true;
  ZoneCopy copy;
  copy.records = result->records;
  if (const auto soa = read_soa_times(*copy.records)) copy.soa = *soa;
  copy.confirmed = confirmed_at(now, copy.soa, result->left);
  all_.arrived({zone_, std::move(copy), fmt::format("{} from {}", result->how, asked_.to_string())});
  all_.give_turns();
}

void Secondaries::Follower::tell() const {
  ZoneStates::State state;
  state.error = error_;
  if (const ZoneCopy* copy = all_.copies_.find(zone_)) {
    state.serial = copy->soa.serial;
    state.confirmed = copy->confirmed;
    state.expires = copy->expires();
  }
  all_.states_.set(zone_.to_text(), std::move(state));
}

/// Tells when the zone has become too old to be served.
void Secondaries::Follower::check_age() {
  const ZoneCopy* copy = all_.copies_.find(zone_);
  if (copy == nullptr) return;
  const int64_t left = copy->expires() - all_.unix_seconds();
  const bool was = std::exchange(expired_, left <= 0);
  if (expired_ && !was) {
    log::error(
        "zone {}: no primary has confirmed version {} for {} s: it has expired and is not served any more",
        zone_.to_text(), copy->soa.serial, copy->soa.expire);
    all_.out_of_date();
  }
  if (!expired_) expiry_.arm_after(std::min<Duration>(std::chrono::seconds(left), clock_check));
}

Secondaries::Secondaries(rt::Loop& loop, ZoneCopies& copies, ZoneStates& states, Sources sources,
                         uint64_t seed, std::function<Status()> renew)
    : loop_(loop),
      copies_(copies),
      states_(states),
      sources_(sources),
      random_(seed),
      renew_(std::move(renew)),
      renewal_(loop, [this] { renew_all(); }) {}
Secondaries::~Secondaries() {
  followers_.clear();  // they take themselves off the other members
}

int64_t Secondaries::unix_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(loop_.wall().time_since_epoch()).count();
}

void Secondaries::configure(const model::Config& config, const std::vector<TsigKey>& keys) {
  std::map<std::string, std::unique_ptr<Follower>> kept;
  for (const model::Zone& zone : config.zones) {
    const auto name = parse_name(zone.name);
    if (zone.secondary.primaries.empty() || !name) continue;
    const std::string owner = owner_key(name->bytes());
    auto& follower = kept[owner];
    if (auto known = followers_.find(owner); known != followers_.end()) follower = std::move(known->second);
    if (follower == nullptr) follower = std::make_unique<Follower>(*this, *name);
    std::optional<TsigKey> key;
    for (const TsigKey& k : keys)
      if (k.name.to_text() == zone.secondary.key + ".") key = k;
    follower->set(zone.secondary, std::move(key));
  }
  for (const auto& entry : followers_) {
    const Follower* gone = entry.second.get();
    if (gone == nullptr) continue;
    copies_.remove(gone->zone_);
    states_.drop(gone->zone_.to_text());
    std::erase_if(arrivals_, [&](const Arrival& a) { return a.zone == gone->zone_; });
  }
  followers_ = std::move(kept);
  std::vector<Endpoint> asked;
  for (auto& [endpoint, primary] : primaries_) {
    primary.silent = false;
    asked.push_back(endpoint);
  }
  for (const Endpoint& primary : asked) give_turns_at(primary);  // those that are gone have given theirs back
  give_turns();
}

void Secondaries::notified(const Name& zone, const IpAddress& from) {
  for (auto& [primary, state] : primaries_)
    if (primary.address == from) speaks(primary);
  if (const auto known = followers_.find(owner_key(zone.bytes())); known != followers_.end())
    known->second->look_for(from);
}

/// It asks at once, or waits, or has nobody to ask.
void Secondaries::request_turn(Follower& follower) {
  if (!follower.pass_over_silent()) return;
  if (looking_ >= looks_max) return waiting_.push_back(&follower);
  Primary& primary = primaries_[follower.primary()];
  if (!primary.silent && primary.looks >= looks_each) return primary.waiting.push_back(&follower);
  ++looking_;
  ++primary.looks;
  follower.start();
}

/// After a look has ended.
void Secondaries::give_turns() {
  while (looking_ < looks_max && !waiting_.empty()) {
    Follower* next = waiting_.front();
    waiting_.pop_front();
    request_turn(*next);
  }
}

/// After a look at this one has ended, or it has turned out to be silent.
void Secondaries::give_turns_at(const Endpoint& endpoint) {
  const auto known = primaries_.find(endpoint);
  if (known == primaries_.end()) return;
  Primary& primary = known->second;
  while (!primary.waiting.empty() && looking_ < looks_max && (primary.silent || primary.looks < looks_each)) {
    Follower* next = primary.waiting.front();
    primary.waiting.pop_front();
    request_turn(*next);
  }
  // Without a look of its own nobody would come back to them.
  if (primary.looks == 0) waiting_.splice(waiting_.end(), primary.waiting);
  if (primary.looks == 0 && !primary.silent && primary.waiting.empty()) primaries_.erase(known);
}

/// One look at a time finds out whether it is silent still; all such looks together leave turns to the others.
bool Secondaries::is_passed_over(const Endpoint& primary) const {
  const auto known = primaries_.find(primary);
  return known != primaries_.end() && known->second.silent &&
         (known->second.looks > 0 || looking_ >= looks_max / 2);
}

void Secondaries::speaks(const Endpoint& primary) {
  const auto known = primaries_.find(primary);
  if (known == primaries_.end() || !std::exchange(known->second.silent, false)) return;
  for (const auto& [owner, follower] : followers_) follower->look_if_passed_over(primary);
}

void Secondaries::arrived(Arrival arrival) {
  arrivals_.push_back(std::move(arrival));
  renew_soon();
}

/// A zone that is in force is so no more, or the other way round.
void Secondaries::out_of_date() {
  out_of_date_ = true;
  renew_soon();
}

/// What waits after an error does not wait any longer.
void Secondaries::renew_soon() {
  const TimePoint due = std::max(loop_.now() + gather, renewed_ + rests_for_each * renewal_took_);
  if (!renewal_.armed() || renewal_.due() > due) renewal_.arm(due);
}

/// All at once; when that does not go, one by one, so that one bad zone keeps no other back.
void Secondaries::renew_all() {
  auto arrivals = std::exchange(arrivals_, {});
  const TimePoint start = rt::monotonic_now();
  const Status together = renew_with(arrivals);
  renewed_ = rt::monotonic_now();
  renewal_took_ = renewed_ - start;
  if (!together && arrivals.empty()) {
    log::error("zones that are fetched cannot be put in force: {}", together.error().message);
    renewal_.arm_after(renewal_retry);
    return;
  }
  const bool apart = !together && arrivals.size() > 1;
  for (Arrival& arrival : arrivals) {
    if (!apart) {
      settle(arrival, together);
      continue;
    }
    std::vector<Arrival> one{arrival};
    settle(arrival, renew_with(one));
  }
  if (out_of_date_) renew_soon();  // all versions are refused, but zones have expired
}

/// With these versions in place of those before; an error puts those back.
Status Secondaries::renew_with(std::vector<Arrival>& arrivals) {
  std::vector<std::optional<ZoneCopy>> before;
  for (const Arrival& arrival : arrivals) {
    const ZoneCopy* known = copies_.find(arrival.zone);
    before.push_back(known != nullptr ? std::optional(*known) : std::nullopt);
    copies_.put(arrival.zone, arrival.copy);
  }
  Status status = renew_();
  if (status) out_of_date_ = false;
  if (status) return status;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    if (before[i])
      copies_.put(arrivals[i].zone, *before[i]);
    else
      copies_.drop(arrivals[i].zone);
  }
  return status;
}

void Secondaries::settle(const Arrival& arrival, const Status& status) {
  const std::string zone = arrival.zone.to_text();
  const uint32_t serial = arrival.copy.soa.serial;
  const auto follower = followers_.find(owner_key(arrival.zone.bytes()));
  if (status) {
    log::info("zone {}: version {} is in force ({})", zone, serial, arrival.how);
    if (const Status saved = copies_.save(arrival.zone); !saved)
      log::error("zone {}: its copy is not kept: {}", zone, saved.error().message);
    if (follower != followers_.end()) follower->second->accepted();
    return;
  }
  log::error("zone {}: version {} ({}) is refused, {}: {}", zone, serial, arrival.how,
             copies_.find(arrival.zone) != nullptr ? "the one before stays" : "there is no other",
             status.error().message);
  if (follower != followers_.end()) follower->second->rejected(serial, status.error().message);
}

}  // namespace popnet::dns
