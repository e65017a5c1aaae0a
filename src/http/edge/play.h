// For tests: small plays on real sockets. A scripted origin, an edge, a client that sends bytes and reads
// answers.
//
//   Play play({.site = [](model::Site& s) { … }});
//   play.origin(0).on("/a", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nhi");
//   EXPECT_EQ(play.get("/a").body, "hi");
//   EXPECT_EQ(play.origin(0).count("/a"), 1);
//
// Every wait is bounded. Origins run one thread for each connection; a script may hold its answer at a Gate.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/text.h"
#include "http/edge/edge.h"
#include "http/wire/chunked.h"
#include "http/wire/head.h"
#include "routing/map.h"
#include "rt/clock.h"
#include "rt/socket.h"
#include "tls/context.h"

namespace popnet::http::play {

inline constexpr std::chrono::seconds patience{20};

/// Closed until opened.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

inline void set_patience(int fd) {
  const timeval limit{patience.count(), 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// A blocking socket with a buffer.
class Line {
 public:
  explicit Line(rt::UniqueFd fd) : fd_(std::move(fd)) { set_patience(fd_.get()); }
  /// From here on over TLS, as the server. The handshake happens within the first calls.
  void secure(const tls::ServerContext& context) { tls_ = context.accept(fd_.get()); }
  /// Says that nothing more comes; without TLS, nothing.
  void end_tls() { tls_.reset(); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = tls_ ? static_cast<ssize_t>(tls_->write(bytes).size)
                             : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  /// One more stretch of bytes into `in`; false at the end, on an error, or after `patience`.
  bool more() {
    char room[64 * 1024];
    const ssize_t n =
        tls_ ? static_cast<ssize_t>(tls_->read(room).size) : ::recv(fd_.get(), room, sizeof room, 0);
    if (n > 0) in.append(room, static_cast<size_t>(n));
    return n > 0;
  }
  /// The other side has closed, and sent nothing before.
  bool at_end() { return in.empty() && !more(); }
  void shut() { ::shutdown(fd_.get(), SHUT_RDWR); }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  /// Closing sends a reset.
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

  std::string in;

 private:
  rt::UniqueFd fd_;
  std::unique_ptr<tls::Session> tls_;
};

inline std::string field_of(const Fields& fields, std::string_view name) {
  std::string all;
  for (const Field& f : fields)
    if (iequals(f.name, name)) all += (all.empty() ? "" : ", ") + std::string(f.value);
  return all;
}

/// Reads a body off the line. False when it breaks off.
inline bool read_body(Line& line, const Framing& framing, std::string& body) {
  if (framing.kind == Framing::Kind::length) {
    while (line.in.size() < framing.length)
      if (!line.more()) return false;
    body = line.in.substr(0, framing.length);
    line.in.erase(0, framing.length);
  } else if (framing.kind == Framing::Kind::until_close) {
    while (line.more()) continue;
    body.swap(line.in);
  } else if (framing.kind == Framing::Kind::chunked) {
    ChunkedReader reader;
    for (;;) {
      const auto step = reader.next(line.in);
      body += step.data;
      line.in.erase(0, step.consumed);
      if (step.state == ChunkedReader::State::done) return true;
      if (step.state == ChunkedReader::State::error) return false;
      if (step.state == ChunkedReader::State::need_more && !line.more()) return false;
    }
  }
  return true;
}

struct Response {
  bool complete = false;  // false: nothing came, or it broke off
  int status = 0;
  std::map<std::string, std::string> fields;  // lower case names
  std::string body;
  bool chunked = false;
  bool keep_alive = true;

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
  [[nodiscard]] bool has(const std::string& name) const { return fields.count(name) > 0; }
};

class Browser : public Line {
 public:
  explicit Browser(const Endpoint& edge) : Line(dial(edge)) {}

  Response read(Method method = Method::get) {
    Response response;
    const auto head = std::make_unique<ResponseHead>();
    Parsed parsed;
    for (;;) {
      parsed = parse_response(in, {}, *head);
      if (parsed.failed()) {
        ADD_FAILURE() << "not an HTTP response: " << to_string(parsed.fault) << "\n" << in;
        return response;
      }
      if (parsed.complete() && !head->interim()) break;
      if (parsed.complete())
        in.erase(0, parsed.length);
      else if (!more())
        return response;
    }
    response.status = head->status;
    response.keep_alive = head->keep_alive;
    for (const Field& f : head->fields) response.fields[to_lower(f.name)] = field_of(head->fields, f.name);
    const ResponseFraming framing = response_framing(*head, method);
    in.erase(0, parsed.length);
    response.chunked = framing.body.kind == Framing::Kind::chunked;
    response.complete = framing.fault == Fault::none && read_body(*this, framing.body, response.body);
    return response;
  }
  Response ask(const std::string& request, Method method = Method::get) {
    if (!send(request)) return {};
    return read(method);
  }

 private:
  static rt::UniqueFd dial(const Endpoint& to) {
    const rt::SocketAddress address(to);
    rt::UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.raw(), address.length), 0) << to.to_string();
    return fd;
  }
};

/// What an origin was asked, and the line to answer on.
struct Asked {
  Line& line;
  std::string method, target, host;
  std::map<std::string, std::string> fields;
  std::string body;
  std::string head;  // as it came

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
};

class ScriptedOrigin {
 public:
  using Script = std::function<void(Asked&)>;

  ScriptedOrigin() : listener_(listen()), endpoint_(rt::local_endpoint(listener_.get())) {
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ScriptedOrigin() { kill(); }

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  /// Connections accepted from here on speak TLS.
  void secure(std::shared_ptr<const tls::ServerContext> context) {
    const std::lock_guard lock(mutex_);
    tls_ = std::move(context);
  }
  /// Connections accepted from here on are heard, and their hands shaken, when it opens.
  void hold(Gate& gate) {
    const std::lock_guard lock(mutex_);
    gate_ = &gate;
  }
  /// What is no request is no failure of the test.
  void allow_garbage() { garbage_ = true; }
  /// How it answers that target ("" = any other).
  void on(const std::string& target, Script script) {
    const std::lock_guard lock(mutex_);
    scripts_[target] = std::move(script);
  }
  void on(const std::string& target, std::string response) {
    on(target, [response = std::move(response)](Asked& asked) { asked.line.send(response); });
  }
  [[nodiscard]] int count(const std::string& target) const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count(targets_.begin(), targets_.end(), target));
  }
  [[nodiscard]] int connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
  }
  [[nodiscard]] std::string last_head() const {
    const std::lock_guard lock(mutex_);
    return last_head_;
  }
  /// As kill -9: the port is closed, and so is every connection.
  void kill() {
    if (dead_.exchange(true)) return;
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    listener_.reset();
    {
      const std::lock_guard lock(mutex_);
      for (Line& line : lines_) line.shut();
    }
    for (std::thread& thread : threads_) thread.join();
  }
  /// Connections that wait for a request are closed.
  void drop_connections() {
    const std::lock_guard lock(mutex_);
    for (Line& line : lines_) line.shut();
  }

 private:
  static rt::UniqueFd listen() {
    rt::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const rt::SocketAddress address({IpAddress::v4(127, 0, 0, 1), 0});
    EXPECT_EQ(::bind(fd.get(), address.raw(), address.length), 0);
    EXPECT_EQ(::listen(fd.get(), 128), 0);
    return fd;
  }
  void accept_all() {
    for (;;) {
      rt::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid() || dead_) return;
      const std::lock_guard lock(mutex_);
      ++connections_;
      Line& line = lines_.emplace_back(std::move(fd));
      if (tls_) line.secure(*tls_);
      threads_.emplace_back([this, &line, gate = gate_] {
        if (gate != nullptr) gate->wait();
        serve(line);
      });
    }
  }
  void serve(Line& line) {
    const auto head = std::make_unique<RequestHead>();
    for (;;) {
      const Parsed parsed = parse_request(line.in, {}, *head);
      if (parsed.failed()) {
        if (!garbage_)
          ADD_FAILURE() << "the edge sent a bad request: " << to_string(parsed.fault) << "\n" << line.in;
        return line.shut();
      }
      if (!parsed.complete()) {
        if (!line.more()) return line.shut();
        continue;
      }
      Asked asked{
          line, std::string(head->method_text),  std::string(head->target.text), std::string(head->host), {},
          {},   line.in.substr(0, parsed.length)};
      for (const Field& f : head->fields) asked.fields[to_lower(f.name)] = field_of(head->fields, f.name);
      const Framing framing = head->body;
      line.in.erase(0, parsed.length);
      Script script;
      {
        const std::lock_guard lock(mutex_);
        targets_.push_back(asked.target);
        last_head_ = asked.head;
        const auto found = scripts_.find(asked.target);
        script = found != scripts_.end() ? found->second : scripts_[""];
      }
      if (!read_body(line, framing, asked.body)) return line.shut();
      if (!script)
        script = [](Asked& a) { a.line.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); };
      script(asked);
    }
  }

  rt::UniqueFd listener_;
  Endpoint endpoint_;
  std::atomic<bool> dead_{false};
  std::atomic<bool> garbage_{false};
  std::thread acceptor_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Script> scripts_;
  std::vector<std::string> targets_;
  std::string last_head_;
  int connections_ = 0;
  std::shared_ptr<const tls::ServerContext> tls_;
  Gate* gate_ = nullptr;
  std::list<Line> lines_;
  std::list<std::thread> threads_;
};

struct Setting {
  std::function<void(model::Site&)> site = {};      // changes to the site "shop" of www.shop.example
  std::function<void(model::Config&)> config = {};  // changes to all
  std::function<void(Edge::Options&)> options = {};
  int origins = 1;
};

/// One site "shop" (www.shop.example, resolves to POPs: so its paths are cached) with its origins, one POP
/// "ams", one edge.
class Play {
 public:
  explicit Play(Setting setting = {}) : origins_(static_cast<size_t>(setting.origins)) {
    ::signal(SIGPIPE, SIG_IGN);  // as popnet does
    auto config = std::make_shared<model::Config>(make_config());
    if (setting.site) setting.site(config->sites[0]);
    if (setting.config) setting.config(*config);
    Edge::Options options;
    options.listen = {{IpAddress::v4(127, 0, 0, 1), 0}};
    options.threads = 2;
    options.cache_memory = 64 << 20;
    options.seed = 42;
    options.process = 0x064d7c07;
    if (setting.options) setting.options(options);
    auto edge = Edge::start(options, epoch_, snapshot(config));
    EXPECT_TRUE(edge) << (edge ? "" : edge.error().message);
    edge_ = std::move(*edge);
    config_ = config;
  }

  ScriptedOrigin& origin(size_t i = 0) { return origins_[i]; }
  Edge& edge() { return *edge_; }
  [[nodiscard]] const model::Config& config() const { return *config_; }
  [[nodiscard]] Endpoint address() const { return edge_->listening().front(); }
  Browser browser() { return Browser(address()); }
  /// On a new connection.
  Response get(const std::string& path, const std::string& fields = {}) {
    return browser().ask("GET " + path + " HTTP/1.1\r\nHost: www.shop.example\r\n" + fields + "\r\n");
  }
  /// What the edge counts: the sum over all labels, or over those with that one.
  double counter(const std::string& name, const std::string& label = {}) {
    std::vector<CounterValue> all;
    edge_->collect(all);
    double sum = 0;
    for (const CounterValue& value : all) {
      bool wanted = label.empty();
      for (const auto& [key, text] : value.labels) wanted = wanted || text == label;
      if (value.name == name && wanted) sum += value.value;
    }
    return sum;
  }
  /// Waits, bounded, for something that another thread does.
  static bool eventually(const std::function<bool()>& condition) {
    const TimePoint end = rt::monotonic_now() + patience;
    while (!condition()) {
      if (rt::monotonic_now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void publish(const std::function<void(model::Config&)>& change) {
    auto config = std::make_shared<model::Config>(*config_);
    change(*config);
    edge_->publish(snapshot(config));
    config_ = config;
  }
  static std::shared_ptr<const routing::Snapshot> snapshot(std::shared_ptr<const model::Config> config) {
    auto metrics = std::make_shared<model::MetricsSnapshot>();
    for (const model::Site& site : config->sites) metrics->origins.emplace_back(site.origins.size());
    metrics->pops.resize(config->pops.size());
    auto snapshot = std::make_shared<routing::Snapshot>();
    snapshot->map = routing::make_map(*config, *metrics, {}, 1, rt::monotonic_now());
    snapshot->config = std::move(config);
    snapshot->metrics = std::move(metrics);
    return snapshot;
  }

 private:
  model::Config make_config() {
    model::Config config;
    config.network.name = "test";
    config.network.zone = "cdn.example";
    config.network.content_hostname = "static.cdn.example";
    config.node.pop = "ams";
    config.pops.push_back({});
    config.pops[0].name = "ams";
    config.pops[0].addresses = {IpAddress::v4(127, 0, 0, 1)};
    model::Site& site = config.sites.emplace_back();
    site.name = "shop";
    site.content_prefix = "shop";
    site.hostnames.push_back(
        {"www.shop.example", model::Resolve::pop, model::Select::least_load, std::chrono::seconds(20), 2});
    site.cache.object_size_max = 8 << 20;
    site.cache.stale_if_error = std::chrono::hours(1);
    for (size_t i = 0; i < origins_.size(); ++i) {
      model::Origin& origin = site.origins.emplace_back();
      origin.name = "web" + std::to_string(i + 1);
      origin.endpoint = origins_[i].endpoint();
    }
    return config;
  }

  std::vector<ScriptedOrigin> origins_;
  rt::Epoch epoch_;
  std::shared_ptr<const model::Config> config_;
  std::unique_ptr<Edge> edge_;
};

inline model::PurgeOrder of_url(std::string url, std::string site = {}, bool soft = false) {
  return {.scope = model::PurgeOrder::Scope::url,
          .site = std::move(site),
          .url = std::move(url),
          .tags = {},
          .soft = soft};
}
inline model::PurgeOrder of_prefix(std::string url) {
  return {.scope = model::PurgeOrder::Scope::prefix, .site = {}, .url = std::move(url), .tags = {}};
}
inline model::PurgeOrder of_site(std::string site, bool soft = false) {
  return {
      .scope = model::PurgeOrder::Scope::site, .site = std::move(site), .url = {}, .tags = {}, .soft = soft};
}
inline model::PurgeOrder of_tags(std::string site, std::vector<std::string> tags, bool soft = false) {
  return {.scope = model::PurgeOrder::Scope::tags,
          .site = std::move(site),
          .url = {},
          .tags = std::move(tags),
          .soft = soft};
}

inline std::string ok(const std::string& body, const std::string& fields = "Cache-Control: max-age=60\r\n") {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace popnet::http::play
