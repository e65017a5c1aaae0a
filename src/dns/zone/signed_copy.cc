#include "dns/zone/signed_copy.h"

#include <algorithm>
#include <iterator>

#include "dns/sign/canonical.h"
#include "dns/sign/nsec3.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

namespace {

bool is_mark(uint16_t type) {
  return type == type_decided || type == type_zone_begins;
}

/// A name of the chain.
struct Link {
  OwnerKey owner;
  std::vector<uint16_t> types;
  bool has_signatures = false;
  bool decided = false;
  sign::NameHash hash{};
};

class CopySigner {
 public:
  CopySigner(const Records& records, const sign::ZoneSigner& signer, sign::SignatureStore& store,
             sign::Seconds now, bool with_decided)
      : records_(records),
        signer_(signer),
        store_(store),
        now_(now),
        with_decided_(with_decided),
        apex_(owner_key(records.apex().bytes())),
        copy_{Records(records.apex(), ""), {}} {}

  SignedCopy make() {
    for (size_t i = 0; i < records_.size();) i = add_owner(i);
    signer_.denial() == model::Denial::nsec3 ? chain_hashes() : chain_names();
    copy_.records.sort();
    return std::move(copy_);
  }

 private:
  size_t add_owner(size_t begin);
  void add_set(const Name& owner, std::span<const Record> set, bool is_signed);
  void sign(const Name& owner, uint16_t type, uint32_t ttl, std::span<const uint8_t> canonical);
  void chain_names();
  void chain_hashes();
  void add_empty_names();
  void add_denial(const Link& link, const Name& owner, std::vector<uint8_t> head);

  const Records& records_;
  const sign::ZoneSigner& signer_;
  sign::SignatureStore& store_;
  const sign::Seconds now_;
  const bool with_decided_;
  const std::string apex_;
  SignedCopy copy_;
  std::vector<Link> links_;  // in the order of keys
  uint32_t denial_ttl_ = 0;
  OwnerKey covered_by_;  // what lies below is not ours to sign; valid if is_covered_
  bool is_covered_ = false;
};

/// Copies the records of one owner; where the next one's begin.
size_t CopySigner::add_owner(size_t begin) {
  const OwnerKey key = records_[begin].owner;
  const Name owner = owner_name(key);
  is_covered_ = is_covered_ && key.starts_with(covered_by_);
  Link link;
  link.owner = key;
  std::vector<std::vector<Record>> sets;
  size_t end = begin;
  for (; end < records_.size() && records_[end].owner == key; ++end) {
    const Record record = records_[end];
    link.decided = link.decided || (record.type == type_decided && with_decided_);
    if (is_mark(record.type)) continue;
    if (sets.empty() || sets.back()[0].type != record.type) sets.emplace_back();
    sets.back().push_back(record);
  }
  const auto has = [&](uint16_t type) {
    return std::ranges::any_of(sets, [&](const auto& set) { return set[0].type == type; });
  };
  const bool cut = key != apex_ && has(type::ns);
  for (const auto& set : sets) {
    const uint16_t type = set[0].type;
    const bool is_signed = !is_covered_ && (!cut || type == type::ds);
    add_set(owner, set, is_signed);
    if (is_signed || (cut && type == type::ns)) link.types.push_back(type);
    link.has_signatures = link.has_signatures || is_signed;
  }
  if (!is_covered_ && (!link.types.empty() || link.decided)) links_.push_back(std::move(link));
  if (!is_covered_ && (cut || has(type::dname))) {
    covered_by_ = key;
    is_covered_ = true;
  }
  return end;
}

/// With one TTL, the lowest, as the set is served.
void CopySigner::add_set(const Name& owner, std::span<const Record> set, bool is_signed) {
  const uint16_t type = set[0].type;
  const auto before = [](const Record& a, const Record& b) { return a.ttl < b.ttl; };
  const uint32_t ttl = std::ranges::min_element(set, before)->ttl;
  sign::CanonicalData canonical(type);
  for (const Record& record : set) {
    copy_.records.add(owner, type, ttl, record.data, {});
    canonical.add(record.data);
  }
  if (is_signed) sign(owner, type, ttl, canonical.finish());
  if (type != type::soa) return;
  uint32_t minimum = 0;
  for (const uint8_t byte : set[0].data.last(4)) minimum = minimum << 8 | byte;
  denial_ttl_ = std::min(ttl, minimum);  // RFC 9077
}

void CopySigner::sign(const Name& owner, uint16_t type, uint32_t ttl, std::span<const uint8_t> canonical) {
  for (const auto& rrsig : signer_.sign({owner.bytes(), type, ttl, canonical}, now_, store_))
    copy_.records.add(owner, type::rrsig, ttl, rrsig, {});
}

void CopySigner::chain_names() {
  std::ranges::sort(links_, [](const Link& a, const Link& b) { return comes_before(a.owner, b.owner); });
  for (size_t i = 0; i < links_.size(); ++i) {
    const Name next = owner_name(links_[(i + 1) % links_.size()].owner);
    add_denial(links_[i], owner_name(links_[i].owner), {next.bytes().begin(), next.bytes().end()});
  }
}

void CopySigner::chain_hashes() {
  add_empty_names();
  for (Link& link : links_) link.hash = sign::hash_for_nsec3(owner_name(link.owner).bytes());
  std::ranges::sort(links_, [](const Link& a, const Link& b) { return a.hash < b.hash; });
  for (size_t i = 0; i < links_.size(); ++i) {
    uint8_t room[1 + sign::hash_label_size + name_size_max];
    ByteWriter owner(room);
    sign::write_hash_label(owner, links_[i].hash);
    owner.bytes(records_.apex().bytes());
    uint8_t head_room[32];
    ByteWriter head(head_room);
    sign::write_nsec3_head(head, links_[(i + 1) % links_.size()].hash);
    add_denial(links_[i], Name(owner.written()), {head.written().begin(), head.written().end()});
  }
}

/// Names that are there because something stands below them. In the order of keys a name comes right before those below it.
void CopySigner::add_empty_names() {
  std::vector<Link> empty;
  const size_t apex_labels = count_key_labels(apex_);
  OwnerKey last;
  for (const Link& link : links_) {
    const size_t all = count_key_labels(link.owner);
    for (size_t labels = apex_labels + 1; labels < all; ++labels) {
      const OwnerKey above = first_labels(link.owner, labels);
      if (!last.starts_with(above)) empty.emplace_back().owner = above;
    }
    last = link.owner;
  }
  links_.insert(links_.end(), std::make_move_iterator(empty.begin()), std::make_move_iterator(empty.end()));
}

void CopySigner::add_denial(const Link& link, const Name& owner, std::vector<uint8_t> head) {
  if (link.decided) {
    copy_.decided.push_back({owner_name(link.owner), owner, std::move(head), link.types, denial_ttl_});
    return;
  }
  const uint16_t type = signer_.denial() == model::Denial::nsec3 ? type::nsec3 : type::nsec;
  const auto data = denial_data(head, link.types, signer_.denial(), link.has_signatures);
  copy_.records.add(owner, type, denial_ttl_, data, {});
  sign::CanonicalData canonical(type);
  canonical.add(data);
  sign(owner, type, denial_ttl_, canonical.finish());
}

}  // namespace

SignedCopy sign_copy(const Records& records, const sign::ZoneSigner& signer, sign::SignatureStore& store,
                     sign::Seconds now, bool with_decided) {
  return CopySigner(records, signer, store, now, with_decided).make();
}

std::vector<uint8_t> denial_data(const std::vector<uint8_t>& head, const std::vector<uint16_t>& types,
                                 model::Denial denial, bool has_signatures) {
  sign::TypeSet set;
  for (const uint16_t type : types) set.add(type);
  // An NSEC record is signed itself, at the name; an NSEC3 record stands elsewhere.
  if (has_signatures || denial == model::Denial::compact) set.add(type::rrsig);
  if (denial == model::Denial::compact) set.add(type::nsec);
  std::vector<uint8_t> data(head.size() + sign::bitmap_size_max);
  ByteWriter out(data);
  out.bytes(head);
  set.write(out);
  data.resize(out.size());
  return data;
}

}  // namespace popnet::dns
