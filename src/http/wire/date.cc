#include "http/wire/date.h"

#include <algorithm>
#include <span>

#include "common/text.h"
#include "http/wire/scan.h"

namespace popnet::http {
namespace {

constexpr std::array<std::string_view, 7> day_names = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_day_names = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                            "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Takes a date apart from left to right; the first part that is not as it must be makes all that follows
/// fail.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }
  void literal(std::string_view text) {
    ok_ = ok_ && starts_with(text);
    if (ok_) rest_.remove_prefix(text.size());
  }
  /// One of the names, as its index.
  unsigned name(std::span<const std::string_view> names) {
    for (size_t i = 0; ok_ && i < names.size(); ++i) {
      if (!starts_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return static_cast<unsigned>(i);
    }
    ok_ = false;
    return 0;
  }
  unsigned digits(size_t count) {
    ok_ = ok_ && rest_.size() >= count && scan::all(rest_.substr(0, count), scan::digit);
    if (!ok_) return 0;
    unsigned value = 0;
    for (const char c : rest_.substr(0, count)) value = value * 10 + static_cast<unsigned>(c - '0');
    rest_.remove_prefix(count);
    return value;
  }
  /// asctime's day: two digits, or a space and one.
  unsigned padded_day() {
    if (!rest_.starts_with(' ')) return digits(2);
    literal(" ");
    return digits(1);
  }

 private:
  /// In any case: see date.h.
  [[nodiscard]] bool starts_with(std::string_view text) const {
    return iequals(rest_.substr(0, text.size()), text);
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct Civil {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  unsigned weekday = 0;  // 0 = Sunday
};

void read_time(DateReader& in, Civil& date) {
  date.hour = in.digits(2);
  in.literal(":");
  date.minute = in.digits(2);
  in.literal(":");
  date.second = in.digits(2);
}

/// Three letters, in any case, as one number.
constexpr unsigned packed(const char* name) {
  const auto letter = [name](int i) {
    return static_cast<unsigned>(static_cast<unsigned char>(to_lower(name[i])));
  };
  return letter(0) | letter(1) << 8 | letter(2) << 16;
}
template <size_t count>
constexpr auto packed(const std::array<std::string_view, count>& names) {
  std::array<unsigned, count> out{};
  for (size_t i = 0; i < count; ++i) out[i] = packed(names[i].data());
  return out;
}
constexpr auto packed_days = packed(day_names);
constexpr auto packed_months = packed(month_names);

/// "Sun, 06 Nov 1994 08:49:37 GMT". The form that is sent, and read with every answer of an origin: all of it stands at
/// fixed places.
bool read_imf(std::string_view text, Civil& date) {
  constexpr std::string_view form = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (text.size() != form.size()) return false;
  bool ok = true;
  for (const size_t i : {3, 4, 7, 11, 16, 19, 22, 25, 26, 27, 28})
    ok &= to_lower(text[i]) == to_lower(form[i]);
  const auto digits = [&](size_t first) {  // two of them
    const auto tens = static_cast<unsigned>(text[first] - '0'),
               ones = static_cast<unsigned>(text[first + 1] - '0');
    ok &= tens <= 9 && ones <= 9;
    return tens * 10 + ones;
  };
  const auto name = [&](const auto& names, size_t first) {
    const auto found = std::find(names.begin(), names.end(), packed(&text[first]));
    ok &= found != names.end();
    return static_cast<unsigned>(found - names.begin());
  };
  date = {digits(12) * 100 + digits(14),
          name(packed_months, 8) + 1,
          digits(5),
          digits(17),
          digits(20),
          digits(23),
          name(packed_days, 0)};
  return ok;
}

/// "Sun Nov  6 08:49:37 1994"
bool read_asctime(std::string_view text, Civil& date) {
  DateReader in(text);
  date.weekday = in.name(day_names);
  in.literal(" ");
  date.month = in.name(month_names) + 1;
  in.literal(" ");
  date.day = in.padded_day();
  in.literal(" ");
  read_time(in, date);
  in.literal(" ");
  date.year = in.digits(4);
  return in.done();
}

/// "Sunday, 06-Nov-94 08:49:37 GMT"; the year as two digits
bool read_rfc850(std::string_view text, Civil& date) {
  DateReader in(text);
  date.weekday = in.name(long_day_names);
  in.literal(", ");
  date.day = in.digits(2);
  in.literal("-");
  date.month = in.name(month_names) + 1;
  in.literal("-");
  date.year = in.digits(2);
  in.literal(" ");
  read_time(in, date);
  in.literal(" GMT");
  return in.done();
}

/// Seconds since 1970; none when there is no such day, or its weekday is another. A leap second is allowed for: RFC 9110
/// takes the grammar of RFC 5322.
std::optional<int64_t> to_seconds(const Civil& date) {
  using namespace std::chrono;
  const year_month_day day{year(static_cast<int>(date.year)), month(date.month), std::chrono::day(date.day)};
  if (!day.ok() || date.hour > 23 || date.minute > 59 || date.second > 60) return {};
  if (weekday(sys_days(day)).c_encoding() != date.weekday) return {};
  const auto time = sys_days(day) + hours(date.hour) + minutes(date.minute) + seconds(date.second);
  return time_point_cast<seconds>(time).time_since_epoch().count();
}

WallTime to_wall_time(int64_t seconds) {
  constexpr int64_t far = 4'600'000'000;
  return WallTime(std::chrono::seconds(std::clamp(seconds, -far, far)));
}

/// The century of a two-digit year: RFC 9110 section 5.6.7.
std::optional<WallTime> resolve_century(Civil date, WallTime now) {
  using namespace std::chrono;
  const auto this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
  date.year += static_cast<unsigned>(this_year / 100 * 100);
  if (static_cast<int>(date.year) + 50 < this_year) date.year += 100;
  const auto horizon = now + years(50);
  const year_month_day day{year(static_cast<int>(date.year)), month(date.month), std::chrono::day(date.day)};
  if (day.ok() && sys_days(day) > horizon) date.year -= 100;
  const auto seconds = to_seconds(date);
  return seconds ? std::optional(to_wall_time(*seconds)) : std::nullopt;
}

void put_digits(char* out, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
  Civil date;
  if (read_imf(text, date) || read_asctime(text, date)) {
    const auto seconds = to_seconds(date);
    return seconds ? std::optional(to_wall_time(*seconds)) : std::nullopt;
  }
  return read_rfc850(text, date) ? resolve_century(date, now) : std::nullopt;
}

DateChars format_http_date(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  DateChars out;
  std::copy_n("Sun, 06 Nov 1994 08:49:37 GMT", out.size(), out.data());
  std::copy_n(day_names[weekday(day).c_encoding()].data(), 3, &out[0]);
  put_digits(&out[5], static_cast<unsigned>(date.day()), 2);
  std::copy_n(month_names[static_cast<unsigned>(date.month()) - 1].data(), 3, &out[8]);
  put_digits(&out[12], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&out[17], static_cast<unsigned>(clock.hours().count()), 2);
  put_digits(&out[20], static_cast<unsigned>(clock.minutes().count()), 2);
  put_digits(&out[23], static_cast<unsigned>(clock.seconds().count()), 2);
  return out;
}

std::string_view DateText::at(WallTime now) {
  const int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second != second_) {
    second_ = second;
    text_ = format_http_date(now);
  }
  return {text_.data(), text_.size()};
}

}  // namespace popnet::http
