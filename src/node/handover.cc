#include "node/handover.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "cluster/codec/codec.h"
#include "common/log.h"
#include "common/text.h"
#include "rt/shards.h"

namespace popnet::node {

namespace {

using namespace std::chrono_literals;

// Raised when a word below changes its meaning: processes of different versions then say so and part.
constexpr std::string_view protocol = "popnet-handover-1";
constexpr Duration offer_patience = 60s;  // it may be reading a large config
constexpr Duration hello_patience = 5s;
constexpr Duration drains_patience = 10s;
constexpr size_t purges_waiting_max = 10'000;  // until it serves the successor has hardly anything to purge
constexpr size_t received_max = rt::message_bytes_max - 1024;  // bytes of a connection that go along with it

std::string path_in(const std::string& state_dir) {
  return state_dir + "/handover";
}

/// The words behind the protocol's name; none when it is another's.
std::vector<std::string_view> words_of(std::string_view text) {
  auto words = split(text, ' ');
  if (words.empty() || words.front() != protocol) return {};
  words.erase(words.begin());
  return words;
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<rt::SocketUse> socket_use(std::string_view line) {
  const auto words = split(line, ' ');
  if (words.size() != 2) return std::nullopt;
  const auto asked = Endpoint::parse(words[1]);
  if (!asked) return std::nullopt;
  return rt::SocketUse{std::string(words[0]), *asked};
}

/// "<endpoint>", or "<endpoint> proxy", or "<endpoint> proxy <resolver>"; behind that "tls <endpoint>" if it comes decrypted.
std::string peer_text(const dns::ConnectionPeer& peer) {
  std::string text = peer.from.to_string();
  if (peer.proxy) text += " proxy";
  if (peer.resolver) text += " " + peer.resolver->to_string();
  if (peer.decrypted_at) text += " tls " + peer.decrypted_at->to_string();
  return text;
}

std::optional<dns::ConnectionPeer> peer_of(std::span<const std::string_view> words) {
  std::optional<Endpoint> decrypted_at;
  if (words.size() > 2 && words[words.size() - 2] == "tls") {
    const auto at = Endpoint::parse(words.back());
    if (!at) return std::nullopt;
    decrypted_at = *at;
    words = words.first(words.size() - 2);
  }
  if (words.empty() || words.size() > 3 || (words.size() > 1 && words[1] != "proxy")) return std::nullopt;
  const auto from = Endpoint::parse(words[0]);
  if (!from) return std::nullopt;
  dns::ConnectionPeer peer{*from, words.size() > 1, {}, decrypted_at};
  if (words.size() < 3) return peer;
  const auto resolver = IpAddress::parse(words[2]);
  if (!resolver) return std::nullopt;
  peer.resolver = *resolver;
  return peer;
}

/// What is too long becomes a purge of the whole site. `word`: "purge" or "unsent".
std::string purge_text(std::string_view word, const model::PurgeOrder& order) {
  const auto text = [word](const model::PurgeOrder& o) {
    return fmt::format("{} {}\n{}", protocol, word, cluster::encode_purge(o));
  };
  std::string told = text(order);
  if (told.size() <= rt::message_bytes_max) return told;
  model::PurgeOrder site = order;
  site.scope = model::PurgeOrder::Scope::site;
  site.tags.clear();
  return text(site);
}

std::optional<model::PurgeOrder> purge_of(std::string_view word, std::string_view text) {
  const size_t end = text.find('\n');
  const auto words = words_of(text.substr(0, end));
  if (words.size() != 1 || words[0] != word || end == std::string_view::npos) return std::nullopt;
  auto order = cluster::decode_purge(text.substr(end + 1));
  if (!order) return std::nullopt;
  return std::move(*order);
}

/// What is passed on may not hold up for long those who serve.
void limit_sending(int socket) {
  const timeval patience{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Error not_understood() {
  return {
      ErrorCode::unavailable,
      "the running node is of a version that this one cannot take over from: stop it, then start this one"};
}

}  // namespace

// ---- the successor

Result<Predecessor> Predecessor::find(const std::string& state_dir, uint64_t run) {
  auto socket = rt::connect_local(path_in(state_dir));
  if (!socket) return socket.error();
  Predecessor found;
  found.socket_ = std::move(*socket);
  // When it cannot be said, there is an answer already: somebody else was first.
  (void)rt::send_message(found.socket_.get(), fmt::format("{} hello {}", protocol, run));
  if (const Status received = found.receive_offer(); !received) return received.error();
  return found;
}

Status Predecessor::receive_offer() {
  const auto head = rt::receive_message(socket_.get(), offer_patience);
  if (!head) return head.error();
  const auto words = words_of(head->text);
  if (!words.empty() && words[0] == "busy")
    return Error{ErrorCode::unavailable, "another process is taking over from the running node already"};
  if (words.size() != 4 || words[0] != "offer") return not_understood();
  const auto its_run = number(words[1]), its_chance = number(words[2]), count = number(words[3]);
  if (!its_run || !its_chance || !count) return not_understood();
  run = *its_run;
  chance = *its_chance;
  while (sockets.size() < *count) {
    auto some = rt::receive_message(socket_.get(), hello_patience);
    if (!some) return some.error();
    const auto lines = split(some->text, '\n');
    if (lines.size() != some->fds.size()) return not_understood();
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto use = socket_use(lines[i]);
      if (!use) return not_understood();
      sockets.add(*use, std::move(some->fds[i]));
    }
  }
  return {};
}

Status Predecessor::tell_serving() {
  const auto told = rt::send_message(socket_.get(), fmt::format("{} serving", protocol));
  if (!told) return told;
  const auto answer = rt::receive_message(socket_.get(), drains_patience);
  limit_sending(socket_.get());
  return answer ? Status() : answer.error();
}

void Predecessor::receive(std::function<void(Connection)> on_connection, OnPurge on_purge,
                          OnPurge on_unsent) {
  std::promise<void> ended;
  ended_ = ended.get_future();
  receiver_ = std::thread([ended = std::move(ended), socket = socket_.get(),
                           on_connection = std::move(on_connection), on_purge = std::move(on_purge),
                           on_unsent = std::move(on_unsent)]() mutable {
    rt::name_thread("handover-in");
    for (;;) {
      auto message = rt::receive_message(socket, Duration::zero());
      if (!message) return ended.set_value();
      if (auto order = purge_of("purge", message->text)) {
        on_purge(std::move(*order));
        continue;
      }
      if (auto order = purge_of("unsent", message->text)) {
        on_unsent(std::move(*order));
        continue;
      }
      const size_t end = message->text.find('\n');
      const auto words = words_of(std::string_view(message->text).substr(0, end));
      if (words.empty() || words[0] != "connection" || message->fds.size() != 1) continue;
      const auto peer = peer_of(std::span(words).subspan(1));
      if (!peer || end == std::string::npos) continue;
      on_connection({std::move(message->fds[0]),
                     *peer,
                     {message->text.begin() + static_cast<std::ptrdiff_t>(end) + 1, message->text.end()}});
    }
  });
}

void Predecessor::await_end(Duration at_most) const {
  if (ended_.valid()) (void)ended_.wait_for(at_most);
}

void Predecessor::tell_purge(const model::PurgeOrder& order) {
  deaf_ = deaf_ || !rt::send_message(socket_.get(), purge_text("purge", order)).ok();
}

Predecessor::~Predecessor() {
  if (!receiver_.joinable()) return;
  ::shutdown(socket_.get(), SHUT_RDWR);
  receiver_.join();
}

// ---- the predecessor

Status Handover::check_alone(const std::string& state_dir) {
  if (!rt::connect_local(path_in(state_dir)).ok()) return {};
  return Error{ErrorCode::unavailable, fmt::format("node.state_dir: another process runs with {}: stop it, "
                                                   "or replace it (serve --replace), or give this node a "
                                                   "folder of its own",
                                                   state_dir)};
}

Result<std::unique_ptr<Handover>> Handover::listen(const std::string& state_dir, Hooks hooks) {
  const std::string path = path_in(state_dir);
  auto listener = rt::listen_local(path);
  if (!listener) return listener.error();
  rt::UniqueFd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return Error{ErrorCode::machine, fmt::format("{}: {}", path, std::strerror(errno))};
  return std::unique_ptr<Handover>(
      new Handover(path, std::move(*listener), std::move(wake), std::move(hooks)));
}

Handover::Handover(std::string path, rt::UniqueFd listener, rt::UniqueFd wake, Hooks hooks)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      hooks_(std::move(hooks)),
      thread_([this] {
        rt::name_thread("handover");
        run();
      }) {}

Handover::~Handover() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
  if (!replaced_) ::unlink(path_.c_str());  // else it is the successor's
}

void Handover::run() {
  for (bool done = false; !done;) {
    pollfd ready[2] = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) continue;
    if (ready[0].revents != 0) return;
    rt::UniqueFd successor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred who{};
    socklen_t size = sizeof who;
    if (!successor.valid() || getsockopt(successor.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
      continue;
    if (who.uid == geteuid() || who.uid == 0) done = serve(std::move(successor), who.pid);
  }
  if (replaced_) hear(successor_.get());
}

/// Until it, or this one, ends.
void Handover::hear(int successor) {
  for (;;) {
    pollfd ready[2] = {{wake_.get(), POLLIN, 0}, {successor, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) continue;
    if (ready[0].revents != 0) return;
    const auto message = rt::receive_message(successor, hello_patience);
    if (!message) return;
    if (auto order = purge_of("purge", message->text)) hooks_.on_purge(std::move(*order));
  }
}

bool Handover::serve(rt::UniqueFd successor, pid_t pid) {
  if (!make_offer(successor.get())) return false;
  log::info("process {} takes over: it has the sockets and is loading", pid);
  const bool done = await_serving(successor.get());
  if (replaced_) {
    limit_sending(successor.get());
    const std::lock_guard lock(mutex_);
    successor_ = std::move(successor);
    for (const std::string& purge : waiting_) (void)send(purge, {});
    waiting_.clear();
    hooks_.on_replaced(pid);
  }
  if (!done) {
    log::warning("process {} has given up taking over: this one goes on", pid);
    given_up();
  }
  return done;
}

bool Handover::make_offer(int successor) {
  const auto hello = rt::receive_message(successor, hello_patience);
  if (!hello) return false;
  const auto words = words_of(hello->text);
  const auto run_of_successor = words.size() == 2 && words[0] == "hello" ? number(words[1]) : std::nullopt;
  if (!run_of_successor) {
    (void)rt::send_message(successor, fmt::format("{} not-understood", protocol));
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    starting_ = true;
  }
  const Offer offer = hooks_.on_successor(*run_of_successor);
  Status sent = rt::send_message(
      successor, fmt::format("{} offer {} {} {}", protocol, offer.run, offer.chance, offer.sockets.size()));
  for (size_t i = 0; i < offer.sockets.size() && sent;) {
    std::vector<std::string> lines;
    std::vector<int> fds;
    for (; i < offer.sockets.size() && fds.size() < rt::passed_at_once_max; ++i) {
      lines.push_back(
          fmt::format("{} {}", offer.sockets[i].use.what, offer.sockets[i].use.asked.to_string()));
      fds.push_back(offer.sockets[i].fd);
    }
    sent = rt::send_message(successor, fmt::format("{}", fmt::join(lines, "\n")), fds);
  }
  if (!sent) given_up();
  return sent.ok();
}

void Handover::given_up() {
  {
    const std::lock_guard lock(mutex_);
    starting_ = false;
    waiting_.clear();
  }
  hooks_.on_given_up();
}

bool Handover::await_serving(int successor) {
  for (;;) {
    pollfd ready[3] = {{wake_.get(), POLLIN, 0}, {successor, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (poll(ready, 3, -1) < 0) continue;
    if (ready[0].revents != 0) return true;
    if (ready[1].revents != 0) break;
    const rt::UniqueFd another(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (another.valid()) (void)rt::send_message(another.get(), fmt::format("{} busy", protocol));
  }
  const auto message = rt::receive_message(successor, hello_patience);
  const auto words = message ? words_of(message->text) : std::vector<std::string_view>();
  if (words.empty() || words[0] != "serving") return false;
  replaced_ = true;
  (void)rt::send_message(successor, fmt::format("{} drains", protocol));
  return true;
}

bool Handover::pass_on(const dns::PassedConnection& connection) {
  if (connection.received.size() > received_max) return false;
  std::string text = fmt::format("{} connection {}\n", protocol, peer_text(connection.peer));
  text.append(connection.received.begin(), connection.received.end());
  const std::lock_guard lock(mutex_);
  return successor_.valid() && send(text, {connection.fd});
}

void Handover::tell_purge(const model::PurgeOrder& order) {
  const std::lock_guard lock(mutex_);
  if (successor_.valid())
    (void)send(purge_text("purge", order), {});
  else if (starting_)
    waiting_.push_back(purge_text("purge", order));
  if (waiting_.size() > purges_waiting_max) waiting_.pop_front();
}

bool Handover::pass_on_unsent(const model::PurgeOrder& order) {
  const std::lock_guard lock(mutex_);
  return successor_.valid() && send(purge_text("unsent", order), {});
}

/// Under the lock. When it takes no more, nobody waits for it again.
bool Handover::send(std::string_view text, const std::vector<int>& fds) {
  deaf_ = deaf_ || !rt::send_message(successor_.get(), text, fds).ok();
  return !deaf_;
}

}  // namespace popnet::node
