// A small HTTP/1.1 server: whole requests in, whole responses out. For the admin API and the demo's web
// servers, where plain beats fast; the edge has its own. Keep-alive, no pipelining beyond one request at a
// time, bodies up to Options::body_max, one deadline for each request. Bad requests get what http/wire says
// (400, 431, …) and a closed connection.
//
// Threading: runs on the loop it is given; construct, use and destroy it there. The handler runs on that loop
// too and answers by calling `respond` once, at once or later, on that loop; a call after the client has left
// is ignored.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::control {

struct HttpRequest {
  std::string method;
  std::string host;    // without port, as sent
  std::string port;    // of Host, as sent; empty = none
  std::string origin;  // of the page that asks (RFC 6454 section 7); empty = no browser, or a page of ours
  std::string user_agent;               // as sent
  std::string if_match, if_none_match;  // as sent (RFC 9110 section 13.1); empty = none
  std::string path;                     // as sent, not decoded
  std::string query;                    // behind the "?"
  std::string body;
  Endpoint client;

  /// The first value of that name in the query, percent-decoded; empty if there is none.
  [[nodiscard]] std::string parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body{};
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> fields{};  // besides Content-Type, Content-Length and Date
};

class HttpServer {
 public:
  using Respond = std::function<void(HttpResponse)>;
  using Handler = std::function<void(const HttpRequest&, Respond)>;
  struct Options {
    size_t body_max = 1 << 20;
    size_t connections_max = 256;  // more are closed at once
    Duration deadline = std::chrono::seconds(30);
  };

  /// `listener`: from rt::listen_tcp.
  HttpServer(rt::Loop& loop, rt::UniqueFd listener, Options options, Handler handler);
  /// Closes all connections.
  ~HttpServer();
  /// Takes no new connections; each ends with its next answer, or at its deadline. Calls `done`, once, when there
  /// are none.
  void drain(std::function<void()> done);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

 private:
  class Connection;
  struct Acceptor final : rt::Watcher {
    explicit Acceptor(HttpServer& s) : server(s) {}
    void on_ready(uint32_t events) override;
    HttpServer& server;
  };
  void accept_all();
  void watch_listener();
  void close(Connection& connection);
  void say_if_drained();

  rt::Loop& loop_;
  rt::UniqueFd listener_;
  const Options options_;
  const Handler handler_;
  Acceptor acceptor_{*this};
  bool listening_ = false;
  bool draining_ = false;
  std::function<void()> on_drained_;
  rt::Timer rest_;  // out of descriptors: until the listener is looked at again
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
};

/// Percent-decoding; a broken escape stays as it is.
std::string decode_percent(std::string_view text);

}  // namespace popnet::control
