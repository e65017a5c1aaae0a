// For tests: a primary that closes each connection at once, on the thread of a loop.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstddef>
#include <functional>

#include "rt/fd.h"
#include "rt/loop.h"
#include "rt/socket.h"

namespace popnet::dns::testing {

class DeafPrimary final : public rt::Watcher {
 public:
  explicit DeafPrimary(rt::Loop& loop)
      : loop_(loop), listener_(rt::listen_tcp(*Endpoint::parse("127.0.0.1:0")).value()) {
    loop_.watch(listener_.get(), EPOLLIN, *this);
  }
  ~DeafPrimary() { loop_.unwatch(listener_.get()); }
  DeafPrimary(const DeafPrimary&) = delete;
  DeafPrimary& operator=(const DeafPrimary&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return rt::local_endpoint(listener_.get()); }
  void on_ready(uint32_t) override {
    while (rt::UniqueFd(::accept(listener_.get(), nullptr, nullptr)).valid()) ++asked;
    if (on_asked) on_asked();
  }

  size_t asked = 0;
  std::function<void()> on_asked;

 private:
  rt::Loop& loop_;
  rt::UniqueFd listener_;
};

}  // namespace popnet::dns::testing
