// POPs ranked by distance alone, for all client networks that a GeoIP database locates: what is known of a client
// before anybody has measured it. Millions of networks are at some ten thousand places, and those at one place share a ranking.
// Made once for each config; immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/geo_point.h"
#include "routing/map.h"
#include "routing/network_table.h"

namespace popnet::routing {

class PlaceRankings {
 public:
  /// `networks`: to numbers of places, 0 = not located. `rankings`: one behind the other, that of number 0 (nothing
  /// known) first. `locations`: by number.
  PlaceRankings(NetworkTable networks, std::vector<RankedPop> rankings, size_t length,
                std::vector<std::optional<model::GeoPoint>> locations)
      : networks_(std::move(networks)),
        rankings_(std::move(rankings)),
        length_(length),
        locations_(std::move(locations)) {}

  /// No allocation.
  [[nodiscard]] ClientTable::Found find(const IpAddress& client) const {
    const auto found = networks_.find(client);
    return {std::span(rankings_).subspan(found.value * length_, length_), found.scope};
  }
  /// Where the whole network is; nothing when it is not known, or lies at several places.
  [[nodiscard]] std::optional<model::GeoPoint> location(const Prefix& network) const {
    const auto found = networks_.find(network.address());
    if (found.scope > network.length()) return std::nullopt;
    return locations_[found.value];
  }

 private:
  NetworkTable networks_;
  std::vector<RankedPop> rankings_;
  size_t length_;
  std::vector<std::optional<model::GeoPoint>> locations_;
};

}  // namespace popnet::routing
