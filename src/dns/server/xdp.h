// Queries by AF_XDP: what the filter of an interface (rt/xdp/filter.h) picks comes here past the kernel's
// network stack, and the answers leave past it: one thread for each queue of the interface. What is answered,
// and how it is counted, is as over the UDP sockets, which stay open: they get what the filter leaves to the
// kernel, and everything when this ends.
//
// An answer goes back to the MAC address that its query came from, whatever the routing table says.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/counter.h"
#include "common/ip.h"
#include "common/result.h"
#include "dns/packet/packet.h"
#include "dns/server/thread_state.h"
#include "dns/server/view.h"
#include "model/dns_options.h"
#include "rt/epoch.h"
#include "rt/fd.h"
#include "rt/published.h"
#include "rt/xdp/attachment.h"
#include "rt/xdp/socket.h"

namespace popnet::dns {

/// One thread, one queue.
class XdpWorker {
 public:
  /// The references must outlive the worker.
  XdpWorker(std::unique_ptr<rt::XdpSocket> socket, const rt::Published<View>& view, rt::Epoch& epoch,
            ThreadState& state);
  ~XdpWorker();

  /// The thread's work, until stop() and nothing is left to answer.
  void run();
  /// Any thread. REQUIRES: the filter is detached, so that an end comes
  void stop();

  /// Frames by their PacketVerdict.
  [[nodiscard]] const Counter& frames(PacketVerdict verdict) const {
    return frames_[static_cast<size_t>(verdict)];
  }
  /// All zeros once the socket is closed.
  [[nodiscard]] rt::XdpStatistics statistics() const { return socket_ ? socket_->statistics() : last_; }
  [[nodiscard]] bool zero_copy() const { return zero_copy_; }
  /// Gives the queue back. REQUIRES: run() has returned, and nobody is in statistics()
  void close();

 private:
  struct Batch;

  void wait();
  size_t parse(const View& view, size_t received);
  void answer(const View& view, size_t i);

  std::unique_ptr<rt::XdpSocket> socket_;
  const bool zero_copy_;
  rt::XdpStatistics last_;  // when it was closed
  const rt::Published<View>& view_;
  rt::Epoch& epoch_;
  ThreadState& state_;
  std::unique_ptr<Batch> batch_;
  Moment now_;           // of the batch
  bool unsent_ = false;  // the driver has not taken all
  rt::UniqueFd wake_;    // eventfd
  std::atomic<bool> stopping_{false};
  Counter frames_[packet_verdicts];
};

/// One interface: its filter and its workers. All calls from one thread, except collect() and to_string().
class XdpInterface {
 public:
  /// `listen`: where the sockets listen. Finds out and makes what does not change the interface.
  /// ErrorCode::machine.
  static Result<std::unique_ptr<XdpInterface>> prepare(const model::XdpInterface& wanted,
                                                       std::span<const Endpoint> listen);
  ~XdpInterface() { stop(); }
  XdpInterface(const XdpInterface&) = delete;
  XdpInterface& operator=(const XdpInterface&) = delete;

  [[nodiscard]] int queues() const { return interface_.queues; }
  /// One for each queue, before run().
  void add_state(ThreadState& state) { states_.push_back(&state); }
  /// Takes the interface: from now on what comes waits for run(). ErrorCode::machine, also when another process
  /// has it.
  Status attach();
  /// Starts the threads. If it is not attached, because the process before this one still has it, it will be as
  /// soon as that lets go; until then queries come by the kernel.
  void run(const rt::Published<View>& view, rt::Epoch& epoch);
  /// Hands the interface back to the kernel, answers what has come, ends the threads. Safe to call twice.
  void stop();

  void collect(std::vector<CounterValue>& into) const;
  /// For people: "eth0 (4 queues, zero-copy)".
  [[nodiscard]] std::string to_string() const;

 private:
  XdpInterface(rt::NetworkInterface interface, model::XdpMode mode, rt::XdpAttachment attachment)
      : interface_(std::move(interface)), mode_(mode), attachment_(std::move(attachment)) {}

  void start_workers(const rt::Published<View>& view, rt::Epoch& epoch);
  void attach_when_free(const rt::Published<View>& view, rt::Epoch& epoch);

  const rt::NetworkInterface interface_;
  const model::XdpMode mode_;
  rt::XdpAttachment attachment_;
  std::vector<ThreadState*> states_;
  std::vector<std::unique_ptr<rt::XdpSocket>> sockets_;  // until they become workers
  std::thread waiting_;                                  // for the process before this one
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<XdpWorker>> workers_;
};

}  // namespace popnet::dns
