// Records from a thread that must not wait to one that writes them down: bytes in memory of fixed size, no
// lock, no allocation, no system call. What finds no room is dropped and counted.
//
// Threading: one writer (reserve, commit), one reader (take); dropped(): any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "common/counter.h"

namespace popnet::records {

class Ring {
 public:
  /// `capacity`: bytes, a power of two.
  explicit Ring(size_t capacity) : room_(new std::byte[capacity]), capacity_(capacity) {}

  /// Room for a record in one piece, aligned for 8-byte values; null when there is none: dropped, and counted.
  std::byte* reserve(size_t size);
  /// What was reserved last is there for the reader.
  void commit() { tail_.store(reserved_, std::memory_order_release); }

  /// Every record that is there; the bytes are valid within the call.
  template <class Visit>
  void take(Visit&& visit) {
    uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_acquire);
    while (head != tail) {
      const size_t at = head & (capacity_ - 1);
      Head record;
      std::memcpy(&record, room_.get() + at, sizeof record);
      if (record.total > 0) visit(std::span<const std::byte>(room_.get() + at + sizeof record, record.size));
      head += record.total > 0 ? record.total : capacity_ - at;
      head_.store(head, std::memory_order_release);
    }
  }
  [[nodiscard]] uint64_t dropped() const { return dropped_.get(); }

 private:
  struct Head {
    uint32_t total =
        0;  // with this and what fills up to the next multiple of 8; 0: the rest of the ring is skipped
    uint32_t size = 0;
  };

  const std::unique_ptr<std::byte[]> room_;
  const size_t capacity_;
  uint64_t reserved_ = 0;  // the writer's: where tail_ goes
  Counter dropped_;
  alignas(64) std::atomic<uint64_t> tail_{0};  // bytes ever written
  alignas(64) std::atomic<uint64_t> head_{0};  // bytes ever read
};

}  // namespace popnet::records
