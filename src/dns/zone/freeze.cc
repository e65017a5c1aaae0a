#include "dns/zone/freeze.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "dns/sign/nsec3.h"
#include "dns/wire/protocol.h"
#include "dns/zone/carried.h"
#include "dns/zone/fields.h"
#include "dns/zone/render.h"

namespace popnet::dns {

namespace {

bool is_address(uint16_t t) {
  return t == type::a || t == type::aaaa;
}
/// Of denials, by the zone's SOA (RFC 2308 section 5, RFC 9077).
uint32_t negative_ttl(const Record& soa) {
  uint32_t minimum = 0;
  for (const uint8_t b : soa.data.last(4)) minimum = minimum << 8 | b;
  return std::min(soa.ttl, minimum);
}
/// What popnet makes itself for a zone that it signs.
bool is_made_by_signing(uint16_t t) {
  return t == type::rrsig || t == type::nsec || t == type::nsec3 || t == type::nsec3param;
}
/// May stand beside a CNAME (RFC 4034 section 2.5).
bool is_signature_data(uint16_t t) {
  return t == type::rrsig || t == type::nsec;
}

/// What stands at the hash of a name.
bool is_hash_data(uint16_t t) {
  return t == type::rrsig || t == type::nsec3;
}

/// The records of one owner, in order of type.
class Group {
 public:
  Group(const Records& records, size_t begin) : records_(records), begin_(begin), end_(begin) {
    while (end_ < records.size() && records[end_].owner == owner()) ++end_;
  }
  [[nodiscard]] OwnerKey owner() const { return records_[begin_].owner; }
  [[nodiscard]] size_t end() const { return end_; }
  [[nodiscard]] std::string where() const { return records_.describe(records_[begin_].place); }

  [[nodiscard]] std::vector<Record> of(uint16_t type) const {
    std::vector<Record> found;
    for (size_t i = begin_; i < end_; ++i)
      if (records_[i].type == type) found.push_back(records_[i]);
    return found;
  }
  [[nodiscard]] bool has(uint16_t type) const {
    for (size_t i = begin_; i < end_; ++i)
      if (records_[i].type == type) return true;
    return false;
  }
  [[nodiscard]] bool has_only(bool (*wanted)(uint16_t)) const {
    for (size_t i = begin_; i < end_; ++i)
      if (!wanted(records_[i].type)) return false;
    return true;
  }
  template <class Visit>
  void each_set(Visit visit) const {
    for (size_t i = begin_; i < end_;) {
      std::vector<Record> set;
      for (const uint16_t t = records_[i].type; i < end_ && records_[i].type == t; ++i)
        set.push_back(records_[i]);
      visit(set);
    }
  }

 private:
  const Records& records_;
  size_t begin_, end_;
};

class Freezer {
 public:
  Freezer(const Records& records, uint32_t zone, NamesBuilder& names, Problems& problems,
          const std::optional<Signing>& signing)
      : records_(records),
        names_(names),
        problems_(problems),
        signing_(signing),
        signer_(signing ? signing->signer : nullptr),
        apex_(owner_key(records.apex().bytes())),
        zone_(zone) {}

  void run() {
    if (signer_ != nullptr) names_.set_signer(zone_, signer_->signer());
    check_apex();
    for (size_t i = 0; i < records_.size();) {
      const Group group(records_, i);
      visit(group);
      i = group.end();
    }
    check_lost_cuts();
    if (carried_)
      if (const std::string missing = denials_.finish(apex_, names_, zone_); !missing.empty())
        complain(records_.describe({0, 1}), fmt::format("comes signed, but {}", missing));
  }

 private:
  void complain(const std::string& where, std::string_view what) {
    problems_.add(where, fmt::format("zone {}: {}", records_.apex().to_text(), what));
  }
  [[nodiscard]] static std::string text(OwnerKey key) { return owner_name(key).to_text(); }

  void check_apex();
  void check_name_server(const Record& ns);
  void check_lost_cuts();
  void visit(const Group& group);
  void visit_cut(const Group& group);
  void visit_hash(const Group& group);
  void check_carried(const Group& apex);
  void check_owner(const Group& group);
  void add_owner(const Group& group);
  NamesBuilder::NodeId add_at(OwnerKey owner, const NamesBuilder::NodeDraft& draft);
  NamesBuilder::NodeId step_to(OwnerKey owner, const NamesBuilder::NodeDraft& draft);
  void lead_path_to(OwnerKey owner);
  void add_negative_soa(const Group& group);
  /// What a node is made of; `signatures` is empty in zones that are not signed.
  struct Sets {
    std::vector<RenderedSet> sets, signatures;
  };
  enum class Sign : uint8_t { no, yes };
  /// `carried`: the owner's RRSIG records.
  void add_set(const Name& owner, const std::vector<Record>& set, Sets& sets, Sign sign,
               std::span<const Record> carried, std::span<const Glue> glue = {});
  void add_denial(const Name& owner, Sets& sets);
  std::vector<Glue> glue_for(const Group& cut);
  bool add_addresses(const Name& target, std::vector<Glue>& glue);
  [[nodiscard]] bool is_here(const Name& name) const {
    return is_at_or_below(name.bytes(), records_.apex().bytes());
  }
  /// What a name server's name stands for in this zone.
  struct Server {
    bool is_alias, has_address;
  };
  [[nodiscard]] Server look_up(const Name& name) const;
  [[nodiscard]] std::string cut_above(const Name& target) const;

  const Records& records_;
  NamesBuilder& names_;
  Problems& problems_;
  const std::optional<Signing> signing_;
  SetSigner* const signer_;
  const std::string apex_;
  const uint32_t zone_;
  bool carried_ = false;  // the zone comes signed
  CarriedDenials denials_;

  OwnerKey cut_;  // records below it are not ours; valid if has_cut_
  bool has_cut_ = false;
  OwnerKey dname_;  // records below it are an error; valid if has_dname_
  bool has_dname_ = false;
  struct Step {
    size_t key_size;
    NamesBuilder::NodeId node;
  };
  /// A delegation to servers of this zone, none of which has an address here.
  struct LostCut {
    std::string owner;
    Place place;
    std::vector<Name> servers;
  };
  std::vector<LostCut> lost_cuts_;
  std::vector<Step> path_;  // nodes from the apex to the last one added
  OwnerKey last_;           // owner of the last one added
};

void Freezer::check_apex() {
  const size_t first = records_.find(apex_);
  const std::string where = records_.describe({0, 1});
  if (first == records_.size()) return complain(where, "has no records at its apex, write SOA and NS");
  const Group group(records_, first);
  const auto soas = group.of(type::soa);
  if (soas.empty()) complain(where, "has no SOA record, write one at its apex");
  if (soas.size() > 1) complain(records_.describe(soas[1].place), "has a second SOA record, write one only");
  if (!group.has(type::ns)) complain(where, "has no NS record at its apex, write one");
  for (const Record& ns : group.of(type::ns)) check_name_server(ns);
  if (!signing_ && group.has(type::rrsig)) check_carried(group);
  if (signer_ != nullptr && !soas.empty()) signer_->set_denial_ttl(negative_ttl(soas[0]));
}

void Freezer::check_carried(const Group& apex) {
  carried_ = true;
  const auto parameters = apex.of(type::nsec3param);
  if (const std::string why = denials_.choose(parameters); !why.empty())
    complain(records_.describe(parameters[0].place), why);
}

/// Of the zone itself. What lies below a delegation is looked for there.
void Freezer::check_name_server(const Record& ns) {
  const Name server{NameBytes(ns.data)};
  if (!is_here(server) || !cut_above(server).empty()) return;
  const auto [is_alias, has_address] = look_up(server);
  if (is_alias)
    return complain(records_.describe(ns.place),
                    fmt::format("the name server {} is an alias (RFC 2181 section 10.3), write its address",
                                server.to_text()));
  if (!has_address)
    complain(records_.describe(ns.place),
             fmt::format("the name server {} has no address in the zone, write one", server.to_text()));
}

/// Delegations whose servers can only be found by way of each other cannot be followed by anybody.
void Freezer::check_lost_cuts() {
  std::set<std::string, std::less<>> lost;
  for (const LostCut& cut : lost_cuts_) lost.insert(cut.owner);
  const auto leads_on = [&](const Name& server) {
    const std::string above = cut_above(server);
    return !above.empty() && !lost.contains(above);
  };
  for (bool progress = true; progress;) {
    progress = false;
    for (const LostCut& cut : lost_cuts_)
      if (lost.contains(cut.owner) && std::ranges::any_of(cut.servers, leads_on))
        progress = lost.erase(cut.owner) > 0;
  }
  for (const LostCut& cut : lost_cuts_)
    if (lost.contains(cut.owner))
      complain(records_.describe(cut.place),
               fmt::format("none of the name servers of {} can be found: they have no address here, and the "
                           "delegations that they lie below lead nowhere without each other, write the "
                           "address of one (glue)",
                           text(cut.owner)));
}

/// By the name's own records, else by those of a wildcard or a DNAME above it.
Freezer::Server Freezer::look_up(const Name& name) const {
  const auto read = [](const Group& group) {
    return Server{group.has(type::cname),
                  group.has(type::a) || group.has(type::aaaa) || group.has(type_decided)};
  };
  if (const size_t own = records_.find(owner_key(name.bytes())); own != records_.size())
    return read(Group(records_, own));
  for (NameBytes above = name.bytes(); above.size() > records_.apex().size();) {
    above = parent(above);
    const std::string key = owner_key(above);
    if (const size_t wildcard = records_.find(key + std::string("\1*", 2)); wildcard != records_.size())
      return read(Group(records_, wildcard));
    const size_t first = records_.find(key);
    if (first != records_.size() && Group(records_, first).has(type::dname)) return {true, false};
  }
  return {false, false};
}

/// Owner key of the delegation at or above the name; empty if there is none.
std::string Freezer::cut_above(const Name& target) const {
  const std::string key = owner_key(target.bytes());
  const size_t all = count_key_labels(key);
  for (size_t labels = count_key_labels(apex_) + 1; labels <= all; ++labels) {
    const OwnerKey here = first_labels(key, labels);
    const size_t first = records_.find(here);
    if (first != records_.size() &&
        (Group(records_, first).has(type::ns) || Group(records_, first).has(type_zone_begins)))
      return std::string(here);
  }
  return {};
}

void Freezer::visit(const Group& group) {
  const OwnerKey owner = group.owner();
  has_cut_ = has_cut_ && owner.starts_with(cut_);
  has_dname_ = has_dname_ && owner.starts_with(dname_);
  if (has_cut_ && group.has(type_decided))
    complain(group.where(), "this hostname lies below a delegation of its zone, remove the NS records");
  if (carried_ && !has_cut_ && group.has(type::nsec3)) visit_hash(group);
  if (carried_ && group.has_only(is_hash_data)) return;
  if (has_dname_)
    return complain(group.where(),
                    fmt::format("{} stands below the DNAME of {} (RFC 6672 section 2.4), remove one",
                                text(owner), text(dname_)));
  if (group.has(type::dname)) {
    dname_ = owner;
    has_dname_ = true;
  }
  check_owner(group);
  if (has_cut_) return;  // not ours to serve, but transfers carry it
  if (carried_ && group.has(type_decided))
    complain(group.where(),
             "the addresses of this hostname are decided query by query, but its zone comes signed, and "
             "popnet cannot sign "
             "for it: take another zone, or have popnet sign this one (dnssec)");
  if (group.has(type_zone_begins) || (owner != apex_ && group.has(type::ns))) return visit_cut(group);
  add_owner(group);
}

void Freezer::check_owner(const Group& group) {
  const OwnerKey owner = group.owner();
  size_t others = 0;
  group.each_set([&](const std::vector<Record>& set) {
    const uint16_t t = set[0].type;
    const std::string where = records_.describe(set[0].place);
    if (t != type::cname && !is_signature_data(t)) ++others;
    if (signing_ && is_made_by_signing(t) && set[0].place.line != 0)
      complain(where,
               fmt::format(
                   "{} is signed already, remove RRSIG, NSEC, NSEC3 and NSEC3PARAM records, or dnssec from "
                   "the zone's options",
                   text(owner)));
    if ((t == type::cname || t == type::dname) && set.size() > 1)
      complain(records_.describe(set[1].place),
               fmt::format("{} has a second {} record, write one only", text(owner),
                           t == type::cname ? "CNAME" : "DNAME"));
    if (t == type::soa && owner != apex_)
      complain(where, fmt::format("{} has a SOA record but is not the zone's apex, remove it", text(owner)));
    if (carried_ && t == type::nsec && set.size() > 1)
      complain(records_.describe(set[1].place),
               fmt::format("{} has a second NSEC record, write one only", text(owner)));
    if (is_address(t) && group.has(type_decided))
      complain(where, fmt::format("the addresses of {} are decided query by query, remove this record",
                                  text(owner)));
  });
  if (group.has(type::cname) && others > 0)
    complain(records_.describe(group.of(type::cname)[0].place),
             fmt::format("{} has a CNAME beside other records (RFC 1034 section 3.6.2), remove it or them",
                         text(owner)));
  if (group.has(type::ds) && (owner == apex_ || !(group.has(type::ns) || group.has(type_zone_begins))))
    complain(records_.describe(group.of(type::ds)[0].place),
             fmt::format(
                 "{} has a DS record but {} (RFC 4035 section 2.4), remove it", text(owner),
                 owner == apex_ ? "is the zone's apex: it belongs into the zone above" : "is no delegation"));
  if (group.has(type::ns) && owner != apex_ && group.has(type::dname))
    complain(group.where(),
             fmt::format("{} is delegated and has a DNAME (RFC 6672 section 2.3), remove one", text(owner)));
  if (is_wildcard(owner_name(owner).bytes()) && (group.has(type::ns) || group.has(type::dname)))
    complain(group.where(),
             fmt::format("the wildcard {} has NS or DNAME records (RFC 4592 section 4), remove them",
                         text(owner)));
}

// Where another zone of ours begins, that zone's apex answers, whether this zone delegates it or not. Only DS
// is asked here.
void Freezer::visit_cut(const Group& group) {
  cut_ = group.owner();
  has_cut_ = true;
  if (group.has(type_decided))
    complain(group.where(), "this hostname is delegated by its zone, remove the NS records");
  const Name owner = owner_name(group.owner());
  Sets sets;
  const std::vector<Glue> glue = glue_for(group);
  const bool apart = signer_ != nullptr || carried_;
  const auto carried = group.of(type::rrsig);
  if (const auto ns = group.of(type::ns); !ns.empty())
    add_set(owner, ns, sets, Sign::no, carried, apart ? std::span<const Glue>() : glue);
  if (const auto ds = group.of(type::ds); !ds.empty()) add_set(owner, ds, sets, Sign::yes, carried);
  if (const auto nsec = group.of(type::nsec); carried_ && !nsec.empty())
    add_set(owner, nsec, sets, Sign::yes, carried);
  if (apart) {
    if (signer_ != nullptr && signer_->has_nsec())
      signer_->add_denial(owner.bytes(), sets.sets, sets.signatures, true);
    size_t before = 0;
    for (const auto* all : {&sets.sets, &sets.signatures})
      for (const RenderedSet& set : *all) before += set.bytes.size();
    sets.sets.push_back(render_glue(owner.bytes(), glue, before));
    sets.signatures.emplace_back();
    if (!glue.empty() && sets.sets.back().bytes.empty())
      complain(group.where(),
               fmt::format(
                   "{} has {} addresses of name servers (glue), which do not fit into a message: write fewer",
                   text(group.owner()), glue.size()));
  }
  const NamesBuilder::NodeDraft draft{owner.bytes(), zone_,     Node::not_decided,
                                      Node::cut,     sets.sets, sets.signatures};
  const auto other_zone = group.of(type_zone_begins);
  NamesBuilder::NodeId node = 0;
  if (other_zone.empty()) {
    node = add_at(group.owner(), draft);
  } else {
    lead_path_to(group.owner());
    node = names_.add_side_node(draft);
    names_.set_parent_side(other_zone[0].index(), node);
  }
  if (carried_ && group.has(type::nsec)) denials_.add_nsec(group.owner(), node);
}

/// A name that is there only for its NSEC3 record is no name of the zone (RFC 5155 section 7.2.8).
void Freezer::visit_hash(const Group& group) {
  const Name owner = owner_name(group.owner());
  const auto hash = sign::read_hash_label(owner.bytes());
  for (const Record& nsec3 : group.of(type::nsec3)) {
    if (!denials_.serves(nsec3)) continue;
    if (!hash || first_labels(group.owner(), count_key_labels(apex_)) != apex_ ||
        count_key_labels(group.owner()) != count_key_labels(apex_) + 1)
      return complain(
          records_.describe(nsec3.place),
          fmt::format("{} has an NSEC3 record but is no hash of a name right below the apex, remove it",
                      owner.to_text()));
    Sets sets;
    add_set(owner, {nsec3}, sets, Sign::yes, group.of(type::rrsig));
    return denials_.add_nsec3(*hash, names_.add_side_node({owner.bytes(), zone_, Node::not_decided, 0,
                                                           sets.sets, sets.signatures}));
  }
}

void Freezer::add_owner(const Group& group) {
  const Name owner = owner_name(group.owner());
  Sets sets;
  NamesBuilder::NodeDraft draft{owner.bytes(), zone_, Node::not_decided, 0, {}, {}};
  const auto carried = group.of(type::rrsig);
  group.each_set([&](const std::vector<Record>& set) {
    if (set[0].type == type_decided) {
      draft.decided = set[0].index();
    } else if (!carried_ || !is_hash_data(set[0].type)) {
      add_set(owner, set, sets, Sign::yes, carried);
    }
  });
  if (sets.sets.size() > sign::types_max)
    complain(group.where(), fmt::format("{} has more than {} types of records, write fewer",
                                        text(group.owner()), sign::types_max));
  if (draft.decided == Node::not_decided) add_denial(owner, sets);
  draft.sets = sets.sets;
  draft.signatures = sets.signatures;
  if (group.owner() == apex_) draft.flags |= Node::apex;
  if (group.has(type::dname)) draft.flags |= Node::has_dname;
  const NamesBuilder::NodeId node = add_at(group.owner(), draft);
  if (carried_ && group.has(type::nsec)) denials_.add_nsec(group.owner(), node);
  if (group.owner() == apex_) add_negative_soa(group);
}

NamesBuilder::NodeId Freezer::add_at(OwnerKey owner, const NamesBuilder::NodeDraft& draft) {
  lead_path_to(owner);
  return step_to(owner, draft);
}

// Of an empty non-terminal too: where there is "*.*.a", "*.a" makes names without records (RFC 4592
// section 2.2.2).
NamesBuilder::NodeId Freezer::step_to(OwnerKey owner, const NamesBuilder::NodeDraft& draft) {
  if (is_wildcard(draft.name) && !path_.empty()) names_.set_flag(path_.back().node, Node::has_wildcard);
  path_.push_back({owner.size(), names_.add_node(draft)});
  return path_.back().node;
}

// Makes path_ end at the owner's parent, with empty non-terminals for what is missing on the way.
void Freezer::lead_path_to(OwnerKey owner) {
  const auto on_the_way = [&](const Step& step) {
    return step.key_size < owner.size() && owner.substr(0, step.key_size) == last_.substr(0, step.key_size);
  };
  while (!path_.empty() && !on_the_way(path_.back())) path_.pop_back();
  last_ = owner;
  if (path_.empty()) return;  // the apex
  for (size_t labels = count_key_labels(owner.substr(0, path_.back().key_size)) + 1;; ++labels) {
    const OwnerKey here = first_labels(owner, labels);
    if (here.size() == owner.size()) return;
    const Name empty = owner_name(here);
    Sets sets;
    add_denial(empty, sets);
    step_to(here, {empty.bytes(), zone_, Node::not_decided, 0, sets.sets, sets.signatures});
  }
}

void Freezer::add_negative_soa(const Group& group) {
  const auto soa = group.of(type::soa);
  if (soa.empty()) return;
  const Name owner = owner_name(group.owner());
  const std::span<const Record> set(soa.data(), 1);
  const uint32_t ttl = negative_ttl(soa[0]);
  Sets sets;
  sets.sets.push_back(render(owner.bytes(), set, ttl));
  if (signer_ != nullptr) sets.signatures.push_back(signer_->sign(owner.bytes(), set, soa[0].ttl, ttl));
  if (carried_)
    sets.signatures.push_back(carried_signatures(owner.bytes(), group.of(type::rrsig), type::soa, ttl));
  names_.set_negative_soa(zone_, names_.add_side_node({owner.bytes(), zone_, Node::not_decided, Node::apex,
                                                       sets.sets, sets.signatures}));
}

// Different TTLs in one set are against RFC 2181 section 5.2; the lowest serves everybody.
void Freezer::add_set(const Name& owner, const std::vector<Record>& set, Sets& sets, Sign sign,
                      std::span<const Record> carried, std::span<const Glue> glue) {
  const auto lowest = std::min_element(set.begin(), set.end(),
                                       [](const Record& a, const Record& b) { return a.ttl < b.ttl; });
  const uint32_t ttl = lowest->ttl;
  sets.sets.push_back(render(owner.bytes(), set, ttl, glue));
  if (sets.sets.back().bytes.empty())
    complain(records_.describe(set[0].place),
             fmt::format("{} has {} records of type {} with {} bytes, of which {} fit into a message beside "
                         "question, signatures and EDNS options: write fewer",
                         owner.to_text(), set.size(), type_text(set[0].type), size_of(set), set_size_max));
  if (signing_ && sign == Sign::yes && ttl > signing_->ttl_max)
    complain(records_.describe(lowest->place),
             fmt::format("{} has a TTL of {} s, above the zone's dnssec.zone_ttl_max of {} s, write less",
                         owner.to_text(), ttl, signing_->ttl_max));
  if (signer_ == nullptr && !carried_) return;
  sets.signatures.emplace_back();
  if (sign == Sign::no) return;
  if (carried_) {
    sets.signatures.back() = carried_signatures(owner.bytes(), carried, set[0].type, ttl);
    return;
  }
  sets.signatures.back() = signer_->sign(owner.bytes(), set, ttl, ttl);
}

/// Where an answer that denies has to be made for the query, there is nothing to prepare.
void Freezer::add_denial(const Name& owner, Sets& sets) {
  if (signer_ != nullptr && signer_->has_nsec() && !is_wildcard(owner.bytes()))
    signer_->add_denial(owner.bytes(), sets.sets, sets.signatures, false);
}

std::vector<Glue> Freezer::glue_for(const Group& cut) {
  std::vector<Glue> glue;
  const Name owner = owner_name(cut.owner());
  LostCut lost{std::string(cut.owner()), {}, {}};
  bool reachable = cut.has(type_zone_begins);
  for (const Record& ns : cut.of(type::ns)) {
    const Name target{NameBytes(ns.data)};
    const bool found = add_addresses(target, glue);
    const bool below = is_at_or_below(target.bytes(), owner.bytes());
    if (!found && below)
      complain(
          records_.describe(ns.place),
          fmt::format("{} is delegated to {}, which lies below the delegation, write its address here (glue)",
                      owner.to_text(), target.to_text()));
    reachable = reachable || found || below || !is_here(target) || look_up(target).has_address;
    lost.place = ns.place;
    if (!reachable) lost.servers.push_back(target);
  }
  if (!reachable) lost_cuts_.push_back(std::move(lost));
  return glue;
}

bool Freezer::add_addresses(const Name& target, std::vector<Glue>& glue) {
  if (!is_here(target)) return false;
  const size_t first = records_.find(owner_key(target.bytes()));
  if (first == records_.size()) return false;
  bool found = false;
  Group(records_, first).each_set([&](const std::vector<Record>& set) {
    found = found || is_address(set[0].type) || set[0].type == type_decided;
    if (!is_address(set[0].type)) return;
    for (const Record& r : set) glue.push_back({target, r.type, r.ttl, r.data});
  });
  return found;
}

}  // namespace

void freeze_zone(const Records& records, uint32_t zone, NamesBuilder& names, Problems& problems,
                 const std::optional<Signing>& signing) {
  Freezer(records, zone, names, problems, signing).run();
}

}  // namespace popnet::dns
