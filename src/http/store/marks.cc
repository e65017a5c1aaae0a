#include "http/store/marks.h"

#include <algorithm>
#include <bit>

namespace popnet::http {

namespace {
constexpr uint64_t lines_min = 64;
constexpr uint64_t lines_max = uint64_t{1} << 19;
constexpr auto relaxed =
    std::memory_order_relaxed;  // a mark is all that is said: nothing is published with it

uint64_t seconds(TimePoint t) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(t.time_since_epoch()).count());
}
}  // namespace

Marks::Marks(uint64_t count)
    : line_mask_(std::bit_ceil(std::clamp(count / each_line, lines_min, lines_max)) - 1),
      lines_(new Line[line_mask_ + 1]) {}

/// How long a mark still holds, in seconds; negative when it does not. The count of seconds goes round: in half a year.
int64_t Marks::left(uint64_t mark, uint64_t now) {
  return static_cast<int32_t>(static_cast<uint32_t>(mark - now) << 8) >> 8;  // the sign is that of 24 bits
}

std::atomic<uint64_t>* Marks::find(uint64_t hash) const {
  for (std::atomic<uint64_t>& mark : line(hash).marks)
    if (const uint64_t m = mark.load(relaxed); m != 0 && tag(m) == tag(hash)) return &mark;
  return nullptr;
}

void Marks::set(uint64_t hash, TimePoint until) {
  const uint64_t end = seconds(until);
  std::atomic<uint64_t>* place = find(hash);
  if (place == nullptr)
    place = std::ranges::min_element(line(hash).marks, {}, [end](const std::atomic<uint64_t>& mark) {
      const uint64_t m = mark.load(relaxed);
      return m == 0 ? INT64_MIN : left(m, end);
    });
  place->store(tag(hash) | (end & seconds_mask), relaxed);
}

void Marks::clear(uint64_t hash) {
  if (std::atomic<uint64_t>* place = find(hash)) place->store(0, relaxed);
}

bool Marks::has(uint64_t hash, TimePoint now) const {
  const std::atomic<uint64_t>* place = find(hash);
  return place != nullptr && left(place->load(relaxed), seconds(now)) > 0;
}

}  // namespace popnet::http
