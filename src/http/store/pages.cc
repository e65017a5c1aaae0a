#include "http/store/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/log.h"

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

// Places are by size and stay so: where sizes change for good, those of the old ones are holes. Addresses cost nothing, but a
// process may have only so many of them.
constexpr uint64_t addresses_each_byte[] = {64, 16, 4};
constexpr uint64_t addresses_max = uint64_t{1} << 44;

uint64_t limit_of(int resource) {
  rlimit limit{};
  return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// Beyond `ulimit -f` the kernel would end the process (SIGXFSZ); of `ulimit -v` others need some.
uint64_t reserved_max() {
  return std::min({limit_of(RLIMIT_FSIZE), limit_of(RLIMIT_AS) / 4, addresses_max}) / Pages::page *
         Pages::page;
}

int make_file() {
#ifdef MFD_NOEXEC_SEAL
  const int file = memfd_create("popnet-bodies", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (file >= 0 || errno != EINVAL) return file;  // an older kernel does not know it
#endif
  return memfd_create("popnet-bodies", MFD_CLOEXEC);
}

void* map(uint64_t bytes, int flags, int file) {
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

Pages::Pages(uint64_t memory, uint64_t kept_max) : kept_max_(kept_max), file_(make_file()) {
  const uint64_t most = reserved_max();
  bool there = false;
  for (const uint64_t each : addresses_each_byte)
    there = there || reserve(std::min(std::min(memory, addresses_max / each) * each, most));
  if (there && keeps_its_word()) return;
  release();
  log::warning(
      "long bodies lie in the heap, and what is asked for often is copied into each socket: this machine "
      "gives no file in memory for {} bytes that can be sent from (memfd, sendfile; ulimit -f, ulimit -v)",
      memory);
}

Pages::~Pages() {
  release();
}

bool Pages::reserve(uint64_t bytes) {
  bytes = bytes / page * page;
  if (!file_.valid() || bytes < largest || ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0)
    return false;
  void* sent = map(bytes / page, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  void* base = sent == nullptr ? nullptr : map(bytes, MAP_SHARED, file_.get());
  if (base == nullptr) {
    if (sent != nullptr) munmap(sent, bytes / page);
    return false;
  }
  sent_ = static_cast<std::atomic<uint8_t>*>(sent);
  base_ = static_cast<char*>(base);
  reserved_ = bytes;
  (void)madvise(base, bytes, MADV_NOHUGEPAGE);
  // A core would have all that is reserved, and the kernel would find memory for each page of it.
  if (madvise(base, bytes, MADV_DONTDUMP) == 0) return true;
  release();
  return false;
}

void Pages::release() {
  if (base_ == nullptr) return;
  unpoison(base_, used_);
  munmap(base_, reserved_);
  munmap(sent_, reserved_ / page);
  base_ = nullptr;
  sent_ = nullptr;
  reserved_ = used_ = 0;
  free_ = {};
}

/// Has a socket what it was given, when the place is another's?
bool Pages::keeps_its_word() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return false;
  const rt::UniqueFd ours(ends[0]), theirs(ends[1]);
  constexpr size_t some = least;
  char* first = take(largest);
  if (first == nullptr) return false;
  std::memset(first, 'a', largest);
  const bool sent = send(ours.get(), {first + page, some}) == static_cast<ssize_t>(some);
  give_back(first, largest);
  char* second = take(largest);
  if (second == nullptr) return false;
  std::memset(second, 'b', largest);
  char has[some];
  const bool whole = sent && recv(theirs.get(), has, some, 0) == static_cast<ssize_t>(some);
  const bool same = whole && std::all_of(has, has + some, [](char c) { return c == 'a'; });
  give_back(second, largest);
  return same && second == first;
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
  if (!filled && !fill(at, size)) {
    const std::lock_guard lock(mutex_);
    free_[size / page].holes.push_back(at);
    return nullptr;
  }
  unpoison(at, bytes);
  return at;
}

/// New pages, all at once: that costs less than one by one when they are written, and says when there are none.
bool Pages::fill([[maybe_unused]] char* at, [[maybe_unused]] size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (!fills_.load(std::memory_order_relaxed) || madvise(at, bytes, MADV_POPULATE_WRITE) == 0) return true;
  if (errno != EINVAL) return false;
  fills_.store(false, std::memory_order_relaxed);  // an older kernel does not know it
#endif
  return true;
}

void Pages::give_back(char* at, size_t bytes) {
  const size_t size = footprint(bytes);
  poison(at, size);
  if (was_sent(at, size)) return end(at, size / page, true);
  while (size <= kept_max_) {
    char* other = nullptr;
    size_t pages = 0;
    {
      const std::lock_guard lock(mutex_);
      if (kept_ + size <= kept_max_) {
        free_[size / page].kept.push_back(at);
        kept_ += size;
        return;
      }
      pages = other_kept(size / page);
      if (pages == 0) break;
      other = free_[pages].kept.back();
      free_[pages].kept.pop_back();
      kept_ -= pages * page;
    }
    end(other, pages, false);
  }
  end(at, size / page, false);
}

/// Under the lock. Another size of which some are kept, each in turn; 0: there is none. Else those that nobody wants any more
/// would be kept for good.
size_t Pages::other_kept(size_t pages) {
  for (size_t looked = 0; looked < free_.size(); ++looked) {
    next_other_ = (next_other_ + 1) % free_.size();
    if (next_other_ != pages && !free_[next_other_].kept.empty()) return next_other_;
  }
  return 0;
}

/// Its memory goes back to the machine.
void Pages::end(char* at, size_t pages, bool sent) {
  int failed = 0;
  do {
    failed = fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(at - base_), static_cast<off_t>(pages * page));
  } while (failed != 0 && errno == EINTR);
  if (failed != 0 && sent) return;  // may not be used again
  const std::lock_guard lock(mutex_);
  free_[pages].holes.push_back(at);
}

bool Pages::was_sent(const char* at, size_t bytes) {
  bool any = false;
  for (size_t i = page_of(at), end = i + bytes / page; i < end; ++i)
    if (sent_[i].load(std::memory_order_relaxed) != 0) {
      sent_[i].store(0, std::memory_order_relaxed);
      any = true;
    }
  return any;
}

ssize_t Pages::send(int socket, std::span<const char> bytes) {
  std::atomic<uint8_t>& sent = sent_[page_of(bytes.data())];
  if (sent.load(std::memory_order_relaxed) == 0) sent.store(1, std::memory_order_relaxed);
  off_t from = static_cast<off_t>(bytes.data() - base_);
  return sendfile(socket, file_.get(), &from, bytes.size());
}

}  // namespace popnet::http
