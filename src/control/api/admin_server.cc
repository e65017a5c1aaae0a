#include "control/api/admin_server.h"

#include <future>
#include <memory>
#include <utility>

#include "rt/clock.h"
#include "rt/shards.h"
#include "rt/socket.h"

namespace popnet::control {

namespace {
constexpr const char* socket_use = "admin";
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Endpoint& listen, Hooks hooks,
                                                        size_t connections_max, rt::PassedSockets* passed) {
  std::vector<rt::UniqueFd> sockets;
  if (passed != nullptr) sockets = passed->take({socket_use, listen});
  if (sockets.empty()) {
    if (listen.port != 0 && (passed == nullptr || !passed->has_port(listen.port)))
      if (const Status free = rt::check_port_free(/*tcp=*/true, listen); !free.ok()) return free.error();
    auto listener = rt::listen_tcp(listen);
    if (!listener) return listener.error();
    sockets.push_back(std::move(*listener));
  }
  return std::unique_ptr<AdminServer>(
      new AdminServer(std::move(sockets.front()), listen, std::move(hooks), connections_max));
}

AdminServer::AdminServer(rt::UniqueFd listener, const Endpoint& asked, Hooks hooks, size_t connections_max)
    : socket_{{socket_use, asked}, listener.get()},
      endpoint_(rt::local_endpoint(listener.get())),
      api_(std::move(hooks), rt::monotonic_now()),
      connections_max_(connections_max) {
  worker_ = std::thread([this] {
    rt::name_thread("admin-work");
    working_.run();
  });
  answerer_ = std::thread([this, fd = std::move(listener)]() mutable {
    rt::name_thread("admin");
    serve(std::move(fd));
  });
}

AdminServer::~AdminServer() {
  working_.stop();
  worker_.join();
  answering_.stop();
  answerer_.join();
}

void AdminServer::serve(rt::UniqueFd listener) {
  HttpServer server(
      answering_, std::move(listener), HttpServer::Options{.connections_max = connections_max_},
      [this](const HttpRequest& request, const HttpServer::Respond& respond) { handle(request, respond); });
  server_ = &server;
  answering_.run();
}

void AdminServer::drain(Duration at_most) {
  const auto drained = std::make_shared<std::promise<void>>();
  if (answering_.post([this, drained] { server_->drain([drained] { drained->set_value(); }); }))
    drained->get_future().wait_for(at_most);
}

void AdminServer::handle(const HttpRequest& request, const HttpServer::Respond& respond) {
  if (!Api::is_slow(request)) return respond(api_.answer(request, rt::monotonic_now()));
  working_.post([this, request, respond] {
    answering_.post([respond, response = api_.answer(request, rt::monotonic_now())] { respond(response); });
  });
}

}  // namespace popnet::control
