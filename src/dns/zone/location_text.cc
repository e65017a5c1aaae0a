#include "dns/zone/location_text.h"

#include <charconv>

#include "common/bytes.h"
#include "common/text.h"

namespace popnet::dns {

namespace {

/// A decimal number as whole units of 10^-places. Nothing if it is none, or has more places.
std::optional<int64_t> read_decimal(std::string_view text, size_t places) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const std::string_view fraction = point == text.npos ? std::string_view() : text.substr(point + 1);
  std::string digits(text.substr(0, point));
  if (digits.empty() || fraction.size() > places || (point != text.npos && fraction.empty()))
    return std::nullopt;
  digits.append(fraction).append(places - fraction.size(), '0');
  uint64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || number > INT64_MAX)
    return std::nullopt;
  return negative ? -static_cast<int64_t>(number) : static_cast<int64_t>(number);
}

class LocationReader {
 public:
  explicit LocationReader(std::span<const Word> words) : words_(words) {}

  [[nodiscard]] size_t position() const { return at_; }

  /// Degrees, minutes and seconds, the last two optional, then one of the two letters; in thousandths of a second.
  bool read_angle(int64_t degrees_max, std::string_view letters, uint32_t& angle) {
    constexpr int64_t second = 1000, minute = 60 * second, degree = 60 * minute;
    constexpr uint32_t middle = 1U << 31;  // the equator, or the meridian of Greenwich
    int64_t sum = 0;
    if (!add(degrees_max, degree, 0, sum)) return false;
    if (!at_letter(letters) && !add(59, minute, 0, sum)) return false;
    if (!at_letter(letters) && !add(59'999, 1, 3, sum)) return false;
    if (!at_letter(letters) || sum > degrees_max * degree) return false;
    const bool positive = to_lower(words_[at_++].text[0]) == to_lower(letters[0]);
    const auto size = static_cast<uint32_t>(sum);
    angle = positive ? middle + size : middle - size;
    return true;
  }
  /// In centimetres.
  bool read_length(int64_t lowest, int64_t highest, int64_t& length) {
    if (at_ == words_.size()) return false;
    std::string_view text = words_[at_].text;
    if (text.ends_with('m') || text.ends_with('M')) text.remove_suffix(1);
    const auto number = read_decimal(text, 2);
    if (!number || *number < lowest || *number > highest) return false;
    length = *number;
    ++at_;
    return true;
  }
  /// A length that may be left out, as a digit and a power of ten.
  bool read_precision(uint8_t otherwise, uint8_t& precision) {
    constexpr int64_t highest = 9'000'000'000;
    precision = otherwise;
    if (at_ == words_.size()) return true;
    int64_t length = 0;
    if (!read_length(0, highest, length)) return false;
    uint8_t power = 0;
    for (; length >= 10; length /= 10) ++power;
    precision = static_cast<uint8_t>(length << 4 | power);
    return true;
  }

 private:
  [[nodiscard]] bool at_letter(std::string_view letters) const {
    return at_ < words_.size() && words_[at_].text.size() == 1 &&
           to_lower(letters).find(to_lower(words_[at_].text[0])) != letters.npos;
  }
  bool add(int64_t highest, int64_t unit, size_t places, int64_t& sum) {
    if (at_ == words_.size()) return false;
    const auto number = read_decimal(words_[at_].text, places);
    if (!number || words_[at_].text[0] == '-' || *number > highest) return false;
    sum += *number * unit;
    ++at_;
    return true;
  }

  std::span<const Word> words_;
  size_t at_ = 0;
};

}  // namespace

size_t read_location(std::span<const Word> words, std::vector<uint8_t>& data) {
  constexpr int64_t sea_level = 10'000'000;  // in centimetres, of the reference spheroid above the zero point
  LocationReader in(words);
  uint32_t latitude = 0, longitude = 0;
  int64_t altitude = 0;
  uint8_t size = 0, horizontal = 0, vertical = 0;
  const bool fine = in.read_angle(90, "NS", latitude) && in.read_angle(180, "EW", longitude) &&
                    in.read_length(-sea_level, UINT32_MAX - sea_level, altitude) &&
                    in.read_precision(0x12, size) && in.read_precision(0x16, horizontal) &&
                    in.read_precision(0x13, vertical);  // 1 m, 10 km, 10 m
  if (!fine) return in.position();
  uint8_t room[16];
  ByteWriter out(room);
  for (const uint8_t b : {uint8_t{0}, size, horizontal, vertical}) out.u8(b);  // of version 0
  out.u32(latitude);
  out.u32(longitude);
  out.u32(static_cast<uint32_t>(altitude + sea_level));
  data.insert(data.end(), std::begin(room), std::end(room));
  return in.position();
}

}  // namespace popnet::dns
