// Memory for small objects and fills. A full store frees one for each that it makes, on another thread and of about the
// same size: such blocks go round here, by size, instead of being joined and split again by the heap.
//
// What is larger than `largest` is the heap's own business, and so is what lies here unused beyond `kept_max`.
//
// Threading: any thread; a lock for each size.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace popnet::http {

class Blocks {
 public:
  static constexpr size_t largest = 4096;

  explicit Blocks(uint64_t kept_max) : kept_max_(kept_max) {}
  /// REQUIRES: all have been given back
  ~Blocks();
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  /// What take() uses for so many bytes.
  static constexpr size_t footprint(size_t bytes) {
    return bytes > largest ? bytes : (bytes + unit - 1) / unit * unit;
  }
  /// Aligned as by new.
  void* take(size_t bytes);
  void give_back(void* block, size_t bytes);

 private:
  static constexpr size_t unit = 64;
  /// Nothing is written into the blocks: who takes one should not have to wait for its memory.
  struct alignas(64) Shelf {
    std::mutex mutex;
    std::vector<void*> blocks;
  };
  Shelf& shelf(size_t bytes) { return shelves_[(bytes + unit - 1) / unit]; }

  const uint64_t kept_max_;
  std::atomic<uint64_t> kept_{0};
  std::array<Shelf, largest / unit + 1> shelves_;
};

}  // namespace popnet::http
