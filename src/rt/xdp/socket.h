// An AF_XDP socket (Documentation/networking/af_xdp.rst in the Linux source): frames of one queue of an
// interface, in and out through memory that is shared with the kernel. Half of the memory is for frames that
// arrive, half for those that leave.
//
//   receive() ──> frames that came ──> the caller reads ──> give_back()
//   room()    ──> a free frame     ──> the caller writes ──> send()  ... flush(): one system call for all
//
// Belongs to one thread, except statistics(), which any thread may call.
#pragma once

#include <xdp/xsk.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/result.h"
#include "rt/xdp/attachment.h"
#include "rt/xdp/interface.h"

namespace popnet::rt {

/// What the kernel counts.
struct XdpStatistics {
  uint64_t lost_ring_full = 0;  // frames that came faster than they were received
  uint64_t lost_no_room = 0;    // frames for which no memory was given back
  uint64_t lost_other = 0;
};

class XdpSocket {
 public:
  static constexpr size_t frame_size = 2048;
  static constexpr size_t frames_in = 2048, frames_out = 2048;

  struct Frame {
    uint64_t place = 0;  // in the shared memory
    std::span<uint8_t> bytes;
  };

  /// `mode`: as it is attached; automatic counts as zero_copy, else copy. ErrorCode::machine.
  static Result<std::unique_ptr<XdpSocket>> open(const NetworkInterface& interface, int queue, XdpMode mode);
  ~XdpSocket();
  XdpSocket(const XdpSocket&) = delete;
  XdpSocket& operator=(const XdpSocket&) = delete;

  /// For poll(): readable when there are frames.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool zero_copy() const { return zero_copy_; }

  /// Frames that have come, at most as many as `into` has places. They are the caller's until give_back().
  size_t receive(std::span<Frame> into);
  void give_back(std::span<const Frame> frames);

  /// A free frame. Empty when the kernel has not yet sent what it was given: give up, or flush() and try again.
  std::span<uint8_t> room();
  /// The frame that room() gave last leaves with the next flush().
  void send(size_t size);
  /// Has the kernel send. False if the driver does not take everything now: the rest leaves with the next call.
  bool flush();

  [[nodiscard]] XdpStatistics statistics() const;

 private:
  XdpSocket() = default;
  Status make_memory(const std::string& name);
  Status bind(const NetworkInterface& interface, int queue, XdpMode mode);
  void reap();

  struct Unmap {
    void operator()(uint8_t* memory) const;
  };
  std::unique_ptr<uint8_t, Unmap> memory_;
  xsk_umem* umem_ = nullptr;
  xsk_socket* socket_ = nullptr;
  int fd_ = -1;  // socket_'s
  bool zero_copy_ = false;
  xsk_ring_prod fill_{}, out_{};
  xsk_ring_cons completed_{}, in_{};
  std::vector<uint64_t> free_;  // frames for what leaves
  size_t unsent_ = 0;           // since the last flush()
};

}  // namespace popnet::rt
