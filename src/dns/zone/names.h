// Everything popnet answers for, frozen for lookup: every name of every zone, with its answers rendered ahead
// of time.
//
//   slots (open addressing)      arena (one block of bytes)
//   ┌──────┬─────────┐           ┌──────┬──────┬──────────────┬────────────────────────────┐
//   │ tag  │ node ───┼─────────> │ head │ name │ RRset heads  │ rendered records, pointers │ … next node
//   ├──────┼─────────┤           └──────┴──────┴──────────────┴────────────────────────────┘
//   │ …    │         │
//
// A name is found with one probe of the table (its hash comes with the query) and one comparison; a node's
// parts lie together, so that a static answer is two cache misses and one memcpy. Names that exist only
// because something stands below them (empty non-terminals, RFC 4592 section 2.2.2) have nodes without
// records. Names below a delegation have none: their addresses live on as glue in the rendered referral.
//
// Nodes of a signed zone have a second head for each set: its RRSIG records, rendered alike (none for glue
// and for the NS records of a delegation). What a wildcard owns is signed under the names it makes, so its
// second heads hold what such signatures are made of: the set's CanonicalData. Names that exist have their
// NSEC set ready, except wildcards and decided names, whose types depend on the query.
//
// A zone that comes signed (carried.h) has the RRSIG records that it brought as second heads, of wildcards too, and its
// denials in an order to search: its NSEC sets stand in their owners' nodes, its NSEC3 sets in nodes beside the table.
//
// Built by make_names(); immutable after that; read by any number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "common/huge_pages.h"
#include "dns/sign/nsec3.h"
#include "dns/sign/signer.h"
#include "dns/wire/name.h"
#include "model/config.h"

namespace popnet::dns {

struct ZoneVersion;

/// Records of one owner and type in wire form, rendered as if the message began with a question for
/// `owner_size` bytes of owner name: compression pointers mean places in that message. append() moves them to
/// where the records really go.
struct RRset {
  uint16_t type = 0;
  uint16_t records = 0;     // 0 = no such set
  uint16_t additional = 0;  // of a delegation's NS set: glue records that follow the others in `bytes`
  uint16_t owner_size = 0;
  uint16_t index = 0;  // in its node
  uint16_t pointer_count = 0;
  const uint8_t* pointers = nullptr;  // offsets of compression pointers in `bytes`, two bytes each
  std::span<const uint8_t> bytes;

  explicit operator bool() const { return records != 0; }
  /// Of its first record. REQUIRES: not empty
  [[nodiscard]] uint32_t ttl() const {
    return uint32_t{bytes[6]} << 24 | uint32_t{bytes[7]} << 16 | uint32_t{bytes[8]} << 8 | bytes[9];
  }
};

/// Of signed zones, where a proof stands between a delegation's NS records and its glue: the glue, as a set
/// without records but with additional ones.
inline constexpr uint16_t type_glue = 0;

/// Writes the records for the owner that stands at `owner_offset` of the message, `owner_size` bytes long:
/// the owner they were rendered for, or a name that its wildcard covers. Leaves `out` failed when they do not
/// fit.
void append(ByteWriter& out, const RRset& set, size_t owner_offset, size_t owner_size);

/// A name's entry. A borrowed view into the arena of its Names.
class Node {
 public:
  static constexpr uint32_t not_decided = UINT32_MAX;
  enum Flag : uint8_t {
    cut = 1,           // a delegation: NS here belongs to somebody else, nothing below is ours
    has_wildcard = 2,  // "*" stands directly below
    has_dname = 4,
    apex = 8,
    is_signed = 16,
    unavailable = 32,  // the apex of a zone that we should have, but have no data of (any more)
  };
  struct Head {
    uint32_t zone;
    uint32_t decided;  // index for Names::decided(), or not_decided
    uint16_t rrsets;
    uint8_t name_size;
    uint8_t flags;
  };
  struct RRsetHead {
    uint16_t type, records, additional, pointers;
    uint32_t size;    // of the rendered records
    uint32_t offset;  // of the rendered records from the node's start; the pointers follow them
  };

  Node() = default;
  explicit Node(const uint8_t* at) : at_(at) { std::memcpy(&head_, at, sizeof head_); }
  [[nodiscard]] bool has(Flag flag) const { return (head_.flags & flag) != 0; }
  [[nodiscard]] uint32_t zone() const { return head_.zone; }
  [[nodiscard]] uint32_t decided() const { return head_.decided; }
  [[nodiscard]] size_t rrsets() const { return head_.rrsets; }
  [[nodiscard]] NameBytes name() const { return {at_ + sizeof(Head), head_.name_size}; }
  /// The set of that type; empty if there is none.
  [[nodiscard]] RRset find(uint16_t type) const {
    for (size_t i = 0; i < head_.rrsets; ++i) {
      uint16_t here;
      std::memcpy(&here, heads() + sizeof(RRsetHead) * i, sizeof here);
      if (here == type) return rrset(i);
    }
    return {};
  }
  /// REQUIRES: index < rrsets()
  [[nodiscard]] RRset rrset(size_t index) const {
    RRsetHead h;
    std::memcpy(&h, heads() + sizeof(RRsetHead) * index, sizeof h);
    const uint8_t* bytes = at_ + h.offset;
    const auto number = static_cast<uint16_t>(index);
    return {h.type, h.records,  h.additional,   head_.name_size,
            number, h.pointers, bytes + h.size, {bytes, h.size}};
  }
  /// The second head of a set of this node: its RRSIG records, or of a wildcard what they are made of.
  /// REQUIRES: has(is_signed)
  [[nodiscard]] RRset signature(const RRset& set) const { return rrset(head_.rrsets + size_t{set.index}); }

 private:
  [[nodiscard]] const uint8_t* heads() const { return at_ + sizeof(Head) + head_.name_size; }

  const uint8_t* at_ = nullptr;
  Head head_{};
};

/// How a name stands to our zones.
enum class MatchKind : uint8_t {
  not_ours,    ///< in no zone of ours
  exact,       ///< the node is the name's own
  wildcard,    ///< the node is the wildcard that makes the name (RFC 4592)
  delegation,  ///< the node is the cut at or above the name
  dname,       ///< the node is above the name and renames all below it (RFC 6672)
  missing,     ///< the node is the closest encloser: the longest existing name above
};

struct Match {
  MatchKind kind = MatchKind::not_ours;
  uint8_t at =
      0;  // how many bytes of the name stand before the node's own name; for a wildcard, before its parent's
  Node node;
};

/// A hostname whose addresses are decided query by query.
struct DecidedName {
  static constexpr uint32_t no_site = UINT32_MAX;
  model::Hostname host;     // without its chain, which the map has
  uint32_t site = no_site;  // index into Config::sites; no_site: the content hostname that all sites share
  uint32_t ttl_max = 0;     // seconds: the longest that its answers may have
};

/// The NSEC or NSEC3 records that a zone has brought, as places of their nodes in the arena.
struct Denials {
  struct Hashed {
    sign::NameHash hash;
    uint32_t node;
  };
  bool hashed = false;
  uint16_t rounds = 0;
  std::vector<uint8_t> salt;
  std::vector<uint32_t> by_name;  // in canonical order
  std::vector<Hashed> by_hash;    // in order
};

/// Until when a zone that is fetched may be served, in seconds since 1970: moves on whenever a primary confirms it.
using Expiry = std::shared_ptr<const std::atomic<int64_t>>;

class Names {
 public:
  [[nodiscard]] Match find(const Name& name) const;
  /// Asks the processor to fetch what find() will read first for a name of this hash.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  /// And when that is there: what it leads to.
  void prefetch_node(uint64_t hash) const {
    const Slot& slot = slots_[hash & mask_];
    if (slot.node != none) __builtin_prefetch(at(slot.node));
  }

  [[nodiscard]] const DecidedName& decided(uint32_t index) const { return decided_[index]; }
  /// The zone's SOA as negative answers carry it: its TTL is the lower of its own and MINIMUM (RFC 2308
  /// section 3).
  /// It is the only set of this node.
  [[nodiscard]] Node negative_soa(uint32_t zone) const { return Node(at(zones_[zone].negative_soa)); }
  /// The name of the zone's apex.
  [[nodiscard]] NameBytes zone_name(uint32_t zone) const { return negative_soa(zone).name(); }
  /// Null if the zone is not signed here.
  [[nodiscard]] const sign::ZoneSigner* signer(uint32_t zone) const { return zones_[zone].signer.get(); }
  /// Null unless the zone has come signed.
  [[nodiscard]] const Denials* denials(uint32_t zone) const { return zones_[zone].denials.get(); }
  [[nodiscard]] bool is_signed(uint32_t zone) const {
    return signer(zone) != nullptr || denials(zone) != nullptr;
  }
  /// Of a zone that has come signed with NSEC: the last name that has one, up to this name itself. REQUIRES: at or below the
  /// apex, in lower case
  [[nodiscard]] Node nsec_at_or_before(const Denials& denials, NameBytes name) const;
  /// The same by hashes; the last one is before the first.
  struct HashFound {
    Node node;
    bool matches;
  };
  [[nodiscard]] HashFound nsec3_at_or_before(const Denials& denials, NameBytes name) const;
  /// What transfers of the zone send; null if nobody may fetch it.
  [[nodiscard]] const std::shared_ptr<const ZoneVersion>& version(uint32_t zone) const {
    return zones_[zone].version;
  }
  /// Null if the zone is not fetched.
  [[nodiscard]] const std::atomic<int64_t>* expiry(uint32_t zone) const { return zones_[zone].expiry.get(); }
  /// What the parent zone, if it is ours too, holds at this zone's apex: the node of the delegation, for DS
  /// queries (RFC 4035 section 3.1.4.1). False if there is none.
  [[nodiscard]] bool parent_side(uint32_t zone, Node& node) const;

  /// Of the Config this was made from.
  [[nodiscard]] uint64_t config_generation() const { return config_generation_; }
  [[nodiscard]] size_t zone_count() const { return zones_.size(); }
  [[nodiscard]] size_t name_count() const { return name_count_; }
  [[nodiscard]] size_t memory() const { return arena_.size() + slots_.size() * sizeof(Slot); }

 private:
  friend class NamesBuilder;
  static constexpr size_t unit = 4;  // nodes begin at multiples of this, so that 32 bits reach 16 GiB
  static constexpr uint32_t none = UINT32_MAX;
  struct Slot {
    uint32_t tag;          // upper half of the name's hash
    uint32_t node = none;  // in units from the arena's start
  };
  struct Zone {
    uint32_t negative_soa = none;
    uint32_t parent_side = none;
    std::shared_ptr<const sign::ZoneSigner> signer;
    std::shared_ptr<const Denials> denials;
    std::shared_ptr<const ZoneVersion> version;
    Expiry expiry;
  };

  [[nodiscard]] const uint8_t* at(uint32_t node) const { return arena_.data() + size_t{node} * unit; }
  [[nodiscard]] uint32_t find_exact(NameBytes name, uint64_t hash) const;
  [[nodiscard]] Match find_above(NameBytes name, size_t labels) const;

  BigVector<Slot> slots_;  // a power of two
  size_t mask_ = 0;
  BigVector<uint8_t> arena_;
  std::vector<Zone> zones_;
  std::vector<DecidedName> decided_;
  size_t name_count_ = 0;
  size_t labels_max_ = 0;  // of all names; bounds the search for an encloser
  uint64_t config_generation_ = 0;
};

}  // namespace popnet::dns
