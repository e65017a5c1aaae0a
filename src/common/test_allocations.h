// For tests of hot paths: counts what a test program takes from the heap by new, per thread and in all. Replaces the global
// operators of the program that includes it: include it in one source of a program only. Sanitizers have operators of their
// own; there nothing is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POPNET_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POPNET_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef POPNET_COUNTS_ALLOCATIONS
#define POPNET_COUNTS_ALLOCATIONS 1
#endif

namespace popnet::testing {

inline std::atomic<uint64_t> allocations{0};            // of all threads
inline thread_local uint64_t allocations_of_thread{0};  // of this one

/// How often all other threads have allocated.
inline uint64_t allocations_elsewhere() {
  return allocations.load() - allocations_of_thread;
}

inline void* counted_allocation(size_t size, size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  ++allocations_of_thread;
  // aligned_alloc wants a multiple of the alignment.
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace popnet::testing

#if POPNET_COUNTS_ALLOCATIONS
// The plain and the aligned forms: the library's other forms call these.
void* operator new(size_t size) {
  return popnet::testing::counted_allocation(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(size_t size, std::align_val_t alignment) {
  return popnet::testing::counted_allocation(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
#endif
