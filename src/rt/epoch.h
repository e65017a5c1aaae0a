// Safe memory reclamation for data that hot threads read without locks (quiescent-state based, after McKenney
// and Slingwine 1998; same idea as liburcu's QSBR flavour).
//
// Policy: a reader thread announces moments at which it holds no borrowed pointer (quiescent), and stretches
// in which it reads nothing at all (offline). A writer first unlinks a thing so that no new reader can find
// it, then retires it. It is destroyed once every reader has been quiescent or offline since.
//
// Threading: Epoch is thread safe. A Reader belongs to one thread. Borrowed pointers live until the reader's
// next quiescent() or offline(): at the latest the end of a loop turn.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace popnet::rt {

class Epoch {
 public:
  static constexpr int readers_max = 1024;

  class Reader {
   public:
    /// Starts offline. Aborts when there are more than readers_max readers: a bug of ours.
    explicit Reader(Epoch& epoch);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    void online();
    void offline();
    /// REQUIRES: online. Everything borrowed before is given back.
    void quiescent();

   private:
    Epoch& epoch_;
    std::atomic<uint64_t>& seen_;
  };

  Epoch() = default;
  /// REQUIRES: no Reader left. Destroys what is still retired.
  ~Epoch();
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// Takes over a thing that new readers can no longer reach; `destroy` runs later, on the thread that
  /// reclaims. Only queues: a hot thread that evicts one small object must not end up freeing an old map.
  void retire(std::function<void()> destroy);
  /// Destroys what no reader can still hold. The owner of the epoch calls it a few times a second from a
  /// thread that has time. Cheap when there is nothing to do.
  void reclaim();
  /// What waits for its readers, for tests and metrics.
  [[nodiscard]] size_t retired() const;

 private:
  struct alignas(64) Slot {
    std::atomic<bool> taken{false};
    std::atomic<uint64_t> seen{0};  // epoch at the last quiescent moment; 0 = offline
  };
  struct Retired {
    uint64_t epoch;
    std::function<void()> destroy;
  };

  Slot slots_[readers_max];
  std::atomic<uint64_t> now_{1};
  mutable std::mutex mutex_;     // guards retired_
  std::deque<Retired> retired_;  // oldest first
};

}  // namespace popnet::rt
