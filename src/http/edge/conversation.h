// For tests: whole conversations, bytes in on both sides, through a real worker of the edge, its store and its
// sockets, in one thread. Two customers, a.test and b.test, each with one web server; what clients and web servers
// say comes from a script, which may be anything. Whatever it is,
//
//   - a web server hears only requests that a client of its site has made, each written by the rules, and those
//     that are not idempotent no more often than they were made: nothing is smuggled;
//   - a client gets at most one answer for each of its requests, in order, each exactly as long as it announces;
//   - nothing that the web server of one site has said reaches a client of the other.
//
// The script is text: steps separated by 0xff, each beginning with a letter that says what is done with the rest.
//
//   c  the client sends it            n  the same, as a new client       p  the same, as the client before
//   x  the same, then it goes         o  some web server's next answer   e  the same, not waiting for the whole request
//   z  the same as o, then it closes  C  as c, but without waiting until everything is quiet
//   d  as c, by a client that reads no more: what is sent to it fails
//   g  as e, and in that moment the client reads no more
//
// The readers of this file are not those of the edge: simple, slow and strict. What clients mean by what they send
// is read by the edge's own parser, which has fuzzers of its own.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/text.h"
#include "http/edge/client.h"
#include "http/edge/view.h"
#include "http/edge/worker.h"
#include "http/wire/chunked.h"
#include "http/wire/head.h"
#include "routing/map.h"
#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::http::conversation {

/// Each site's own sign: what its web server sends holds no other one, what clients send holds none.
inline constexpr char signs[] = {'{', '}'};
inline constexpr std::string_view hosts[] = {"a.test", "b.test"};

inline std::string with_sign(std::string_view text, char sign) {
  std::string out(text);
  for (char& c : out)
    if (c == signs[0] || c == signs[1]) c = sign;
  return out;
}

// --- simple readers of what the edge writes ---

struct Message {
  enum class State { complete, partial, wrong };
  State state = State::partial;
  std::string start;
  std::vector<std::pair<std::string, std::string>> fields;
  size_t head_length = 0;  // 0: the head is not complete
  size_t length = 0;       // of what there is of the message

  [[nodiscard]] std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : fields)
      if (iequals(key, name)) values.push_back(value);
    return values;
  }
};

/// Digits alone, below 2^64.
inline std::optional<uint64_t> read_number(std::string_view text, int base = 10) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

inline void read_chunks(std::string_view bytes, Message& out) {
  for (;;) {
    const size_t line = bytes.find("\r\n", out.length);
    if (line == bytes.npos) return;
    const auto count = read_number(bytes.substr(out.length, line - out.length), 16);
    if (!count) return void(out.state = Message::State::wrong);
    const size_t left = bytes.size() - (line + 2);
    if (left < 2 || left - 2 < *count) return;
    if (bytes.substr(line + 2 + *count, 2) != "\r\n") return void(out.state = Message::State::wrong);
    out.length = line + 2 + *count + 2;
    if (*count == 0) return void(out.state = Message::State::complete);
  }
}

/// `bodiless`: a body does not follow, whatever the fields say. `open`: without a length it ends with the connection.
inline Message read_message(std::string_view bytes, bool bodiless, bool open) {
  Message out;
  const size_t end = bytes.find("\r\n\r\n");
  out.length = bytes.size();
  if (end == bytes.npos) return out;
  std::string_view head = bytes.substr(0, end + 2);
  out.state = Message::State::wrong;
  for (bool first = true; !head.empty(); first = false) {
    const size_t line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    head.remove_prefix(line_end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos) return out;
    if (first) {
      out.start = line;
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos || colon == 0 || line.substr(0, colon).find_first_of(" \t") != line.npos)
      return out;
    out.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1), " \t"));
  }
  out.head_length = out.length = end + 4;
  const auto lengths = out.all("Content-Length"), codings = out.all("Transfer-Encoding");
  if (lengths.size() + codings.size() > 1) return out;
  const auto announced = lengths.empty() ? 0 : read_number(lengths[0]);
  if (!announced) return out;
  if (!codings.empty() && codings[0] != "chunked") return out;
  out.state = Message::State::complete;
  if (bodiless) return out;
  if (!codings.empty()) {
    out.state = Message::State::partial;
    read_chunks(bytes, out);
    if (out.state == Message::State::partial) out.length = bytes.size();
  } else if (!lengths.empty()) {
    const size_t left = bytes.size() - out.head_length;
    if (left < *announced) out.state = Message::State::partial;
    out.length = out.head_length + std::min<uint64_t>(left, *announced);
  } else if (open) {
    out.state = Message::State::partial;
    out.length = bytes.size();
  }
  return out;
}

struct Made {
  std::string method, target, host;
  bool tunnel = false;
};

/// What the bytes of a client are as requests, up to the first that is none, or not complete.
inline std::vector<Made> read_requests(std::string_view bytes) {
  std::vector<Made> made;
  const auto head = std::make_unique<RequestHead>();
  for (;;) {
    const Parsed parsed = parse_request(bytes, Limits{}, *head);
    if (!parsed.complete()) return made;
    std::string target(head->target.path.empty() ? "/" : head->target.path);
    if (head->target.has_query) target.append("?").append(head->target.query);
    made.push_back({std::string(head->method_text), target, to_lower(std::string(head->host)),
                    head->fields.has(FieldName::upgrade)});
    if (made.back().host.ends_with('.')) made.back().host.pop_back();
    if (!head->keep_alive) return made;
    bytes.remove_prefix(parsed.length);
    if (head->body.kind == Framing::Kind::length) {
      if (bytes.size() < head->body.length) return made;
      bytes.remove_prefix(head->body.length);
    } else if (head->body.kind == Framing::Kind::chunked) {
      ChunkedReader chunks;
      for (bool done = false; !done;) {
        const auto step = chunks.next(bytes);
        bytes.remove_prefix(step.consumed);
        if (step.state == ChunkedReader::State::error || step.state == ChunkedReader::State::need_more)
          return made;
        done = step.state == ChunkedReader::State::done;
      }
    }
  }
}

// --- the stage ---

inline rt::UniqueFd listen_quietly() {
  rt::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const rt::SocketAddress address({IpAddress::v4(127, 0, 0, 1), 0});
  if (::bind(fd.get(), address.raw(), address.length) != 0 || ::listen(fd.get(), 64) != 0) std::abort();
  return fd;
}

inline constexpr uint64_t slice_bytes = 4;  // of objects below /slice

/// What is the same for all scripts.
struct Stage {
  Stage() {
    auto config = std::make_shared<model::Config>();
    config->node.pop = "ams";
    config->pops.emplace_back().name = "ams";
    config->pops[0].addresses = {IpAddress::v4(127, 0, 0, 1)};
    for (size_t i = 0; i < 2; ++i) {
      model::Site& site = config->sites.emplace_back();
      site.name = std::string(1, hosts[i][0]);
      site.hostnames.push_back({std::string(hosts[i]), model::Resolve::pop, model::Select::least_load,
                                std::chrono::seconds(20), 2});
      site.rules.push_back({"/proxy*", model::Action::proxy, {}, {}});
      site.rules.push_back({"/deny*", model::Action::deny, {}, {}});
      site.rules.push_back({"/ttl*", model::Action::cache, std::chrono::seconds(60), {}});
      site.rules.push_back({"/slice*", model::Action::cache, {}, {}, slice_bytes});
      site.cache.object_size_max = 64 << 10;
      site.cache.stale_if_error = std::chrono::hours(1);
      site.purge_from.emplace_back(IpAddress::v4(127, 0, 0, 0), 8);
      model::Origin& origin = site.origins.emplace_back();
      origin.name = "web";
      origin.endpoint = rt::local_endpoint(listeners[i].get());
    }
    config->sites[1].cache.set_cookie = model::SetCookie::strip;
    auto metrics = std::make_shared<model::MetricsSnapshot>();
    for (const model::Site& site : config->sites) metrics->origins.emplace_back(site.origins.size());
    metrics->pops.resize(1);
    auto made = std::make_shared<routing::Snapshot>();
    made->map = routing::make_map(*config, *metrics, {}, 1, rt::monotonic_now());
    made->config = std::move(config);
    made->metrics = std::move(metrics);
    snapshot = std::move(made);
    options.listen = {{IpAddress::v4(127, 0, 0, 1), 8080}};
    options.threads = 1;
    options.cache_memory = 1 << 20;
  }

  const rt::UniqueFd listeners[2] = {listen_quietly(), listen_quietly()};
  std::shared_ptr<const routing::Snapshot> snapshot;
  Edge::Options options;
};

/// One script, played.
class Conversation {
 public:
  Conversation(const Stage& stage, std::string_view script)
      : stage_(stage),
        store_({stage.options.cache_memory, 1, 4}, epoch_),
        registry_(store_, 1),
        view_(epoch_, make_view(stage.snapshot, nullptr, registry_, 1)),
        shared_(stage.options, nullptr, store_, view_),
        loop_(&epoch_),
        worker_(std::make_unique<Worker>(0, loop_, shared_, 1)) {
    read_script(script);
  }

  /// What is not as it must be; empty when all is well.
  std::string play() {
    next_turn();
    loop_.run();
    for (size_t i = 0; i < clients_.size(); ++i) judge_client(i);
    judge_origins();
    return wrong_;
  }
  /// Requests that web servers have heard.
  [[nodiscard]] size_t heard() const { return heard_.size(); }
  /// What that client has got.
  [[nodiscard]] const std::string& answers(size_t client) const { return clients_[client].heard; }

 private:
  struct Step {
    char what;
    std::string bytes;
  };
  struct Visitor {
    rt::UniqueFd fd;
    std::string said, heard;
  };
  struct Answer {
    char what;
    std::string bytes;
  };
  struct Wire {
    rt::UniqueFd fd;
    size_t site;
    std::string heard;
    bool tunnel = false;
    bool answered = false;  // the request that is at the front, early
  };
  struct Heard {
    size_t site;
    Message request;
    bool tunnel;
  };

  static constexpr int quiet_turns = 4;
  static constexpr int turns_max = 4000;
  static constexpr size_t clients_max = 6;

  void read_script(std::string_view script) {
    while (!script.empty()) {
      const size_t end = std::min(script.find('\xff'), script.size());
      const std::string_view step = script.substr(0, end);
      script.remove_prefix(std::min(end + 1, script.size()));
      if (step.empty()) continue;
      if (std::string_view("oezg").find(step[0]) != std::string_view::npos)
        answers_.push_back({step[0], std::string(step.substr(1))});
      else
        steps_.push_back({step[0], with_sign(step.substr(1), '_')});
    }
  }

  void next_turn() {
    (void)loop_.post([this] { take_turn(); });
  }

  void take_turn() {
    const bool moved = move_bytes();
    quiet_ = moved ? 0 : quiet_ + 1;
    const bool hasty = !steps_.empty() && steps_.front().what == 'C';
    if (++turns_ < turns_max && (quiet_ < quiet_turns || !steps_.empty())) {
      if (!steps_.empty() && (hasty || quiet_ >= quiet_turns)) take_step();
      return next_turn();
    }
    for (Wire& wire : wires_) drop(wire.fd);
    for (Visitor& client : clients_) {
      hear(client.fd, client.heard);
      client.fd.reset();
    }
    worker_->stop();
    for (const rt::UniqueFd& listener : stage_.listeners)
      for (rt::UniqueFd fd; (fd = rt::UniqueFd(::accept(listener.get(), nullptr, nullptr))).valid();)
        drop(fd);
    loop_.stop();
  }

  void take_step() {
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    quiet_ = 0;
    if (clients_.empty() || (step.what == 'n' && clients_.size() < clients_max)) come();
    if (step.what == 'n') present_ = clients_.size() - 1;
    if (step.what == 'p' && present_ > 0) --present_;
    Visitor& client = clients_[present_];
    if (!client.fd.valid()) return;
    if (step.what == 'd') read_no_more(client);
    const ssize_t n =
        ::send(client.fd.get(), step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) client.said.append(step.bytes, 0, static_cast<size_t>(n));
    if (step.what == 'x') {
      hear(client.fd, client.heard);
      client.fd.reset();
    }
  }

  static void read_no_more(Visitor& client) {
    hear(client.fd, client.heard);
    if (client.fd.valid()) ::shutdown(client.fd.get(), SHUT_RD);
  }

  void come() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    ::signal(SIGPIPE, SIG_IGN);  // as popnet does
    clients_.push_back({rt::UniqueFd(ends[0]), {}, {}});
    worker_->accepted(rt::UniqueFd(ends[1]), IpAddress::v4(127, 0, 0, 9), stage_.options.listen.front().port);
  }

  /// False at the end, or when there is nothing.
  static bool hear(const rt::UniqueFd& fd, std::string& heard, bool* ended = nullptr) {
    if (!fd.valid()) return false;
    char room[16 * 1024];
    const ssize_t n = ::recv(fd.get(), room, sizeof room, MSG_DONTWAIT);
    if (n > 0) heard.append(room, static_cast<size_t>(n));
    if (ended != nullptr) *ended = n == 0 || (n < 0 && errno != EAGAIN);
    return n > 0;
  }

  /// With a reset, so that ports do not stay taken.
  static void drop(rt::UniqueFd& fd) {
    if (!fd.valid()) return;
    const linger hard{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd.reset();
  }

  bool move_bytes() {
    bool moved = false;
    for (Visitor& client : clients_) moved |= hear(client.fd, client.heard);
    for (size_t site = 0; site < 2; ++site) {
      rt::UniqueFd fd(
          ::accept4(stage_.listeners[site].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.valid()) continue;
      wires_.push_back({std::move(fd), site, {}});
      moved = true;
    }
    for (Wire& wire : wires_) {
      if (!wire.fd.valid()) continue;
      bool ended = false;
      moved |= hear(wire.fd, wire.heard, &ended);
      serve(wire);
      if (ended && wire.fd.valid()) {
        leave(wire);
        moved = true;
      }
    }
    return moved;
  }

  void serve(Wire& wire) {
    while (wire.fd.valid() && !wire.tunnel && !wire.heard.empty()) {
      Message request = read_message(wire.heard, false, false);
      if (request.state == Message::State::wrong) return fail("a web server heard no request: " + wire.heard);
      const bool hasty = !answers_.empty() && (answers_.front().what == 'e' || answers_.front().what == 'g');
      const bool early = hasty && !wire.answered && request.head_length > 0;
      if (request.state == Message::State::partial && !early) return;
      if (!wire.answered) answer(wire);
      wire.answered = request.state == Message::State::partial;
      if (wire.answered || !wire.fd.valid()) return note(wire, std::move(request));
      wire.heard.erase(0, request.length);
      note(wire, std::move(request));
    }
  }

  /// Once for each request.
  void note(Wire& wire, Message request) {
    if (!noted_early_ || wire.answered) heard_.push_back({wire.site, std::move(request), wire.tunnel});
    noted_early_ = wire.answered;
  }

  void answer(Wire& wire) {
    Answer next{'o', "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\n{{"};
    if (!answers_.empty()) {
      next = std::move(answers_.front());
      answers_.pop_front();
    }
    const std::string bytes = with_sign(next.bytes, signs[wire.site]);
    (void)!::send(wire.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    wire.tunnel = bytes.find(" 101") != bytes.npos;
    if (next.what == 'z') ::shutdown(wire.fd.get(), SHUT_WR);
    if (next.what == 'g' && !clients_.empty()) read_no_more(clients_[present_]);
  }

  void leave(Wire& wire) { drop(wire.fd); }

  void fail(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  void judge_client(size_t index) {
    const Visitor& client = clients_[index];
    const std::vector<Made> made = read_requests(client.said);
    made_.insert(made_.end(), made.begin(), made.end());
    std::string_view rest = client.heard;
    for (size_t i = 0; !rest.empty();) {
      const bool head_only = i < made.size() && made[i].method == "HEAD";
      const int status = rest.size() > 12 ? std::atoi(std::string(rest.substr(9, 3)).c_str()) : 0;
      const bool bodiless = head_only || status / 100 == 1 || status == 204 || status == 304;
      Message answer = read_message(rest, bodiless, true);
      if (answer.state == Message::State::wrong ||
          !rest.starts_with(std::string_view("HTTP/1.1 ").substr(0, rest.size())))
        return fail("a client got what is no answer: " + std::string(rest));
      if (answer.head_length == 0) return;
      if (status < 100 || status > 599) return fail("a client got a status that is none: " + answer.start);
      if (i < made.size()) judge_sign(made[i], rest.substr(0, answer.length));
      if (status == 101) return judge_sign(made[std::min(i, made.size() - 1)], rest);
      rest.remove_prefix(answer.length);
      if (status < 200) continue;
      const bool last = answer.state == Message::State::partial || !answer.all("Connection").empty();
      if (i++ >= made.size() && !last) return fail("a client got an answer to nothing: " + client.heard);
      if (last && !rest.empty()) return fail("a client got more than was announced: " + client.heard);
    }
  }

  void judge_sign(const Made& made, std::string_view answer) {
    for (size_t site = 0; site < 2; ++site)
      if (made.host != hosts[site] && answer.find(signs[site]) != answer.npos)
        fail("a client of " + made.host + " got what another site's web server said: " + std::string(answer));
  }

  void judge_origins() {
    std::vector<Made> left = made_;
    for (const Heard& heard : heard_) judge_request(heard, left);
  }

  void judge_request(const Heard& heard, std::vector<Made>& left) {
    const std::string& line = heard.request.start;
    const size_t one = line.find(' '), two = line.rfind(' ');
    if (one == line.npos || one == two || line.substr(two) != " HTTP/1.1")
      return fail("a web server heard: " + line);
    const std::string method = line.substr(0, one), target = line.substr(one + 1, two - one - 1);
    const auto host = heard.request.all("Host");
    const std::string_view own = hosts[heard.site];
    if (host.size() != 1 || !iequals(std::string_view(host[0]).substr(0, own.size()), own) ||
        heard.request.all("Via").size() != 1 || heard.request.all("X-Forwarded-Host").size() > 1)
      return fail("the web server of " + std::string(own) + " heard a request with these fields: " + line);
    const auto is_made = [&](const Made& made) {
      return made.host == own && made.target == target &&
             (made.method == method || (method == "GET" && made.method == "HEAD"));
    };
    const auto found = std::find_if(left.begin(), left.end(), is_made);
    if (found == left.end()) return fail("a web server heard what no client has asked: " + line);
    const bool may_be_repeated =
        method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
    if (!may_be_repeated) left.erase(found);
  }

  const Stage& stage_;
  rt::Epoch epoch_;
  Store store_;
  Registry registry_;
  rt::Published<View> view_;
  EdgeShared shared_;
  rt::Loop loop_;
  std::unique_ptr<Worker> worker_;
  std::deque<Step> steps_;
  std::deque<Answer> answers_;
  std::vector<Visitor> clients_;
  size_t present_ = 0;
  std::deque<Wire> wires_;
  std::vector<Heard> heard_;
  std::vector<Made> made_;
  bool noted_early_ = false;
  int quiet_ = 0, turns_ = 0;
  std::string wrong_;
};

}  // namespace popnet::http::conversation
