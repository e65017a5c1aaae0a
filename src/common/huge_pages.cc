#include "common/huge_pages.h"

#include <cstdint>
#include <new>

namespace popnet {

// The kernel maps at any page: one huge page more has room for a boundary, and what stands around it goes back.
void* map_huge_pages(size_t bytes) {
  const size_t room = bytes + huge_page;
  void* mapped = room < bytes
                     ? MAP_FAILED
                     : mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const start = static_cast<uint8_t*>(mapped);
  const size_t before = (huge_page - reinterpret_cast<uintptr_t>(start) % huge_page) % huge_page;
  if (before != 0) munmap(start, before);
  munmap(start + before + bytes, huge_page - before);
  madvise(start + before, bytes,
          MADV_HUGEPAGE);  // advice: a kernel without such pages refuses, and serves as ever
  return start + before;
}

}  // namespace popnet
