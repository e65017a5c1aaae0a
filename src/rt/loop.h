// The event loop: one each thread, over epoll (level triggered). Owns its timers and the watching of
// descriptors.
//
// Threading: everything belongs to the thread that calls run(), except post() and stop(), which any thread
// may call. Time stands still within a turn: now() is read once after each wait, so that a turn's decisions
// agree. A turn: wait, run ready watchers and posted tasks, run due timers, run what was put off to the end of the turn,
// announce a quiescent moment to the Epoch.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/time.h"
#include "rt/clock.h"
#include "rt/epoch.h"
#include "rt/fd.h"

namespace popnet::rt {

class Loop;

/// Told when its descriptor is ready. May unwatch and destroy itself, and any other watcher, in the call.
class Watcher {
 public:
  /// `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP as epoll_wait(2) reports them.
  virtual void on_ready(uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

/// Fires once each time it is armed. Re-arming to a later time is nearly free (the heap is corrected when the
/// old time comes), which suits deadlines that move with every request; so is rest(). Destroying it cancels it.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_due) : loop_(loop), on_due_(std::move(on_due)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(TimePoint due);
  void arm_after(Duration delay);
  void cancel();
  /// As cancel(), but it keeps its place in the loop, which costs a look when its time comes: for what is armed again soon,
  /// for later.
  void rest() { armed_ = false; }
  [[nodiscard]] bool armed() const { return armed_; }
  /// When it fires. REQUIRES: armed
  [[nodiscard]] TimePoint due() const { return due_; }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> on_due_;
  TimePoint due_{};         // when it is to fire
  TimePoint queued_{};      // its key in the loop's heap; never later than due_
  size_t position_ = npos;  // in the heap
  bool armed_ = false;
  static constexpr size_t npos = static_cast<size_t>(-1);
};

/// Something that is to come within microseconds. While a few are armed and their time is not over, the loop looks again and
/// again instead of sleeping: to be woken takes longer than that, most of all on a virtual machine. Destroying it clears it.
class Expectation {
 public:
  explicit Expectation(Loop& loop) : loop_(loop) {}
  ~Expectation() { clear(); }
  Expectation(const Expectation&) = delete;
  Expectation& operator=(const Expectation&) = delete;

  void arm(TimePoint until);
  /// It has come, or is not waited for any more.
  void clear();

 private:
  Loop& loop_;
  bool armed_ = false;
};

/// Done once, at the end of the turn in which it was asked for, or earlier in it if that takes long (Loop::took_long()). What is
/// sent then goes out after all that came was read, so that who gets it is often awake already: to wake somebody is most of what
/// a send of a few bytes costs. Destroying it clears it.
class Later {
 public:
  Later(Loop& loop, std::function<void()> what) : loop_(loop), what_(std::move(what)) {}
  ~Later() { clear(); }
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  /// Once, however often it is asked for until then. Outside of a turn: in the next one. What it does may ask for others, not for
  /// itself, or the turn would not end.
  void ask();
  void clear();

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> what_;
  size_t place_ = npos;  // in the loop's list
  static constexpr size_t npos = static_cast<size_t>(-1);
};

class Loop {
 public:
  using Task = std::function<void()>;

  /// With an epoch, one of its readers: online in tasks, offline in waits. Throws std::system_error, see there.
  explicit Loop(Epoch* epoch = nullptr);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(). Tasks posted before stop() are still run.
  void run();
  /// Any thread. run() returns after the current turn.
  void stop();
  /// Any thread. The task runs on the loop's thread, in order of posting. False once run() has
  /// ended: the task is dropped.
  bool post(Task task);

  /// The time of this turn.
  [[nodiscard]] TimePoint now() const { return now_; }
  [[nodiscard]] WallTime wall() const { return wall_; }

  /// Reports `events` of `fd` to `watcher` until unwatch(). One watcher a descriptor. `watcher` and `fd` stay
  /// the caller's; unwatch before closing.
  /// False when the kernel has no room for it (max_user_watches, memory): the caller closes that connection;
  /// it is not watched.
  bool watch(int fd, uint32_t events, Watcher& watcher);
  void rewatch(int fd, uint32_t events);
  void unwatch(int fd);
  /// Any thread, for a descriptor that goes to another loop: this one watches it no more. Its watcher may still be told
  /// of it until the end of the turn that runs now, and must live as long; then the loop has forgotten it.
  void give_away(int fd);
  /// Every descriptor that was ready when this turn began is reported in it; false when they were too many.
  [[nodiscard]] bool told_all() const { return told_all_; }
  /// The present call, and others of this turn before it, have kept this thread for as long as some sends take: what was put off
  /// until the end of the turn (Later) is done behind it, for more of the same may follow.
  void took_long() { took_long_ = true; }

 private:
  friend class Timer;
  friend class Expectation;
  friend class Later;
  struct Watch {
    Watcher* watcher = nullptr;
    uint32_t generation = 0;  // tells a late event of a closed descriptor from one of its successor
  };

  void read_clocks();
  int wait_ms() const;
  int wait(int timeout_ms);
  void run_watchers(int count);
  void run_timers();
  void run_posted();
  void run_later();
  void heap_push(Timer& timer);
  void heap_remove(Timer& timer);
  void sift_up(size_t i);
  void sift_down(size_t i);

  UniqueFd epoll_;
  UniqueFd wake_;  // eventfd
  std::unique_ptr<Epoch::Reader> reader_;
  TimePoint now_;
  WallTime wall_;
  std::vector<epoll_event> ready_;
  std::vector<Watch> watches_;  // by descriptor
  std::vector<Timer*> timers_;  // binary heap by queued_
  std::vector<Later*> later_;   // null: cleared
  std::atomic<bool> stop_{false};
  bool told_all_ = true;
  bool took_long_ = false;
  uint32_t expecting_ = 0;    // Expectations that are armed
  TimePoint awake_until_{};   // meanwhile
  Timer* running_ = nullptr;  // the timer whose callback runs, unless that destroyed it
  bool in_timers_ = false;
  std::mutex mutex_;  // guards posted_ and ended_
  std::vector<Task> posted_;
  bool ended_ = false;
};

}  // namespace popnet::rt
