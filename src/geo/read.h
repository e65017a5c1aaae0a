// Reads a MaxMind DB file (https://maxmind.github.io/MaxMind-DB/, version 2) whole into a GeoNetworks value: of
// every network its continent, country, outermost subdivision and coordinates, as the GeoIP2 and GeoLite2 Country and City
// databases have them, and all that follow their form.
//
// Networks of IPv4 stand in ::/96 of the file; what aliases them (::ffff:0:0/96, 2002::/16, …) is left out.
// Takes about a second for each million networks; not for hot threads.
//
// Errors: ErrorCode::invalid with the reason: not such a file, damaged, or without countries.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "model/geo.h"

namespace popnet::geo {

Result<std::shared_ptr<const model::GeoNetworks>> read(const std::string& path);

}  // namespace popnet::geo
