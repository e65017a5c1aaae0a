// Conditional requests, both ways (RFC 9110 section 13, RFC 9111 section 4.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/time.h"
#include "http/wire/fields.h"
#include "http/wire/head.h"

namespace popnet::http {

/// What a stored response can be compared by. Views into its fields.
struct Validators {
  std::string_view etag;                       // empty = none; as sent, parse_entity_tag() reads it
  std::string_view last_modified;              // empty = none; as sent
  std::optional<WallTime> last_modified_time;  // parsed
  std::optional<WallTime> date;

  [[nodiscard]] bool any() const { return !etag.empty() || last_modified_time.has_value(); }
};
Validators read_validators(const Fields& stored, WallTime now);

/// Has the client what is stored already: 304? By its If-None-Match, else If-Modified-Since (RFC 9111 section 4.3.2), against a
/// stored 200 response. (If-Range: plan_range.) `now` resolves two-digit years.
bool is_not_modified(const RequestHead& request, const Validators& stored, WallTime now);

/// If-Match and If-Unmodified-Since are for an origin to evaluate, never for a cache (RFC 9111 section 4.3.2): such a
/// request goes there.
bool has_conditions_for_origin(const Fields& request);

/// The fields that turn a fill into a validation of the stored response: If-None-Match and, where there is a
/// date, If-Modified-Since. Adds nothing (returns false) when there is no validator. `out` borrows from
/// `stored`.
bool add_validation(const Validators& stored, Fields& out);

/// Does this 304 speak of that stored response? (RFC 9111 section 4.3.4: a strong validator must match;
/// without one, the weak ones.) `now`: for dates with two digits of the year.
bool confirms(const Fields& not_modified, const Fields& stored, WallTime now);

/// Does this 200 to a HEAD speak of the stored response to a GET? (RFC 9111 section 4.3.5.)
enum class HeadSpeaksOf : uint8_t {
  stored,   ///< a validator that both have is the same, and nothing differs
  other,    ///< a validator or the length differs
  unknown,  ///< it has no validator: whatever was made since may be as long
};
HeadSpeaksOf head_speaks_of(const Fields& head, const Fields& stored, std::optional<uint64_t> stored_length);

/// The stored fields as a 304, a 200 to HEAD, or a further part updates them (RFC 9111 sections 3.2 to 3.4):
/// its fields replace the stored ones of the same name, all but Content-Length, the Content-Range of a part, and hop-by-hop.
/// False when there is no room. Borrows from both.
bool merge_update(const Fields& stored, const Fields& newer, Fields& merged);

/// What can stand in If-Range so that the rest of a stored part fits it (RFC 9110 section 13.1.5): its strong
/// entity tag, else its date when that is a strong one; empty when there is neither.
std::string_view strong_validator(const Validators& stored);

/// Is this field of the stored response sent in a 304 to a client? (RFC 9110 section 15.4.5.)
bool is_sent_in_not_modified(const Field& field);

}  // namespace popnet::http
