#include "rt/xdp/socket.h"

#include <fcntl.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <initializer_list>

#include "rt/xdp/error.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

namespace popnet::rt {

namespace {

constexpr size_t memory_size = (XdpSocket::frames_in + XdpSocket::frames_out) * XdpSocket::frame_size;
constexpr int flush_attempts = 64;  // the kernel sends some 32 frames in one call
constexpr size_t frame_mask = ~(XdpSocket::frame_size - 1);

// The kernel sends so many frames in one call, where it knows the option (Linux 6.17).
constexpr int option_send_budget = 9;
constexpr int send_budget = 64;

constexpr int busy_wait_ms = 1000, busy_step_ms = 10;

}  // namespace

void XdpSocket::Unmap::operator()(uint8_t* memory) const {
  munmap(memory, memory_size);
}

Result<std::unique_ptr<XdpSocket>> XdpSocket::open(const NetworkInterface& interface, int queue,
                                                   XdpMode mode) {
  std::unique_ptr<XdpSocket> made(new XdpSocket);
  Status status = made->make_memory(interface.name);
  if (status) status = made->bind(interface, queue, mode);
  if (!status) return status.error();
  return made;
}

XdpSocket::~XdpSocket() {
  if (socket_ != nullptr) xsk_socket__delete(socket_);
  if (umem_ != nullptr) xsk_umem__delete(umem_);
}

Status XdpSocket::make_memory(const std::string& name) {
  void* memory =
      mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return xdp_error(name, "get memory for AF_XDP", errno);
  memory_.reset(static_cast<uint8_t*>(memory));
  xsk_umem_config config{};
  config.fill_size = frames_in;
  config.comp_size = frames_out;
  config.frame_size = frame_size;
  if (const int error = xsk_umem__create(&umem_, memory, memory_size, &fill_, &completed_, &config);
      error != 0)
    return xdp_error(name, "open an AF_XDP socket", -error);
  for (size_t i = 0; i < frames_out; ++i) free_.push_back((frames_in + i) * frame_size);
  return {};
}

Status XdpSocket::bind(const NetworkInterface& interface, int queue, XdpMode mode) {
  xsk_socket_config config{};
  config.rx_size = frames_in;
  config.tx_size = frames_out;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  int error = EINVAL;
  const auto try_modes = [&] {
    for (const bool zero_copy : {true, false}) {
      if (zero_copy ? mode == XdpMode::copy || mode == XdpMode::generic : mode == XdpMode::zero_copy)
        continue;
      config.bind_flags = static_cast<uint16_t>((zero_copy ? XDP_ZEROCOPY : XDP_COPY) | XDP_USE_NEED_WAKEUP);
      error = -xsk_socket__create(&socket_, interface.name.c_str(), static_cast<uint32_t>(queue), umem_, &in_,
                                  &out_, &config);
      zero_copy_ = zero_copy;
      if (error == 0) return;
      socket_ = nullptr;
    }
  };
  try_modes();
  // The kernel lets go of a queue some time after the process that had it: one that was killed and starts again meets itself.
  for (int wait = 0; error == EBUSY && wait < busy_wait_ms; wait += busy_step_ms) {
    usleep(busy_step_ms * 1000);
    try_modes();
  }
  if (error != 0) {
    const bool refused = mode == XdpMode::zero_copy && (error == EOPNOTSUPP || error == EINVAL);
    return xdp_error(interface.name, "open an AF_XDP socket", error,
                     refused ? " (its driver has no zero-copy: `mode: copy`)" : "");
  }
  fd_ = xsk_socket__fd(socket_);
  fcntl(fd_, F_SETFD, FD_CLOEXEC);
  setsockopt(fd_, SOL_XDP, option_send_budget, &send_budget, sizeof send_budget);
  uint32_t at = 0;
  const uint32_t got = xsk_ring_prod__reserve(&fill_, frames_in, &at);
  assert(got == frames_in);
  for (uint32_t i = 0; i < got; ++i) *xsk_ring_prod__fill_addr(&fill_, at + i) = uint64_t{i} * frame_size;
  xsk_ring_prod__submit(&fill_, got);
  return {};
}

size_t XdpSocket::receive(std::span<Frame> into) {
  uint32_t at = 0;
  const uint32_t count = xsk_ring_cons__peek(&in_, static_cast<uint32_t>(into.size()), &at);
  for (uint32_t i = 0; i < count; ++i) {
    const xdp_desc& one = *xsk_ring_cons__rx_desc(&in_, at + i);
    into[i] = {one.addr, {memory_.get() + one.addr, one.len}};
  }
  if (count > 0) xsk_ring_cons__release(&in_, count);
  return count;
}

// The ring has a place for every frame that was taken from it.
void XdpSocket::give_back(std::span<const Frame> frames) {
  uint32_t at = 0;
  const auto count = static_cast<uint32_t>(frames.size());
  const uint32_t got = xsk_ring_prod__reserve(&fill_, count, &at);
  assert(got == count);
  for (uint32_t i = 0; i < got; ++i) *xsk_ring_prod__fill_addr(&fill_, at + i) = frames[i].place & frame_mask;
  xsk_ring_prod__submit(&fill_, got);
  if (xsk_ring_prod__needs_wakeup(&fill_)) recvfrom(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

std::span<uint8_t> XdpSocket::room() {
  if (free_.empty()) reap();
  if (free_.empty()) return {};
  return {memory_.get() + free_.back(), frame_size};
}

// The ring has a place for every frame that room() gives.
void XdpSocket::send(size_t size) {
  assert(!free_.empty() && size <= frame_size);
  uint32_t at = 0;
  const uint32_t got = xsk_ring_prod__reserve(&out_, 1, &at);
  assert(got == 1);
  xdp_desc& one = *xsk_ring_prod__tx_desc(&out_, at);
  one.addr = free_.back();
  one.len = static_cast<uint32_t>(size);
  one.options = 0;
  free_.pop_back();
  unsent_ += got;
}

bool XdpSocket::flush() {
  if (unsent_ > 0) xsk_ring_prod__submit(&out_, static_cast<uint32_t>(unsent_));
  unsent_ = 0;
  bool all = true;
  if (xsk_ring_prod__needs_wakeup(&out_)) {
    all = false;
    for (int i = 0; i < flush_attempts && !all; ++i) {
      if (sendto(fd_, nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0)
        all = true;
      else if (errno != EAGAIN && errno != EINTR)
        break;
    }
  }
  reap();
  return all;
}

/// Frames that have left are free.
void XdpSocket::reap() {
  uint32_t at = 0;
  const uint32_t count = xsk_ring_cons__peek(&completed_, frames_out, &at);
  for (uint32_t i = 0; i < count; ++i) free_.push_back(*xsk_ring_cons__comp_addr(&completed_, at + i));
  if (count > 0) xsk_ring_cons__release(&completed_, count);
}

XdpStatistics XdpSocket::statistics() const {
  xdp_statistics kernel{};
  socklen_t size = sizeof kernel;
  if (getsockopt(fd_, SOL_XDP, XDP_STATISTICS, &kernel, &size) != 0) return {};
  return {kernel.rx_ring_full, kernel.rx_fill_ring_empty_descs, kernel.rx_dropped + kernel.rx_invalid_descs};
}

}  // namespace popnet::rt
