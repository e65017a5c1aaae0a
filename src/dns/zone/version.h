// What transfers send: the records of one version of a zone, and what has changed from versions before (RFC 5936, RFC 1995).
// Only zones that somebody may fetch are kept like this, beside the frozen names that queries read.
//
// ZoneHistory remembers the versions from load to load. A new serial number makes a difference that incremental transfers
// send; together the differences kept are smaller than the zone itself (RFC 1995 section 5), and no more than a hundred.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/zone/records.h"
#include "dns/zone/signed_copy.h"
#include "model/config.h"

namespace popnet::dns {

/// Later than, in the circle of serial numbers (RFC 1982 section 3.2).
inline bool is_later(uint32_t serial, uint32_t than) {
  return serial != than && static_cast<int32_t>(serial - than) > 0;
}
/// The numbers that a SOA record's data ends with; the first is the serial number.
inline constexpr size_t soa_numbers_size = 20;
/// The serial number in a SOA record's data; 0 if it is too short.
uint32_t serial_of(std::span<const uint8_t> soa_data);
/// A record that is sent: not one that popnet marks names with.
inline bool is_sent(uint16_t type) {
  return type != type_decided && type != type_zone_begins;
}

/// What a signer has put into a zone.
bool is_of_a_signer(uint16_t type);

/// From one version to the next. Both sides have their SOA.
struct ZoneDelta {
  uint32_t from = 0, to = 0;
  Records removed, added;
};

/// How the rest of a copy is signed that popnet signs: at the moment it is sent.
struct CopySigning {
  std::shared_ptr<const sign::ZoneSigner> signer;
  std::vector<DecidedOwner> decided;  // instead of ZoneVersion::decided
};

/// Immutable. `records` are sorted and have one SOA record.
struct ZoneVersion {
  Records records;
  uint32_t serial = 0;
  model::Transfer options;
  std::vector<Name> decided;                             // names whose addresses are decided
  std::vector<std::shared_ptr<const ZoneDelta>> deltas;  // the last one leads here
  // Serial numbers up to this one may stand for other records too: the number did not grow when the records changed. Who has
  // such a version has what nobody knows, and no difference begins there (RFC 1995 section 2).
  std::optional<uint32_t> reused_until;
  std::shared_ptr<const CopySigning> signing;  // null unless it is signed here
};

class ZoneHistory {
 public:
  /// Takes a zone as it has been read. `records`: sorted. In force after commit(). Of versions that are signed here there are
  /// no differences: another node, or this one before a restart, has other signatures in the version of that number.
  std::shared_ptr<const ZoneVersion> add(Records records, const model::Transfer& options,
                                         std::vector<Name> decided,
                                         std::shared_ptr<const CopySigning> signing = nullptr);
  /// Nothing that was added since the last commit() counts.
  void drop() { fresh_.clear(); }

  /// A zone whose records changed, but whose serial number did not grow.
  struct Unnoticed {
    std::string zone;
    uint32_t before = 0;  // its serial number
    uint32_t now = 0;
  };
  struct Changes {
    std::vector<std::shared_ptr<const ZoneVersion>> changed;  // new, or with a later serial number
    std::vector<Unnoticed> unnoticed;
  };
  /// What was added since the last commit() is all there is.
  Changes commit();

 private:
  using Zones = std::map<std::string, std::shared_ptr<const ZoneVersion>>;  // by owner key of the apex
  Zones zones_, fresh_;
};

}  // namespace popnet::dns
