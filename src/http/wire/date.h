// HTTP-date (RFC 9110 section 5.6.7), strict: a text that is not exactly one of the three forms, or that
// names an impossible day or hour, is no date. A weekday that does not fit its day is let pass: the grammar
// allows it. Letters count in any case, which the grammar does not allow but RFC 9111 section 4.2 wants of caches. UTC.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/time.h"

namespace popnet::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate), and the obsolete "Sunday, 06-Nov-94 08:49:37 GMT" (RFC 850)
/// and "Sun Nov  6 08:49:37 1994" (asctime). A two-digit year that seems more than 50 years ahead of `now` is
/// the most recent past year with those digits. Dates beyond 1824 .. 2115 are moved to these ends, so that
/// differences fit a Duration.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

using DateChars = std::array<char, 29>;
/// IMF-fixdate, cut to the second. REQUIRES: year 1970 .. 9999
DateChars format_http_date(WallTime time);

/// The text of the present second, made once a second. One for each thread.
class DateText {
 public:
  std::string_view at(WallTime now);

 private:
  int64_t second_ = -1;
  DateChars text_{};
};

}  // namespace popnet::http
