// A thread that does something a few times a second, and a last time when it ends.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/time.h"
#include "rt/shards.h"

namespace popnet::records {

class Periodic {
 public:
  Periodic(std::string name, Duration interval, std::function<void()> work)
      : thread_([this, name = std::move(name), interval, work = std::move(work)] {
          rt::name_thread(name);
          for (bool stop = false; !stop;) {
            {
              std::unique_lock lock(mutex_);
              wake_.wait_for(lock, interval, [this] { return stop_; });
              stop = stop_;
            }
            work();
          }
        }) {}
  ~Periodic() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  std::mutex mutex_;  // guards stop_
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace popnet::records
