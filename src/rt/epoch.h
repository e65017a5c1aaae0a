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

#include <array>
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
  /// The same for the many small things that hot threads make and replace. Each call also destroys up to `small_each` that
  /// were retired so before, so that their memory is wanted again while the CPU's caches have it. REQUIRES: `destroy` is
  /// quick, throws nothing, retires nothing, and takes no lock that a caller holds
  void retire_small(void (*destroy)(void*), void* thing);
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

  struct Small {
    uint64_t epoch;
    void (*destroy)(void*);
    void* thing;
  };
  static constexpr size_t small_each = 4;
  using Smalls = std::array<Small, small_each>;

  /// What was retired in an epoch up to this is held by no reader.
  [[nodiscard]] uint64_t safe_epoch() const;
  /// Under small_mutex_. How many.
  size_t take_small(Smalls& ready);

  Slot slots_[readers_max];
  std::atomic<int> slots_used_{0};  // those behind have never been taken
  std::atomic<uint64_t> now_{1};
  mutable std::mutex mutex_;        // guards retired_
  std::deque<Retired> retired_;     // oldest first
  mutable std::mutex small_mutex_;  // guards what follows
  std::deque<Small> small_;         // oldest first
  uint64_t small_safe_ = 0;         // the last safe_epoch()
};

}  // namespace popnet::rt
