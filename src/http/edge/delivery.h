// What of a stored object one request gets: all of it, a part, or the news that it has not changed
// (RFC 9110 sections 13 and 14, RFC 9111 sections 3.3 and 4.3.2).
#pragma once

#include <optional>

#include "http/edge/answer.h"
#include "http/edge/worker.h"
#include "http/wire/head.h"
#include "http/wire/range.h"

namespace popnet::http {

/// Can this object answer the request? Whole ones always; a stored part where the request asks for bytes of
/// it. Uses scratch.fields.
bool suits(Scratch& scratch, const Object& object, const RequestHead& request, WallTime now);

/// Fills status, lines, body, first, length and content_range of an answer made from the object. Uses
/// scratch.fields, head and range, which the answer then borrows. `choose`: conditions and ranges are ours to
/// judge; false where they were the origin's.
void deliver_object(Scratch& scratch, const Object& object, const RequestHead& request, bool choose,
                    WallTime now, Answer& answer);

/// Writes the answer's Location as it is under that prefix of that host (policy/location.h). Uses scratch.fields and head.
void put_under_prefix(Scratch& scratch, std::string_view host, std::string_view prefix, Answer& answer);

/// What the request wants of an object of which parts with these validators are stored; none: not a part. Uses scratch.fields.
std::optional<ByteRange> wanted_of_parts(Scratch& scratch, const Object& part, const RequestHead& request,
                                         WallTime now);
/// deliver_object() for that range of so large a whole, which several parts have together: `first` is the one that it begins in.
void deliver_parts(Scratch& scratch, const Object& first, const ByteRange& range, uint64_t whole,
                   const RequestHead& request, WallTime now, Answer& answer);

}  // namespace popnet::http
