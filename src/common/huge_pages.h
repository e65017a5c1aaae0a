// Memory for tables of many megabytes that are read all over: in pages of 2 MiB instead of 4 KiB where the kernel has them
// (Linux: transparent huge pages, "madvise" or "always"), so that the processor finds the place of an entry with what it has at hand
// already. A table of 4 MiB read in no order costs a DNS query several walks of the page tables otherwise, each twice as long in a
// virtual machine.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace popnet {

inline constexpr size_t huge_page = size_t{2} << 20;

/// `bytes` of zeros at a boundary of huge pages. REQUIRES: bytes is a multiple of huge_page
void* map_huge_pages(size_t bytes);

/// An allocator (std::allocator_traits). What is smaller than a huge page comes as ever; what is not begins at a boundary of
/// huge pages, takes whole ones, and goes back to the kernel when it is freed: from the heap such pieces would leave holes of
/// their size. Throws std::bad_alloc like std::allocator.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  static_assert(std::is_trivially_copyable_v<T>, "who looks for leaks does not look for pointers in there");

  HugePageAllocator() = default;
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): as allocators must
  HugePageAllocator(const HugePageAllocator<U>& /*other*/) {}

  T* allocate(size_t count) {
    if (count < huge_page / sizeof(T)) return std::allocator<T>().allocate(count);
    return static_cast<T*>(map_huge_pages(whole(count)));
  }
  void deallocate(T* at, size_t count) {
    if (count < huge_page / sizeof(T))
      std::allocator<T>().deallocate(at, count);
    else
      munmap(at, whole(count));
  }
  friend bool operator==(const HugePageAllocator& /*a*/, const HugePageAllocator& /*b*/) { return true; }

 private:
  static size_t whole(size_t count) { return (count * sizeof(T) + huge_page - 1) / huge_page * huge_page; }
};

template <class T>
using BigVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace popnet
