// Parts of objects (206) in the store. Those of one version lie side by side under the object's key, each with fields and
// freshness of its own (stays_beside()). What an origin sends is joined with those that it touches (RFC 9111 section
// 3.4): where somebody asks for the whole and the rest is fetched, else as long as no more than joined_max is
// copied, so that many small ranges become few objects. Parts of which it is open how large the whole is are used with those
// that know it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "http/policy/joining.h"
#include "http/store/store.h"
#include "http/wire/range.h"

namespace popnet::http {

struct Scratch;

inline constexpr uint64_t joined_max = 1 << 20;

/// Which version of which object.
struct PartsOf {
  Key key;
  std::string_view variant;
  std::string_view validator;  // a strong one
  uint64_t whole = 0;          // bytes, or ContentRange::open: only those that do not know it
};
/// The complete ones, newest first. Uses the scratch's fields. REQUIRES: the calling thread's Epoch::Reader is online
std::vector<ObjectRef> stored_parts(Scratch& scratch, const Store& store, const PartsOf& of, WallTime now);

/// How large the whole of them is; ContentRange::open: none knows it. REQUIRES: of one version
uint64_t whole_of(std::span<const ObjectRef> parts);

/// What is to be asked for to make the whole of them. REQUIRES: of one version
std::optional<ByteRange> missing_range(std::span<const ObjectRef> parts);

/// How what comes is joined with them. `whole`: bytes. `for_whole`: it was asked for to make that.
JoinPlan plan_join(std::span<const ObjectRef> parts, const ByteRange& comes, uint64_t whole, bool for_whole);

}  // namespace popnet::http
