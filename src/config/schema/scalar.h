// Scalars as operators write them, given as text: parsed, held against their bounds, and refused with a
// message that says what is wrong and what would be right ("'70000' is out of bounds, write a whole number
// from 0 to 65535"). Quantities carry units (common/units.h). Bounds are inclusive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"

namespace popnet::config {

/// Decimal digits with an optional sign; nothing else.
Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high);
/// Decimal, may have a fraction or an exponent; never infinite, never NaN.
Result<double> parse_number(std::string_view text, double low, double high);
/// "true" or "false". YAML 1.1's "yes", "on" and the like are refused: "no" is also a country.
Result<bool> parse_boolean(std::string_view text);
Result<Duration> parse_duration_between(std::string_view text, Duration low, Duration high);
Result<uint64_t> parse_size_between(std::string_view text, uint64_t low, uint64_t high);
Result<uint64_t> parse_bit_rate_between(std::string_view text, uint64_t low, uint64_t high);
Result<IpAddress> parse_address(std::string_view text);
Result<Endpoint> parse_endpoint(std::string_view text);
Result<Prefix> parse_prefix(std::string_view text);

/// A hostname (RFC 1123 section 2.1, RFC 1035 section 2.3.4): labels of letters, digits, '-' and '_', each 1
/// to 63 long and not beginning or ending with '-'; 253 characters in all. Result in lower case without the
/// final dot.
Result<std::string> parse_dns_name(std::string_view text);

/// A zone's apex: any name of the DNS, the root (".") and classless reverse zones (RFC 2317) with them. Letters, digits,
/// '-', '_' and '/' stand for themselves, all else is escaped as in master files (RFC 1035 section 5.1). Result in lower
/// case without the final dot (the root remains "."), escaped as dns::to_text() does.
Result<std::string> parse_zone_name(std::string_view text);

/// The shortest decimal form that reads back to the same value.
std::string format_number(double value);

}  // namespace popnet::config
