// What an order to purge means to this node: whose the URL is, what its objects are stored under, which tags.
#pragma once

#include <span>

#include "common/result.h"
#include "http/edge/view.h"
#include "http/store/store.h"
#include "http/wire/head.h"
#include "model/report.h"

namespace popnet::http {

/// Carries it out. Scheme, port, case and final dot of a URL's host make no difference: what is stored of it under any
/// port goes. `ports`: at which requests arrive here, as far as they are parts of keys. Nothing stored under it is no
/// error. ErrorCode::invalid for what is no order, not_found when no site answers for it. Any thread.
Status carry_out(const model::PurgeOrder& order, const Sites& sites, Store& store,
                 std::span<const uint16_t> ports);

/// What a PURGE request for that site orders: what has one of the tags that it names (Surrogate-Key, Cache-Tag),
/// else all that begins with its URL if that ends with "*", else its URL. `Soft-Purge: 1` only makes stale.
Result<model::PurgeOrder> read_purge(const RequestHead& request, const model::Site& site);

}  // namespace popnet::http
