// Memory for long bodies: pages of a file that lies in memory (memfd) and is mapped, so that the kernel can send them from
// where they lie (sendfile) instead of copying them into each socket.
//
// New pages, and the hole, cost as much as some ten copies of what lies in them: worth it for what is sent often
// (Object::is_popular()).
//
// What was given to a socket so is the socket's as well until the client has it, long after the call: such pages are never
// written again. give_back() takes them out of the file (a hole); whoever still sends them has the old ones, the next who
// takes that place gets new ones. What was never sent so is used again as it is.
//
//   file:   [ body | body | hole | body | free | ...                           ] reserved, no memory before it is written
//            address = base + place in the file
//
// Of huge pages the kernel would punch no hole but write zeros into what the socket has: there are none here. Whether the machine
// keeps to all this is tried at the start; where it does not, there are no pages, and bodies lie in the heap.
//
// Threading: any thread. One lock, taken when a body comes and when it goes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "rt/fd.h"

namespace popnet::http {

class Pages {
 public:
  static constexpr size_t page = 4096;
  /// What is shorter is sent sooner by a copy, and does not lie here.
  static constexpr size_t least = 16 * 1024;
  static constexpr size_t largest = 256 * 1024;
  static constexpr size_t footprint(size_t bytes) { return (bytes + page - 1) / page * page; }

  /// For so many bytes in use at a time. `kept_max`: of what is free and keeps its memory.
  Pages(uint64_t memory, uint64_t kept_max);
  /// REQUIRES: all have been given back
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  /// At the beginning of a page. Null: there are no pages on this machine, or not one more: the heap has to do.
  /// REQUIRES: least <= bytes <= largest
  char* take(size_t bytes);
  /// What take(bytes) returned.
  void give_back(char* at, size_t bytes);

  [[nodiscard]] bool has(const void* at) const {
    return static_cast<const char*>(at) >= base_ && static_cast<const char*>(at) < base_ + reserved_;
  }
  /// As send(2), without a copy, and without MSG_NOSIGNAL, which does not exist for it: REQUIRES that the process ignores
  /// SIGPIPE, and has(bytes.data()).
  ssize_t send(int socket, std::span<const char> bytes);

 private:
  struct Free {
    std::vector<char*> kept;   // with their memory
    std::vector<char*> holes;  // without
  };
  bool reserve(uint64_t bytes);
  void release();
  bool keeps_its_word();
  bool fill(char* at, size_t bytes);
  [[nodiscard]] size_t page_of(const char* at) const { return static_cast<size_t>(at - base_) / page; }
  bool was_sent(const char* at, size_t bytes);
  void end(char* at, size_t pages, bool sent);
  size_t other_kept(size_t pages);

  const uint64_t kept_max_;
  rt::UniqueFd file_;
  char* base_ = nullptr;
  uint64_t reserved_ = 0;  // bytes of addresses
  std::atomic<bool> fills_{true};

  /// By page of the file: has a socket had it? Noted in the first page of what was sent.
  std::atomic<uint8_t>* sent_ = nullptr;

  std::mutex mutex_;                           // guards what follows
  uint64_t used_ = 0;                          // from the beginning on: places that were ever taken
  uint64_t kept_ = 0;                          // bytes
  std::array<Free, largest / page + 1> free_;  // by pages
  size_t next_other_ = 0;                      // of free_: the next that gives way
};

}  // namespace popnet::http
