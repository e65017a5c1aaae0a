// A place on earth.
#pragma once

#include <compare>

namespace popnet::model {

/// Degrees, WGS 84.
struct GeoPoint {
  double latitude = 0;   // -90 .. 90, north positive
  double longitude = 0;  // -180 .. 180, east positive
  auto operator<=>(const GeoPoint&) const = default;
};

}  // namespace popnet::model
