// What an order to purge means to this node: whose the URL is, what its objects are stored under, which tags.
#pragma once

#include "common/result.h"
#include "http/edge/view.h"
#include "http/store/store.h"
#include "http/wire/head.h"
#include "model/report.h"

namespace popnet::http {

/// Carries it out. Scheme, port, case and final dot of a URL's host make no difference; nothing stored under it
/// is no error. ErrorCode::invalid for what is no order, not_found when no site answers for it. Any thread.
Status carry_out(const model::PurgeOrder& order, const Sites& sites, Store& store);

/// What a PURGE request for that site orders: what has one of the tags that it names (Surrogate-Key, Cache-Tag),
/// else all that begins with its URL if that ends with "*", else its URL. `Soft-Purge: 1` only makes stale.
Result<model::PurgeOrder> read_purge(const RequestHead& request, const model::Site& site);

}  // namespace popnet::http
