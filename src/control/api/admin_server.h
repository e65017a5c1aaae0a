// The admin server of a node: the API (api.h) on a socket and two threads of its own. One thread answers;
// what may take a moment (a new config, a purge that waits for the bus) is done on the other, so that health
// checks and /metrics are answered meanwhile.
//
// Threading: start and destroy anywhere but on its own threads. Hooks are called until the destructor
// returns.
#pragma once

#include <memory>
#include <thread>

#include "common/ip.h"
#include "common/result.h"
#include "control/api/api.h"
#include "rt/fd.h"
#include "rt/loop.h"
#include "rt/passing.h"

namespace popnet::control {

class AdminServer {
 public:
  /// Listens and answers from then on. ErrorCode::machine when the address cannot be had.
  /// `connections_max`: at once; more are closed. `passed`: sockets of a process before this one.
  static Result<std::unique_ptr<AdminServer>> start(
      const Endpoint& listen, Hooks hooks, size_t connections_max = HttpServer::Options{}.connections_max,
      rt::PassedSockets* passed = nullptr);
  /// Waits for a request that is being answered; closes all connections.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Where it listens: with the port that the kernel chose, when 0 was asked for.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

  /// For a process that goes on with it. Valid until drain().
  [[nodiscard]] const rt::SocketRef& socket() const { return socket_; }
  /// Takes no new connections; waits for at most so long until those that are there have had an answer.
  void drain(Duration at_most);

 private:
  AdminServer(rt::UniqueFd listener, const Endpoint& asked, Hooks hooks, size_t connections_max);
  void serve(rt::UniqueFd listener);
  void handle(const HttpRequest& request, const HttpServer::Respond& respond);

  const rt::SocketRef socket_;
  const Endpoint endpoint_;
  const Api api_;
  const size_t connections_max_;
  HttpServer* server_ = nullptr;  // of the answerer
  rt::Loop answering_;
  rt::Loop working_;
  std::thread answerer_;
  std::thread worker_;
};

}  // namespace popnet::control
