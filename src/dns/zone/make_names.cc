#include "dns/zone/make_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "dns/sign/nsec3.h"
#include "dns/wire/protocol.h"
#include "dns/zone/carried.h"
#include "dns/zone/freeze.h"
#include "dns/zone/master_file.h"
#include "dns/zone/names_builder.h"
#include "dns/zone/problems.h"
#include "dns/zone/records.h"
#include "dns/zone/signed_copy.h"

namespace popnet::dns {

namespace {

uint32_t seconds(Duration d) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

void append_u32(std::vector<uint8_t>& data, uint32_t v) {
  for (const int shift : {24, 16, 8, 0}) data.push_back(static_cast<uint8_t>(v >> shift));
}
void append_name(std::vector<uint8_t>& data, const Name& name) {
  data.insert(data.end(), name.bytes().begin(), name.bytes().end());
}

struct SoaAt {
  Name owner;
  uint32_t ttl;
  Place place;
  std::vector<uint8_t> data;
};

/// A hostname and where it comes from.
struct Wanted {
  Name name;
  DecidedName decided;
  std::string key, what;  // for complaints: where it stands in the config, and what it is

  [[nodiscard]] std::string from() const { return key + ": " + what; }
};

class Maker {
 public:
  Maker(const model::Config& config, sign::KeyKeeper* keeper, ZoneHistory* history, ZoneSources* sources)
      : config_(config), keeper_(keeper), history_(history), sources_(sources) {}

  Result<std::shared_ptr<const Names>> make(std::vector<std::string>* problems);

 private:
  struct Plan {
    Plan(const Name& apex, const std::string& source) : records(apex, source) {}
    Records records;
    uint32_t index = 0;
    std::string file;       // to be read; empty for zones made here, and those that are fetched
    bool fetched = false;   // from its primaries
    bool has_pops = false;  // our POPs' addresses are added
    const model::Dnssec* dnssec = nullptr;
    const model::Transfer* transfer = nullptr;  // null if nobody may fetch it
    std::vector<Name> decided;

    /// There is more in it than others have written.
    [[nodiscard]] bool is_changed() const { return dnssec->enabled || has_pops || !decided.empty(); }
    /// For problems of the zone as a whole.
    [[nodiscard]] std::string where() const { return records.describe({0, file.empty() ? 0U : 1U}); }
  };

  void plan_configured_zones();
  void plan_network_zone();
  void plan_hostnames();
  void want(DecidedName decided, const std::string& key, const std::string& what);
  void place(const Wanted& wanted);
  void mark_nested_zones();
  void freeze(Plan& plan);
  void freeze_and_judge(Plan& plan);
  enum class Filled : uint8_t { complete, broken, unavailable };
  Filled fill(Plan& plan);
  bool fill_from_file(Plan& plan);
  void fill_from_copy(Plan& plan, const Records& copy);
  void freeze_unavailable(const Plan& plan);
  std::shared_ptr<const sign::ZoneSigner> signer_for(const Plan& plan);
  static void add_keys(Plan& plan, const sign::ZoneSigner& signer);
  void raise_serial(Plan& plan, const sign::ZoneSigner& signer);
  void check_digests(const Plan& plan);
  void keep_version(Plan& plan, const std::shared_ptr<const sign::ZoneSigner>& signer);

  Plan* new_plan(const Name& apex, const std::string& source);
  Plan* innermost(const Name& name);
  void add_apex_records(Plan& plan, Place place);
  void add_pop_addresses(Plan& plan, const Name& under, Place place);
  [[nodiscard]] Name name_server(const model::Pop& pop, const Name& apex) const;
  [[nodiscard]] std::vector<uint8_t> soa_data(const Name& apex);
  [[nodiscard]] Name contact(const Name& apex);
  Name checked(Result<Name> name, const std::string& where);

  const model::Config& config_;
  sign::KeyKeeper* const keeper_;
  ZoneHistory* const history_;
  ZoneSources* const sources_;
  NamesBuilder builder_;
  Problems problems_;
  std::map<std::string, std::unique_ptr<Plan>> plans_;  // by owner key of the apex: parents before children
  std::optional<Name> network_zone_;
  std::map<std::string, Wanted> wanted_;  // by owner key
  ZoneSources::Zones broken_;
};

Name Maker::checked(Result<Name> name, const std::string& where) {
  if (name.ok()) return *name;
  problems_.add(where, name.error().message);
  return Name();
}

/// Null if the zone was there already.
Maker::Plan* Maker::new_plan(const Name& apex, const std::string& source) {
  auto& plan = plans_[owner_key(apex.bytes())];
  if (plan != nullptr) return nullptr;
  plan = std::make_unique<Plan>(apex, source);
  plan->index = builder_.add_zone();
  plan->dnssec = &config_.network.dnssec;
  return plan.get();
}

Maker::Plan* Maker::innermost(const Name& name) {
  for (NameBytes at = name.bytes();; at = parent(at)) {
    const auto found = plans_.find(owner_key(at));
    if (found != plans_.end()) return found->second.get();
    if (is_root(at)) return nullptr;
  }
}

void Maker::plan_configured_zones() {
  for (size_t i = 0; i < config_.zones.size(); ++i) {
    const model::Zone& zone = config_.zones[i];
    if (zone.secondary.catalog) continue;
    const std::string what = fmt::format("zone {}", zone.name),
                      where = fmt::format("zones.{}.name: {}", i, what);
    const bool fetched = !zone.secondary.primaries.empty();
    Plan* plan = new_plan(checked(parse_name(zone.name), where), fetched ? what : zone.file);
    if (plan == nullptr) {
      problems_.add(where, "is configured twice");
    } else {
      plan->file = zone.file;
      plan->fetched = fetched;
      plan->dnssec = &zone.dnssec;
      if (history_ != nullptr && (!zone.transfer.to.empty() || !zone.transfer.key.empty()))
        plan->transfer = &zone.transfer;
    }
  }
}

void Maker::plan_network_zone() {
  if (config_.network.zone.empty()) return;
  network_zone_ = checked(parse_name(config_.network.zone), "network.zone: network zone");
  const std::string source = fmt::format("network.zone: network zone {}", config_.network.zone);
  Plan* plan = new_plan(*network_zone_, source);
  const bool made_here = plan != nullptr;
  if (!made_here) plan = innermost(*network_zone_);
  const Place place{plan->records.add_file(source), 0};
  if (made_here) add_apex_records(*plan, place);
  add_pop_addresses(*plan, *network_zone_, place);
  plan->has_pops = true;
}

// Shorter names first, so that a hostname below another one joins its zone.
void Maker::plan_hostnames() {
  for (uint32_t s = 0; s < config_.sites.size(); ++s)
    for (size_t h = 0; h < config_.sites[s].hostnames.size(); ++h) {
      const model::Hostname& host = config_.sites[s].hostnames[h];
      want({host, s}, fmt::format("sites.{}.hostnames.{}.name", s, h),
           fmt::format("site {}: hostname {}", config_.sites[s].name, host.name));
    }
  if (!config_.network.content_hostname.empty()) {
    model::Hostname shared;
    shared.name = config_.network.content_hostname;
    shared.resolve = model::Resolve::pop;
    shared.ttl = config_.network.content_ttl;
    want({shared, DecidedName::no_site}, "network.content_hostname",
         fmt::format("content hostname {}", shared.name));
  }
  std::vector<const Wanted*> wanted;
  for (const auto& [key, w] : wanted_) wanted.push_back(&w);
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const Wanted* a, const Wanted* b) { return a->name.labels() < b->name.labels(); });
  for (const Wanted* w : wanted) place(*w);
}

void Maker::want(DecidedName decided, const std::string& key, const std::string& what) {
  const auto name = parse_name(decided.host.name);
  if (!name) return problems_.add(key + ": " + what, name.error().message);
  decided.ttl_max = seconds(longest_ttl(decided.host));
  decided.host.chain.clear();
  const auto [entry, is_new] =
      wanted_.try_emplace(owner_key(name->bytes()), Wanted{*name, std::move(decided), key, what});
  if (!is_new) problems_.add(key + ": " + what, fmt::format("is also {}", entry->second.what));
}

void Maker::place(const Wanted& wanted) {
  Plan* plan = innermost(wanted.name);
  // A copy of the root is above everything and home of nothing: what it knows of the name is a delegation, if anything.
  const bool own_zone = plan == nullptr || is_root(plan->records.apex().bytes());
  if (own_zone) plan = new_plan(wanted.name, wanted.from());
  const Place place{plan->records.add_file(wanted.from()), 0};
  if (own_zone) {
    add_apex_records(*plan, place);
    if (!network_zone_) add_pop_addresses(*plan, wanted.name, place);
  }
  if (plan->dnssec->enabled && wanted.decided.ttl_max > seconds(plan->dnssec->zone_ttl_max))
    problems_.add(wanted.from(),
                  fmt::format("has a TTL of {} s, above its zone's dnssec.zone_ttl_max of {} s",
                              wanted.decided.ttl_max, seconds(plan->dnssec->zone_ttl_max)));
  plan->decided.push_back(wanted.name);
  plan->records.add(wanted.name, type_decided, 0, index_data(builder_.add_decided(wanted.decided)), place);
}

void Maker::add_apex_records(Plan& plan, Place place) {
  const Name& apex = plan.records.apex();
  const uint32_t ttl = seconds(config_.network.ttl);
  plan.records.add(apex, type::soa, ttl, soa_data(apex), place);
  for (const model::Pop& pop : config_.pops)
    plan.records.add(apex, type::ns, ttl, name_server(pop, apex).bytes(), place);
}

void Maker::add_pop_addresses(Plan& plan, const Name& under, Place place) {
  for (size_t i = 0; i < config_.pops.size(); ++i) {
    const model::Pop& pop = config_.pops[i];
    const Name name =
        checked(child_name(pop.name, under.bytes()), fmt::format("pops.{}.name: POP {}", i, pop.name));
    for (const IpAddress& address : pop.addresses)
      plan.records.add(name, address.is_v4() ? type::a : type::aaaa, seconds(config_.network.ttl),
                       address.bytes(), place);
  }
}

Name Maker::name_server(const model::Pop& pop, const Name& apex) const {
  const auto name = child_name(pop.name, (network_zone_ ? *network_zone_ : apex).bytes());
  return name.ok() ? *name : Name();  // add_pop_addresses() complains
}

Name Maker::contact(const Name& apex) {
  const std::string& mail = config_.network.contact;
  const size_t at = mail.find('@');
  if (at == mail.npos)
    return checked(child_name("hostmaster", apex.bytes()), "network.contact: network contact");
  const Name domain = checked(parse_name(mail.substr(at + 1)), "network.contact: network contact");
  return checked(child_name(mail.substr(0, at), domain.bytes()), "network.contact: network contact");
}

std::vector<uint8_t> Maker::soa_data(const Name& apex) {
  constexpr uint32_t refresh = 3600, retry = 600, expire = 604800;
  std::vector<uint8_t> data;
  if (config_.pops.empty())
    problems_.add("pops", "a zone made by popnet needs at least one POP as its name server");
  append_name(data, config_.pops.empty() ? Name() : name_server(config_.pops[0], apex));
  append_name(data, contact(apex));
  append_u32(data, static_cast<uint32_t>(config_.generation));
  for (const uint32_t v : {refresh, retry, expire, seconds(config_.network.ttl)}) append_u32(data, v);
  return data;
}

/// Tells every zone where a zone of ours begins in it.
void Maker::mark_nested_zones() {
  for (auto& [key, plan] : plans_) {
    const Name& apex = plan->records.apex();
    Plan* outer = is_root(apex.bytes()) ? nullptr : innermost(Name(parent(apex.bytes())));
    if (outer == nullptr) continue;
    const Place place{outer->records.add_file(fmt::format("zone {}", apex.to_text())), 0};
    outer->records.add(apex, type_zone_begins, 0, index_data(plan->index), place);
  }
}

void Maker::freeze_and_judge(Plan& plan) {
  const size_t before = problems_.count();
  freeze(plan);
  if (problems_.count() != before) broken_.insert(owner_key(plan.records.apex().bytes()));
}

// A zone's records are freed before the next zone is read.
void Maker::freeze(Plan& plan) {
  const Filled filled = fill(plan);
  if (filled == Filled::unavailable) return freeze_unavailable(plan);
  const bool complete = filled == Filled::complete;
  const auto signer = signer_for(plan);
  if (signer != nullptr) add_keys(plan, *signer);
  if (signer != nullptr && plan.transfer != nullptr) raise_serial(plan, *signer);
  plan.records.sort();
  plan.records.make_sets();
  if (plan.is_changed()) check_digests(plan);
  if (!plan.dnssec->enabled && plan.has_pops && comes_signed(plan.records))
    problems_.add(plan.where(),
                  "comes signed, and popnet cannot sign the addresses of POPs that it adds: take another "
                  "network.zone, or "
                  "have popnet sign this one (dnssec)");
  if (complete) {
    std::optional<SetSigner> sets;
    if (signer != nullptr) sets.emplace(signer, keeper_->store(), keeper_->now());
    std::optional<Signing> signing;
    if (plan.dnssec->enabled) signing = {seconds(plan.dnssec->zone_ttl_max), sets ? &*sets : nullptr};
    freeze_zone(plan.records, plan.index, builder_, problems_, signing);
  }
  if (complete && plan.transfer != nullptr && problems_.count() == 0) keep_version(plan, signer);
  plan.records = Records(Name(plan.records.apex()), "");
}

/// A digest of the whole zone (RFC 8976) would be one of another zone than secondaries get. In a zone that is fetched it was left out.
void Maker::check_digests(const Plan& plan) {
  const Records& records = plan.records;
  const std::string apex = owner_key(records.apex().bytes());
  for (size_t i = records.find(apex); i < records.size() && records[i].owner == apex; ++i)
    if (records[i].type == type::zonemd)
      problems_.add(
          records.describe(records[i].place),
          fmt::format("zone {}: this ZONEMD record has the digest of a zone without what popnet adds "
                      "({}), remove it",
                      records.apex().to_text(),
                      plan.dnssec->enabled ? "keys and signatures"
                      : plan.has_pops      ? "addresses of POPs"
                                           : "decided hostnames"));
}

void Maker::keep_version(Plan& plan, const std::shared_ptr<const sign::ZoneSigner>& signer) {
  std::shared_ptr<const CopySigning> signing;
  if (signer != nullptr) {
    SignedCopy copy =
        sign_copy(plan.records, *signer, keeper_->store(), keeper_->now(), plan.transfer->decided);
    plan.records = std::move(copy.records);
    signing = std::make_shared<const CopySigning>(CopySigning{signer, std::move(copy.decided)});
  }
  builder_.set_version(plan.index, history_->add(std::move(plan.records), *plan.transfer,
                                                 std::move(plan.decided), std::move(signing)));
}

/// A copy changes when keys do, and grows old, though its file stays as it is.
void Maker::raise_serial(Plan& plan, const sign::ZoneSigner& signer) {
  std::vector<uint8_t> beside(1, plan.transfer->decided ? 1 : 0);
  std::vector<std::string> decided;
  for (const Name& name : plan.decided) decided.push_back(owner_key(name.bytes()));
  std::sort(decided.begin(), decided.end());
  for (const std::string& key : decided) beside.insert(beside.end(), key.begin(), key.end());
  const uint32_t ahead = keeper_->serial_ahead(signer, beside);
  std::vector<SoaAt> raised;
  plan.records.erase_if([&](const Record& record) {
    const bool counts = record.type == type::soa && record.data.size() >= soa_numbers_size;
    if (counts)
      raised.push_back(
          {owner_name(record.owner), record.ttl, record.place, {record.data.begin(), record.data.end()}});
    return counts;
  });
  for (auto& [owner, ttl, place, data] : raised) {
    const uint32_t serial = serial_of(data) + ahead;
    for (size_t i = 0; i < 4; ++i)
      data[data.size() - soa_numbers_size + i] = static_cast<uint8_t>(serial >> (24 - 8 * i));
    plan.records.add(owner, type::soa, ttl, data, place);
  }
}

Maker::Filled Maker::fill(Plan& plan) {
  if (sources_ != nullptr && sources_->left_out.contains(owner_key(plan.records.apex().bytes())))
    return Filled::unavailable;
  if (!plan.fetched) return plan.file.empty() || fill_from_file(plan) ? Filled::complete : Filled::broken;
  if (sources_ == nullptr) return Filled::unavailable;
  const auto copy = sources_->copies.find(owner_key(plan.records.apex().bytes()));
  if (copy == sources_->copies.end()) return Filled::unavailable;
  fill_from_copy(plan, *copy->second);
  if (const auto expiry = sources_->expiries.find(copy->first); expiry != sources_->expiries.end())
    builder_.set_expiry(plan.index, expiry->second);
  return Filled::complete;
}

bool Maker::fill_from_file(Plan& plan) {
  if (sources_ == nullptr || (!sources_->keep_files && sources_->files.empty()))
    return read_master_file(plan.file, plan.records, problems_);
  const std::string key = owner_key(plan.records.apex().bytes());
  auto kept = sources_->files.find(key);
  if (kept == sources_->files.end()) {
    auto read = std::make_shared<Records>(plan.records.apex(), plan.file);
    if (!read_master_file(plan.file, *read, problems_)) return false;
    read->shrink();
    kept = sources_->files.emplace(key, std::move(read)).first;
  }
  plan.records.append(*kept->second);
  return true;
}

void Maker::fill_from_copy(Plan& plan, const Records& copy) {
  plan.records.append(copy);
  std::set<std::string, std::less<>> decided;
  for (const Name& name : plan.decided) decided.insert(owner_key(name.bytes()));
  const bool signs = plan.dnssec->enabled, changed = plan.is_changed();
  plan.records.erase_if([&](const Record& record) {
    const bool replaced = record.type == type::a || record.type == type::aaaa || record.type == type::cname;
    return (replaced && decided.contains(record.owner)) || (signs && is_of_a_signer(record.type)) ||
           (changed && record.type == type::zonemd);
  });
}

/// All that is known of it is that it is ours.
void Maker::freeze_unavailable(const Plan& plan) {
  const NamesBuilder::NodeDraft apex{plan.records.apex().bytes(),    plan.index, Node::not_decided,
                                     Node::apex | Node::unavailable, {},         {}};
  builder_.add_node(apex);
  builder_.set_negative_soa(plan.index, builder_.add_side_node(apex));
}

/// Null if the zone is not to be signed.
std::shared_ptr<const sign::ZoneSigner> Maker::signer_for(const Plan& plan) {
  if (keeper_ == nullptr || !plan.dnssec->enabled) return nullptr;
  if (plan.dnssec->denial == model::Denial::nsec3 &&
      plan.records.apex().size() + sign::hash_label_size + 1 > name_size_max) {
    problems_.add(
        plan.where(),
        "has too long a name for NSEC3 records, whose names are 33 bytes longer: take denial: compact");
    return nullptr;
  }
  auto signer = keeper_->signer(plan.records.apex(), *plan.dnssec);
  if (signer) return *signer;
  problems_.add(plan.where(), signer.error().message);
  return nullptr;
}

void Maker::add_keys(Plan& plan, const sign::ZoneSigner& signer) {
  const Name& apex = plan.records.apex();
  const Place place{plan.records.add_file(fmt::format("keys of zone {}", apex.to_text())), 0};
  if (signer.denial() == model::Denial::nsec3)
    plan.records.add(apex, type::nsec3param, 0, sign::nsec3_parameters, place);
  for (const sign::Key& key : signer.published())
    plan.records.add(apex, type::dnskey, signer.dnskey_ttl(), key.dnskey, place);
  if (signer.wants_no_ds()) {
    plan.records.add(apex, type::cdnskey, signer.dnskey_ttl(), sign::no_dnskey, place);
    plan.records.add(apex, type::cds, signer.dnskey_ttl(), sign::no_ds, place);
  }
  for (const sign::Key& key : signer.synced()) {
    plan.records.add(apex, type::cdnskey, signer.dnskey_ttl(), key.dnskey, place);
    plan.records.add(apex, type::cds, signer.dnskey_ttl(), sign::ds_data(apex.bytes(), key), place);
  }
}

Result<std::shared_ptr<const Names>> Maker::make(std::vector<std::string>* problems) {
  if (history_ != nullptr) history_->drop();
  plan_configured_zones();
  plan_network_zone();
  plan_hostnames();
  mark_nested_zones();
  const bool all_planned = problems_.count() == 0;
  for (auto& [key, plan] : plans_) freeze_and_judge(*plan);
  if (problems != nullptr) *problems = problems_.lines();
  if (problems_.count() == 0) {
    if (keeper_ != nullptr) {
      if (const Status written = keeper_->commit(); !written) return written.error();
      keeper_->store().drop_unused();
    }
    return builder_.finish(config_.generation);
  }
  if (sources_ != nullptr && all_planned && broken_.size() < plans_.size())
    sources_->broken = std::move(broken_);
  std::string message = problems_.lines()[0];
  if (problems_.count() > 1) message += fmt::format(" (and {} more)", problems_.count() - 1);
  return Error{ErrorCode::invalid, message};
}

}  // namespace

Result<std::shared_ptr<const Names>> make_names(const model::Config& config,
                                                std::vector<std::string>* problems, sign::KeyKeeper* keeper,
                                                ZoneHistory* history, ZoneSources* sources) {
  return Maker(config, keeper, history, sources).make(problems);
}

}  // namespace popnet::dns
