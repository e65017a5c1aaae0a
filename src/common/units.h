// Quantities as people write them in config and on the command line: "20s", "512MiB", "10Gbit". Parsed here
// and nowhere else. A bare number is refused (except 0), so that nobody has to guess a unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"

namespace popnet {

/// ns, us, ms, s, m, h, d; several may follow each other, largest first ("1h30m"). Fractions are allowed
/// ("0.5s").
Result<Duration> parse_duration(std::string_view text);
/// B, kB/MB/GB/TB (powers of 1000), KiB/MiB/GiB/TiB (powers of 1024). Result in bytes.
Result<uint64_t> parse_size(std::string_view text);
/// bit, kbit, Mbit, Gbit, Tbit (powers of 1000), each second. Result in bits each second.
Result<uint64_t> parse_bit_rate(std::string_view text);

/// The shortest exact form that the parsers read back to the same value.
std::string format_duration(Duration d);
std::string format_size(uint64_t bytes);
std::string format_bit_rate(uint64_t bits_per_second);

}  // namespace popnet
