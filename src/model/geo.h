// Which networks are where, as a GeoIP database says: what `continents`, `countries` and `subdivisions` of
// chains are held against, and how far POPs are from clients that nobody has measured. A plain value; geo/read.h makes it from a MaxMind DB file.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.h"
#include "model/geo_point.h"

namespace popnet::model {

/// Empty where the database does not say.
struct GeoPlace {
  std::string continent;    // "EU": as in the database
  std::string country;      // "NL": ISO 3166-1, two letters
  std::string subdivision;  // "NL-NH": ISO 3166-2, the outermost
  std::optional<GeoPoint> location = {};
  auto operator<=>(const GeoPlace&) const = default;
};

struct GeoNetworks {
  struct Entry {
    Prefix network;
    uint32_t place = 0;  // index into places
  };
  std::vector<GeoPlace> places;
  std::vector<Entry>
      networks;  // disjoint, in order of address; networks of which nothing is known are left out
};

/// Where an address is; null when that is not known.
inline const GeoPlace* find_place(const GeoNetworks& geo, const IpAddress& address) {
  const auto behind = std::upper_bound(
      geo.networks.begin(), geo.networks.end(), address,
      [](const IpAddress& a, const GeoNetworks::Entry& entry) { return a < entry.network.address(); });
  if (behind == geo.networks.begin() || !std::prev(behind)->network.contains(address)) return nullptr;
  return &geo.places[std::prev(behind)->place];
}

}  // namespace popnet::model
