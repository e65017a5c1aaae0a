// One thread and one Loop each core: the runtime of a server. A shard owns what runs on it; shards share
// nothing but immutable snapshots and structures that say so.
//
// Life: construct (threads start), on_each()/post() work, stop() (asks every loop to end and joins).
// Destruction stops.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "rt/epoch.h"
#include "rt/loop.h"

namespace popnet::rt {

class Shards {
 public:
  /// Starts `count` threads named "<name>-<index>" (at most 15 characters are shown by the kernel).
  /// REQUIRES: count >= 1
  Shards(std::string name, int count, Epoch& epoch);
  ~Shards() { stop(); }
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  [[nodiscard]] int count() const { return static_cast<int>(loops_.size()); }
  [[nodiscard]] Loop& loop(int shard) { return *loops_[static_cast<size_t>(shard)]; }

  /// Runs `work(shard)` on every shard's thread and waits until all are done; shards that have
  /// stopped are left out. Not from a shard's own thread.
  void on_each(const std::function<void(int shard)>& work);
  /// Ends the loops and joins the threads. Safe to call twice. What lives on the shards must be gone (see
  /// on_each).
  void stop();

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

/// Cores this process may run on (its affinity mask), at least 1.
int usable_cores();
/// Names the calling thread for ps, top and debuggers.
void name_thread(const std::string& name);
/// The calling thread lets those that serve users go first where cores are short: what it computes may take a little
/// longer. Not for threads that hold locks which those wait for, be they malloc's: reclaiming (Epoch) is such work.
void let_others_go_first();

}  // namespace popnet::rt
