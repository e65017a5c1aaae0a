#include "node/zones.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "common/hash.h"
#include "common/log.h"
#include "dns/server/policy.h"
#include "dns/zone/catalog.h"
#include "dns/zone/master_file.h"
#include "rt/clock.h"

namespace popnet::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration sign_interval = 1s;         // how late zones may be signed again
constexpr dns::sign::Seconds sign_retry = 60;  // after an error
constexpr dns::sign::Seconds clock_step =
    600;                                 // back; signatures begin an hour before they are made, or more
constexpr size_t notices_max = 100'000;  // zones whose NOTIFY may wait; more than there are in most places

std::string in_state_dir(const model::Node& node, std::string_view name) {
  return node.state_dir.empty() ? std::string() : node.state_dir + "/" + std::string(name);
}

std::vector<std::string> names_of_fetched(const model::Config& config) {
  std::vector<std::string> names;
  for (const model::Zone& zone : config.zones)
    if (!zone.secondary.primaries.empty()) names.push_back(zone.name);
  return names;
}

std::set<std::string> keys_of(const std::map<std::string, Error>& map) {
  std::set<std::string> keys;
  for (const auto& [key, value] : map) keys.insert(key);
  return keys;
}

using FileZones = std::unordered_map<std::string_view, const model::Zone*>;

FileZones file_zones(const model::Config& config) {
  FileZones files;
  for (const model::Zone& zone : config.zones)
    if (!zone.file.empty()) files.emplace(zone.name, &zone);
  return files;
}

/// Zones that a catalog names: fetched as the catalog is, unless they are configured by themselves. Those that are.
std::vector<dns::Name> add_members(model::Config& config, const model::Zone& catalog,
                                   const std::vector<dns::Name>& members) {
  std::vector<dns::Name> added;
  std::unordered_set<std::string> taken;
  for (const model::Zone& zone : config.zones) taken.insert(zone.name);
  const auto own = dns::parse_name(config.network.zone);
  model::Zone zone = catalog;
  zone.secondary.catalog = false;
  for (const dns::Name& member : members) {
    zone.name = member.to_text();
    if (zone.name.size() > 1) zone.name.pop_back();  // as config::parse_zone_name() has it
    const bool networks = !config.network.zone.empty() && own && *own == member;
    if (networks || !taken.insert(zone.name).second) continue;
    config.zones.push_back(zone);
    added.push_back(member);
  }
  return added;
}

}  // namespace

dns::sign::Seconds unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(rt::wall_now().time_since_epoch()).count();
}

Zones::Zones(rt::Loop& loop, const model::Config& start, uint64_t seed, Hooks hooks)
    : loop_(loop),
      hooks_(std::move(hooks)),
      sources_(dns::sources_of(start.node.dns_listen)),
      seed_(seed),
      serves_(start.node.dns),
      keeper_(start.node.key_dir, start.node.manage_keys, in_state_dir(start.node, "zones_with_keys")),
      copies_(in_state_dir(start.node, "zones")) {}

Result<Zones::Made> Zones::make(const std::shared_ptr<const model::Config>& config,
                                std::vector<std::string>* problems, Broken broken) {
  begin_signing();
  const Served served = with_members(config);
  for (const auto& [catalog, error] : served.broken) log::error("{}", error.message);
  dns::ZoneSources from = sources(*served.config);
  std::vector<std::string> found;
  auto names = names_of(*served.config, &found, from);
  const bool no_worse = broken == Broken::left_out || std::ranges::includes(left_out_, from.broken);
  if (!names && !from.broken.empty() && no_worse) {
    from.left_out = std::move(from.broken);
    begin_signing();
    names = names_of(*served.config, nullptr, from);
  }
  if (names)
    return Made{std::move(*names), std::move(from.files), served.kept, std::move(from.left_out),
                std::move(found)};
  if (problems != nullptr) *problems = std::move(found);
  return names.error();
}

void Zones::in_force(std::shared_ptr<const model::Config> config, Made made) {
  config_ = std::move(config);
  files_ = std::move(made.files);
  kept_ = std::move(made.kept);
  left_out_ = std::move(made.left_out);
  left_out_count_ = left_out_.size();
  broken_catalogs_ = keys_of(with_members(config_).broken);
  if (!running_) return;  // begin() does it
  tell_secondaries();
  follow_primaries();
}

Zones::Running::Running(Zones& zones, rt::Loop& loop)
    : notifier(loop, zones.sources_, mix64(zones.seed_ + 1)),
      secondaries(loop, zones.copies_, zones.states_, zones.sources_, mix64(zones.seed_ + 2),
                  [&zones] { return zones.renew(); }),
      sign_again(loop, [&zones] { zones.sign_again_in_time(); }) {
  sign_again.arm_after(sign_interval);
}

void Zones::begin() {
  running_ = std::make_unique<Running>(*this, loop_);
  tell_secondaries();
  follow_primaries();
}

void Zones::end() {
  running_.reset();
}

// Each is answered, so whoever has sent it does not say it again: none may be lost. All zones of a primary may change at once,
// while the loop makes names.
void Zones::on_notify(const dns::Name& zone, const IpAddress& from) {
  const std::lock_guard lock(notices_mutex_);
  const std::string key = dns::owner_key(zone.bytes());
  if (notices_.size() >= notices_max && !notices_.contains(key)) return;
  const bool first = notices_.empty();
  notices_.insert_or_assign(key, Notice{zone, from});
  if (first) loop_.post([this] { pass_notices_on(); });
}

void Zones::pass_notices_on() {
  std::map<std::string, Notice> notices;
  {
    const std::lock_guard lock(notices_mutex_);
    notices.swap(notices_);
  }
  if (!running_) return;
  for (const auto& [key, notice] : notices) running_->secondaries.notified(notice.zone, notice.from);
}

void Zones::collect(std::vector<CounterValue>& all) const {
  states_.collect(unix_seconds(), all);
  all.push_back({"popnet_dns_zones_left_out",
                 "Zones that are answered with SERVFAIL because they were broken when this node started.",
                 CounterValue::Kind::gauge,
                 {},
                 static_cast<double>(left_out_count_.load())});
}

// A process that is being replaced, or was, signs what still comes with the keys that its successor has written: two at once
// might both make some.
void Zones::begin_signing() {
  keeper_.begin(unix_seconds(),
                hooks_.may_sign() ? dns::sign::KeyKeeper::May::write : dns::sign::KeyKeeper::May::read);
}

/// A disk that is full, or read-only, stops neither zones nor signatures, but keys wait.
Result<std::shared_ptr<const dns::Names>> Zones::names_of(const model::Config& zones,
                                                          std::vector<std::string>* problems,
                                                          dns::ZoneSources& from) {
  const auto make = [&] {
    return dns::make_names(zones, problems, serves_ ? &keeper_ : nullptr, serves_ ? &history_ : nullptr,
                           &from);
  };
  auto names = make();
  for (int again = 0; !names && keeper_.overtaken() && again < 3; ++again) {
    log::warning("{}; its keys are taken", names.error().message);
    begin_signing();
    names = make();
  }
  if (!names && keeper_.cannot_write()) {
    log::error("no key is made or rolled as long as this lasts: {}", names.error().message);
    keeper_.begin(unix_seconds(), dns::sign::KeyKeeper::May::hold);
    names = make();
  }
  plan_signing(names.ok());
  return names;
}

/// A zone that came from a file until now is served from there until a primary has sent it. False if the file is broken.
bool Zones::take_over(const dns::Name& name, const model::Zone& before) {
  auto records = std::make_shared<dns::Records>(name, before.file);
  const auto known = files_.find(dns::owner_key(name.bytes()));
  dns::Problems problems;
  if (known != files_.end())
    records->append(*known->second);
  else if (!dns::read_master_file(before.file, *records, problems) || problems.count() > 0)
    return false;
  records->sort();
  const auto soa = dns::read_soa_times(*records);
  if (soa) copies_.put(name, {std::move(records), *soa, unix_seconds(), nullptr, true});
  return soa.has_value();
}

/// Of zones that are fetched the copies that are good now. Files are kept for renew().
dns::ZoneSources Zones::sources(const model::Config& config) {
  dns::ZoneSources sources;
  const auto is_signed = [](const model::Zone& zone) { return zone.dnssec.enabled; };
  const auto files = config_ == nullptr ? FileZones() : file_zones(*config_);
  sources.keep_files =
      serves_ && (config.network.dnssec.enabled || std::ranges::any_of(config.zones, is_signed));
  for (const model::Zone& zone : config.zones) {
    const auto name = dns::parse_name(zone.name);
    if (zone.secondary.primaries.empty() || !name || !serves_) continue;
    const auto file = files.find(zone.name);
    if (file == files.end() || !take_over(*name, *file->second)) copies_.load(*name);
    sources.keep_files = true;
  }
  sources.copies = copies_.good_at(unix_seconds());
  sources.expiries = copies_.expiries();
  return sources;
}

/// What a catalog is taken to name that was never fetched. Nobody knows; but zones may have been moved there from the
/// config, or from a catalog of another name. So to a new one belongs all that was served before, until it comes.
std::vector<dns::Name> Zones::presumed_members(const std::string& catalog) const {
  if (config_ == nullptr) return {};
  std::unordered_set<std::string_view> catalogs;
  for (const model::Zone& zone : config_->zones)
    if (zone.secondary.catalog) catalogs.insert(zone.name);
  if (catalogs.contains(catalog)) return kept_;
  std::vector<dns::Name> members;
  const auto add = [&](const std::string& zone) {
    if (const auto name = dns::parse_name(zone); name && !catalogs.contains(zone)) members.push_back(*name);
  };
  for (const std::string& zone : followed_) add(zone);
  for (const model::Zone& zone : config_->zones)
    if (!zone.file.empty()) add(zone.name);
  return members;
}

Zones::Served Zones::with_members(const std::shared_ptr<const model::Config>& config) {
  Served served{config, {}, {}};
  std::shared_ptr<model::Config> with;
  for (const model::Zone& zone : config->zones) {
    const auto name = dns::parse_name(zone.name);
    if (!zone.secondary.catalog || !name || !serves_) continue;
    copies_.load(*name);
    const dns::ZoneCopy* copy = copies_.find(*name);
    const auto members = copy == nullptr ? presumed_members(zone.name) : dns::read_catalog(*copy->records);
    if (!members) {
      served.broken.emplace(zone.name, members.error());
      continue;
    }
    if (with == nullptr) with = std::make_shared<model::Config>(*config);
    auto added = add_members(*with, zone, *members);
    if (copy == nullptr) served.kept.insert(served.kept.end(), added.begin(), added.end());
  }
  if (with != nullptr) served.config = std::move(with);
  return served;
}

// Makes the names of the config in force again, with the zones that are fetched and the keys as they are now. An error
// changes nothing. Files of other zones are not read for this: what an operator has begun to change in them is not in force
// before a reload, and an error there ends no signature. Nor does a catalog that was broken when the config came in force;
// one that is so only now is what has just been fetched, and refused.
Status Zones::renew() {
  begin_signing();
  const Served served = with_members(config_);
  for (const auto& [catalog, error] : served.broken) {
    if (!broken_catalogs_.contains(catalog)) {
      plan_signing(false);
      return error;
    }
    log::error("{}", error.message);
  }
  const model::Config& zones = *served.config;
  dns::ZoneSources from = sources(zones);
  from.files = files_;
  from.left_out = left_out_;
  auto names = names_of(zones, nullptr, from);
  if (!names) return names.error();
  broken_catalogs_ = keys_of(served.broken);
  if (hooks_.publish(std::move(*names))) tell_secondaries();
  if (followed_ != names_of_fetched(zones)) loop_.post([this] { follow_primaries(); });
  return {};
}

// What could not be signed again, for an error with keys, must not be forgotten.
void Zones::plan_signing(bool signed_now) {
  if (signed_now) {
    sign_again_at_ = keeper_.next_change();
  } else if (sign_again_at_ != 0) {
    // What was planned for the time before is not put off by errors of what has just come.
    const dns::sign::Seconds now = unix_seconds();
    sign_again_at_ = sign_again_at_ > now ? std::min(sign_again_at_, now + sign_retry) : now + sign_retry;
  }
}

// A node that does not manage the keys learns of changes from their folder, as does the one that does when an operator has
// said something.
void Zones::sign_again_in_time() {
  // A successor that starts does it.
  // With a clock that was set back, signatures begin in times to come.
  const dns::sign::Seconds now = unix_seconds();
  const bool set_back = sign_again_at_ != 0 && now + clock_step < keeper_.now();
  if (hooks_.may_sign() &&
      ((sign_again_at_ != 0 && now >= sign_again_at_) || set_back || keeper_.changed_on_disk())) {
    log::info("signing zones again");
    if (const Status signed_again = renew(); !signed_again)
      log::error("signing zones again: {}", signed_again.error().message);
  }
  running_->sign_again.arm_after(sign_interval);
}

/// Zones for transfers are as they were read last; secondaries are told of new versions.
void Zones::tell_secondaries() {
  const auto changes = history_.commit();
  for (const auto& [zone, before, now] : changes.unnoticed)
    log::warning(
        "the records of zone {} have changed, but its serial number is {} after {}: secondaries will not "
        "notice until "
        "it is above {}, raise it in the zone file",
        zone, now, before, before);
  const auto keys = dns::tsig_keys(*config_);
  for (const auto& version : changes.changed) {
    const model::Transfer& options = version->options;
    std::optional<dns::TsigKey> key;
    for (const dns::TsigKey& known : keys)
      if (known.name.to_text() == options.key + ".") key = known;
    for (const Endpoint& to : options.notify) running_->notifier.tell({version->records.apex(), to, key});
  }
}

void Zones::follow_primaries() {
  if (!running_ || !serves_) return;
  const auto zones = with_members(config_).config;
  running_->secondaries.configure(*zones, dns::tsig_keys(*zones));
  followed_ = names_of_fetched(*zones);
}

}  // namespace popnet::node
