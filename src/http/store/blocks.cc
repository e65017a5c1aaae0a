#include "http/store/blocks.h"

#include <new>

namespace popnet::http {

namespace {
// They see what is used after it was freed only if it is.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool keeps = false;
#elif defined(__has_feature)
constexpr bool keeps = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool keeps = true;
#endif
}  // namespace

Blocks::~Blocks() {
  for (Shelf& shelf : shelves_)
    for (void* block : shelf.blocks) ::operator delete(block);
}

void* Blocks::take(size_t bytes) {
  if (bytes <= largest) {
    Shelf& here = shelf(bytes);
    const std::lock_guard lock(here.mutex);
    if (!here.blocks.empty()) {
      kept_.fetch_sub(footprint(bytes), std::memory_order_relaxed);
      void* block = here.blocks.back();
      here.blocks.pop_back();
      return block;
    }
  }
  return ::operator new(footprint(bytes));
}

void Blocks::give_back(void* block, size_t bytes) {
  if (!keeps || bytes > largest || kept_.load(std::memory_order_relaxed) >= kept_max_)
    return ::operator delete(block);
  Shelf& here = shelf(bytes);
  const std::lock_guard lock(here.mutex);
  here.blocks.push_back(block);
  kept_.fetch_add(footprint(bytes), std::memory_order_relaxed);
}

}  // namespace popnet::http
