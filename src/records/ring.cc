#include "records/ring.h"

namespace popnet::records {

std::byte* Ring::reserve(size_t size) {
  const size_t total = (sizeof(Head) + size + 7) / 8 * 8;
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const size_t at = tail & (capacity_ - 1);
  const size_t to_end = capacity_ - at;
  const size_t skipped = total > to_end ? to_end : 0;
  if (tail + skipped + total - head_.load(std::memory_order_acquire) > capacity_) {
    dropped_.add();
    return nullptr;
  }
  std::byte* to = room_.get() + at;
  if (skipped > 0) {
    const Head none;
    std::memcpy(to, &none, sizeof none);
    to = room_.get();
  }
  const Head head{static_cast<uint32_t>(total), static_cast<uint32_t>(size)};
  std::memcpy(to, &head, sizeof head);
  reserved_ = tail + skipped + total;
  return to + sizeof head;
}

}  // namespace popnet::records
