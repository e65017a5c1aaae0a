// What a catalog zone (RFC 9432) says: which zones there are. Pure.
#pragma once

#include <vector>

#include "common/result.h"
#include "dns/zone/records.h"

namespace popnet::dns {

inline constexpr size_t catalog_members_max = 10'000;

/// The member zones. ErrorCode::invalid if the catalog is broken (section 5.1) or has too many: then nothing of it counts. `catalog`: sorted.
Result<std::vector<Name>> read_catalog(const Records& catalog);

}  // namespace popnet::dns
