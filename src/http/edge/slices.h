// Huge objects, fetched and stored in slices of one size.
//
//   head     an object without body under the object's own key: status, fields, freshness, tags, StoredMeta::slice and
//            series; its content_length is that of the whole
//   slices   objects that are nothing but a body, under  key NUL series NUL number
//
// A series is drawn when a head is made from an answer of the origin; a 304 keeps it. So whatever takes the head away (a
// purge of any kind, another version, an unsafe method) takes all its slices with it, and slices of two versions
// never meet. A slice is only taken from an origin that says that it is of the head's version: If-Range, and
// validators, place and size in the answer (RFC 9110 section 15.3.7.3). Slices without a head are evicted by and by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/edge/stored.h"
#include "http/edge/view.h"
#include "http/wire/fields.h"
#include "http/wire/range.h"

namespace popnet::http {

/// Of what is asked for on this route; 0 = it is not fetched in slices.
uint64_t slice_size(const Route& route);

/// In which slice the bytes begin that the request wants; 0 where that depends on the size of the object.
uint64_t first_slice(const Fields& request, uint64_t size);

/// The bytes of one slice, of an object of `whole` bytes (UINT64_MAX: not known). REQUIRES: some of it lies within
ByteRange slice_range(uint64_t slice, uint64_t size, uint64_t whole);

std::string slice_key(std::string_view object_key, uint64_t series, uint64_t slice);
/// What the keys of all slices of that object begin with; of a key without port also those of the same URL with one
/// (policy/key.h), and of theirs.
std::string slice_key_prefix(std::string_view object_key);

/// A range that can be asked for as it is: one, and not "from the first byte to the end", which is the whole.
bool asks_for_part(const Fields& request);

}  // namespace popnet::http
