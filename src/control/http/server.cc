#include "control/http/server.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/percent.h"
#include "common/text.h"
#include "http/wire/chunked.h"
#include "http/wire/date.h"
#include "http/wire/head.h"
#include "http/wire/writer.h"
#include "rt/socket.h"

namespace popnet::control {

namespace {

constexpr Duration rest_time = std::chrono::milliseconds(100);
constexpr Duration linger_time = std::chrono::seconds(2);

}  // namespace

std::string decode_percent(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = escaped_byte(text, i);
    out += byte < 0 ? text[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return out;
}

std::string HttpRequest::parameter(std::string_view name) const {
  for (const auto part : split(query, '&')) {
    const auto equals = part.find('=');
    if (part.substr(0, equals) == name)
      return equals == part.npos ? "" : decode_percent(part.substr(equals + 1));
  }
  return {};
}

/// receive head -> receive body -> handler -> send -> receive head … or linger -> close
class HttpServer::Connection final : public rt::Watcher, public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpServer& server, rt::UniqueFd fd, const Endpoint& client)
      : server_(server), fd_(std::move(fd)), deadline_(server.loop_, [this] { server_.close(*this); }) {
    request_.client = client;
  }
  ~Connection() {
    if (watched_) server_.loop_.unwatch(fd_.get());
  }

  bool start() {
    watched_ = server_.loop_.watch(fd_.get(), EPOLLIN, *this);
    deadline_.arm_after(server_.options_.deadline);
    return watched_;
  }

  void on_ready(uint32_t events) override {
    const auto self = shared_from_this();  // close() may drop the server's reference
    if (events & EPOLLOUT) return send();
    char buffer[16 * 1024];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return server_.close(*this);
    if (lingering_) return;
    input_.append(buffer, static_cast<size_t>(got));
    // A client that floods while its request is being answered is cut off.
    if (input_.size() > server_.options_.body_max + 2 * http::Limits{}.head_max) return server_.close(*this);
    if (state_ != State::handling) receive();
  }

 private:
  enum class State { head, body, handling };

  void receive() {
    if (state_ == State::head && !receive_head()) return;
    if (state_ == State::body && !receive_body()) return;
    state_ = State::handling;
    server_.handler_(request_, [weak = weak_from_this()](HttpResponse response) {
      if (const auto self = weak.lock()) self->respond(response);
    });
  }

  bool receive_head() {
    http::RequestHead head;
    const auto parsed = http::parse_request(input_, http::Limits{}, head);
    if (parsed.failed()) return refuse(parsed.status, http::to_string(parsed.fault));
    if (!parsed.complete()) return false;
    request_.method = head.method_text;
    request_.host = head.host;
    request_.port = head.port;
    request_.origin = head.fields.get(http::FieldName::origin);
    request_.user_agent = head.fields.get(http::FieldName::user_agent);
    request_.if_match = head.fields.get(http::FieldName::if_match);
    request_.if_none_match = head.fields.get(http::FieldName::if_none_match);
    request_.path = head.target.path;
    request_.query = head.target.query;
    request_.body.clear();
    keep_alive_ = head.keep_alive;
    framing_ = head.body;
    if (framing_.kind == http::Framing::Kind::length && framing_.length > server_.options_.body_max)
      return refuse(413, "the body is too large");
    chunks_ = http::ChunkedReader();
    if (head.expect_continue && framing_.kind != http::Framing::Kind::none)
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    input_.erase(0, parsed.length);
    state_ = State::body;
    if (!output_.empty()) send();
    return true;
  }

  bool receive_body() {
    if (framing_.kind == http::Framing::Kind::chunked) return receive_chunks();
    if (framing_.kind == http::Framing::Kind::none) return true;
    if (input_.size() < framing_.length) return false;
    request_.body = input_.substr(0, framing_.length);
    input_.erase(0, framing_.length);
    return true;
  }

  bool receive_chunks() {
    for (;;) {
      const auto step = chunks_.next(input_);
      request_.body += step.data;
      input_.erase(0, step.consumed);
      if (step.state == http::ChunkedReader::State::done) return true;
      if (step.state == http::ChunkedReader::State::need_more) return false;
      if (step.state == http::ChunkedReader::State::error) return refuse(400, http::to_string(step.fault));
      if (request_.body.size() > server_.options_.body_max) return refuse(413, "the body is too large");
    }
  }

  bool refuse(uint16_t status, std::string_view why) {
    keep_alive_ = false;
    state_ = State::handling;
    respond({.status = status, .body = std::string(why) + "\n"});
    return false;
  }

  void respond(const HttpResponse& response) {
    if (state_ != State::handling) return;  // answered already
    if (server_.draining_) keep_alive_ = false;
    state_ = State::head;
    std::vector<char> room(1024 + response.content_type.size());
    for (const auto& [name, value] : response.fields)
      room.resize(room.size() + name.size() + value.size() + 4);
    http::HeadWriter head(room);
    head.status_line(static_cast<uint16_t>(response.status));
    const auto date = http::format_http_date(server_.loop_.wall());
    head.field("Date", {date.data(), date.size()});
    head.field("Content-Type", response.content_type);
    head.field(http::FieldName::content_length, uint64_t{response.body.size()});
    for (const auto& [name, value] : response.fields) head.field(name, value);
    if (!keep_alive_) head.field("Connection", "close");
    head.end();
    if (!head.ok()) return server_.close(*this);
    output_ += head.written();
    if (request_.method != "HEAD") output_ += response.body;
    closing_ = !keep_alive_;
    deadline_.arm_after(server_.options_.deadline);
    send();
  }

  void send() {
    while (!output_.empty()) {
      const ssize_t sent = ::send(fd_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return wait_for(EPOLLOUT);
      if (sent < 0) return server_.close(*this);
      output_.erase(0, static_cast<size_t>(sent));
    }
    if (closing_) return linger();
    wait_for(EPOLLIN);
    if (state_ == State::head && !input_.empty())
      server_.loop_.post([weak = weak_from_this()] {
        // The next pipelined request, from a fresh stack.
        const auto self = weak.lock();
        if (self && self->state_ == State::head && self->output_.empty()) self->receive();
      });
  }

  /// Closing while the client still sends would reset the connection, and take the answer from it (RFC 9112 section 9.6).
  void linger() {
    ::shutdown(fd_.get(), SHUT_WR);
    lingering_ = true;
    deadline_.arm_after(linger_time);
    wait_for(EPOLLIN);
  }

  void wait_for(uint32_t events) {
    if (watched_ && events != waiting_for_) server_.loop_.rewatch(fd_.get(), events);
    waiting_for_ = events;
  }

  HttpServer& server_;
  rt::UniqueFd fd_;
  rt::Timer deadline_;
  bool watched_ = false;
  uint32_t waiting_for_ = EPOLLIN;
  State state_ = State::head;
  std::string input_, output_;
  HttpRequest request_;
  http::Framing framing_;
  http::ChunkedReader chunks_;
  bool keep_alive_ = true;
  bool closing_ = false;
  bool lingering_ = false;  // all is said; what still comes is thrown away
};

HttpServer::HttpServer(rt::Loop& loop, rt::UniqueFd listener, Options options, Handler handler)
    : loop_(loop),
      listener_(std::move(listener)),
      options_(options),
      handler_(std::move(handler)),
      rest_(loop, [this] { watch_listener(); }) {
  watch_listener();
}

HttpServer::~HttpServer() {
  if (listening_) loop_.unwatch(listener_.get());
}

void HttpServer::watch_listener() {
  listening_ = loop_.watch(listener_.get(), EPOLLIN, acceptor_);
}

void HttpServer::Acceptor::on_ready(uint32_t) {
  server.accept_all();
}

void HttpServer::accept_all() {
  for (;;) {
    rt::SocketAddress address;
    address.length = sizeof address.storage;
    rt::UniqueFd fd(::accept4(listener_.get(), address.raw(), &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Out of descriptors or memory: who waits makes the listener ready all the time, and the loop would
      // spin.
      if (listening_) loop_.unwatch(listener_.get());
      listening_ = false;
      rest_.arm_after(rest_time);
      return;
    }
    if (connections_.size() >= options_.connections_max) continue;
    auto connection = std::make_shared<Connection>(*this, std::move(fd), rt::to_endpoint(address.storage));
    if (connection->start()) connections_.emplace(connection.get(), connection);
  }
}

void HttpServer::close(Connection& connection) {
  connections_.erase(&connection);
  say_if_drained();
}

void HttpServer::drain(std::function<void()> done) {
  accept_all();
  rest_.cancel();
  if (listening_) loop_.unwatch(listener_.get());
  listening_ = false;
  draining_ = true;
  on_drained_ = std::move(done);
  say_if_drained();
}

void HttpServer::say_if_drained() {
  if (draining_ && connections_.empty() && on_drained_) std::exchange(on_drained_, nullptr)();
}

}  // namespace popnet::control
