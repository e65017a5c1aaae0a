// A listening socket of one thread. Out of descriptors it rests a moment instead of spinning.
#pragma once

#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::http {

class Worker;

class Listener final : rt::Watcher {
 public:
  Listener(Worker& worker, rt::UniqueFd socket);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  void on_ready(uint32_t events) override;
  /// False when there is none, or none can be taken.
  bool accept_one();

  Worker& worker_;
  rt::UniqueFd fd_;
  const uint16_t port_;
  bool watched_ = false;
  rt::Timer rest_;
};

}  // namespace popnet::http
