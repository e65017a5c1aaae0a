#include "http/store/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

#if defined(__SANITIZE_ADDRESS__)
#define POPNET_POISONS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POPNET_POISONS
#endif
#endif
#ifdef POPNET_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace popnet::http {

namespace {

// Places are by size and stay so: where sizes change for good, those of the old ones are holes. Addresses cost nothing.
constexpr uint64_t addresses_each_byte = 64;
constexpr uint64_t addresses_max = uint64_t{1} << 44;

// Beyond `ulimit -f` the kernel would end the process (SIGXFSZ).
uint64_t file_size_max() {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

void* reserve(uint64_t bytes, int flags, int file) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, file, 0);
  return at == MAP_FAILED ? nullptr : at;
}

void poison([[maybe_unused]] char* at, [[maybe_unused]] size_t bytes) {
#ifdef POPNET_POISONS
  ASAN_POISON_MEMORY_REGION(at, bytes);
#endif
}

void unpoison([[maybe_unused]] char* at, [[maybe_unused]] size_t bytes) {
#ifdef POPNET_POISONS
  ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#endif
}

}  // namespace

Pages::Pages(uint64_t memory, uint64_t kept_max)
    : kept_max_(kept_max), file_(memfd_create("popnet-bodies", MFD_CLOEXEC)) {
  const uint64_t addresses = std::min(memory, addresses_max / addresses_each_byte) * addresses_each_byte;
  const uint64_t wanted = std::min(addresses, file_size_max()) / page * page;
  if (wanted == 0 || !file_.valid() || ftruncate(file_.get(), static_cast<off_t>(wanted)) != 0) return;
  void* sent = reserve(wanted / page, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (sent == nullptr) return;
  sent_ = static_cast<std::atomic<uint8_t>*>(sent);
  void* base = reserve(wanted, MAP_SHARED, file_.get());
  if (base == nullptr) {
    munmap(sent, wanted / page);
    return;
  }
  base_ = static_cast<char*>(base);
  reserved_ = wanted;
}

Pages::~Pages() {
  if (base_ == nullptr) return;
  unpoison(base_, used_);
  munmap(base_, reserved_);
  munmap(sent_, reserved_ / page);
}

char* Pages::take(size_t bytes) {
  assert(bytes > 0 && bytes <= largest);
  const size_t size = footprint(bytes);
  char* at = nullptr;
  bool filled = false;
  {
    const std::lock_guard lock(mutex_);
    Free& free = free_[size / page];
    if (!free.kept.empty()) {
      at = free.kept.back();
      free.kept.pop_back();
      kept_ -= size;
      filled = true;
    } else if (!free.holes.empty()) {
      at = free.holes.back();
      free.holes.pop_back();
    } else if (reserved_ - used_ >= size) {
      at = base_ + used_;
      used_ += size;
    }
  }
  if (at == nullptr) return nullptr;
  unpoison(at, size);
#ifdef MADV_POPULATE_WRITE
  // All at once costs less than page by page. An older kernel does not know it.
  if (!filled) (void)madvise(at, size, MADV_POPULATE_WRITE);
#endif
  return at;
}

void Pages::give_back(char* at, size_t bytes) {
  const size_t size = footprint(bytes);
  poison(at, size);
  const bool sent = was_sent(at, size);
  if (!sent) {
    const std::lock_guard lock(mutex_);
    if (kept_ + size <= kept_max_) {
      kept_ += size;
      free_[size / page].kept.push_back(at);
      return;
    }
  }
  if (!make_hole(at, size) && sent) return;  // may not be used again
  const std::lock_guard lock(mutex_);
  free_[size / page].holes.push_back(at);
}

bool Pages::was_sent(const char* at, size_t bytes) {
  bool any = false;
  for (size_t i = page_of(at), end = i + bytes / page; i < end; ++i)
    any = sent_[i].load(std::memory_order_relaxed) != 0 || any;
  for (size_t i = page_of(at), end = i + bytes / page; any && i < end; ++i)
    sent_[i].store(0, std::memory_order_relaxed);
  return any;
}

bool Pages::make_hole(const char* at, size_t bytes) const {
  int failed = 0;
  do {
    failed = fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(at - base_), static_cast<off_t>(bytes));
  } while (failed != 0 && errno == EINTR);
  return failed == 0;
}

ssize_t Pages::send(int socket, std::span<const char> bytes) {
  std::atomic<uint8_t>& sent = sent_[page_of(bytes.data())];
  if (sent.load(std::memory_order_relaxed) == 0) sent.store(1, std::memory_order_relaxed);
  off_t from = static_cast<off_t>(bytes.data() - base_);
  return sendfile(socket, file_.get(), &from, bytes.size());
}

}  // namespace popnet::http
