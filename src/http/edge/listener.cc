#include "http/edge/listener.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/log.h"
#include "http/edge/worker.h"
#include "rt/socket.h"

namespace popnet::http {

namespace {
constexpr int each_turn_max = 64;  // connections taken before others have their turn
constexpr Duration rest_time = std::chrono::milliseconds(100);
}  // namespace

Listener::Listener(Worker& worker, rt::UniqueFd socket)
    : worker_(worker),
      fd_(std::move(socket)),
      port_(rt::local_endpoint(fd_.get()).port),
      rest_(worker.loop, [this] { watched_ = worker_.loop.watch(fd_.get(), EPOLLIN, *this); }) {
  watched_ = worker_.loop.watch(fd_.get(), EPOLLIN, *this);
}

Listener::~Listener() {
  // Who has been taken by the kernel already is served, not reset.
  while (accept_one()) continue;
  if (watched_) worker_.loop.unwatch(fd_.get());
}

void Listener::on_ready(uint32_t) {
  for (int i = 0; i < each_turn_max && accept_one(); ++i) continue;
}

bool Listener::accept_one() {
  sockaddr_storage from;
  socklen_t length = sizeof from;
  rt::UniqueFd socket(
      ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) {
    worker_.accepted(std::move(socket), rt::to_endpoint(from).address, port_);
    return true;
  }
  if (errno == EINTR || errno == ECONNABORTED) return true;
  if (errno == EAGAIN) return false;
  log::warning("cannot take a connection: {}; trying again in {} ms", std::strerror(errno), to_ms(rest_time));
  if (watched_) worker_.loop.unwatch(fd_.get());
  watched_ = false;
  rest_.arm_after(rest_time);
  return false;
}

}  // namespace popnet::http
