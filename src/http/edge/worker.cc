#include "http/edge/worker.h"

#include <algorithm>
#include <cstring>

#include "http/edge/active.h"
#include "http/edge/client.h"
#include "http/edge/fetch.h"
#include "http/edge/listener.h"

namespace popnet::http {

namespace {
// A purge is carried out at once; what comes here is memory, which has time.
constexpr Duration between_sweeps = std::chrono::seconds(1);
constexpr Duration between_steps = std::chrono::milliseconds(10);
constexpr size_t idle_actives_max = 256;
constexpr size_t idle_fetches_max = 256;
}  // namespace

std::vector<uint16_t> ports_of(const std::vector<Endpoint>& listen) {
  std::vector<uint16_t> ports;
  for (const Endpoint& endpoint : listen)
    if (endpoint.port != standard_port(false)) ports.push_back(endpoint.port);
  std::ranges::sort(ports);
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

Worker::Worker(int i, rt::Loop& l, EdgeShared& s, uint64_t seed)
    : index(i),
      loop(l),
      shared(s),
      store(s.store),
      log(s.log != nullptr ? &s.log->ring(i) : nullptr),
      pool(l, s.idle),
      random(seed),
      scratch(std::make_unique<Scratch>()),
      outbox(l),
      burial_(l,
              [this] {
                dead_clients_.clear();
                dead_actives_.clear();
                free_fetches();
              }),
      sweep_(l, [this] { sweep_.arm_after(store.sweep() ? between_steps : between_sweeps); }) {
  if (index == 0) sweep_.arm_after(between_sweeps);
}

Worker::~Worker() = default;

Key Worker::key(const SiteView& site, const RequestHead& request) {
  const std::string_view text = keys.make(key_parts(site.site->name, request, site.site->cache.ignore_query));
  return store.key(site.state->space, text);
}

void Worker::listen(rt::UniqueFd socket) {
  listeners_.push_back(std::make_unique<Listener>(*this, std::move(socket)));
}

bool Worker::is_limited(const IpAddress& client) const {
  const EdgeLimits& limits = shared.limits;
  return limits.connections_per_network > 0 &&
         std::none_of(limits.exempt.begin(), limits.exempt.end(),
                      [&](const Prefix& prefix) { return prefix.contains(client); });
}

/// Room for one more connection, of all and of that client's network? What it takes, leave() gives back.
bool Worker::admit(const IpAddress& client) {
  if (shared.connections.load(std::memory_order_relaxed) >= shared.limits.connections_max && !close_idle()) {
    counters.connections_refused.add();
    return false;
  }
  if (is_limited(client) && !shared.networks.add(client, shared.limits.connections_per_network)) {
    counters.connections_over_network.add();
    return false;
  }
  shared.connections.fetch_add(1, std::memory_order_relaxed);
  return true;
}

/// Who is here makes room for who comes, if he has nothing in hand: of a few of this thread's that are drawn, the one that
/// is idle for the longest. False when none of them is.
bool Worker::close_idle() {
  constexpr int drawn = 32;
  Client* longest = nullptr;
  for (int i = 0; i < drawn && !clients_.empty(); ++i) {
    Client& client = *clients_[random.next() % clients_.size()];
    if (client.idle() && (longest == nullptr || client.idle_until() < longest->idle_until()))
      longest = &client;
  }
  if (longest == nullptr) return false;
  counters.connections_evicted.add();
  longest->close();
  return true;
}

void Worker::leave(const IpAddress& client) {
  counters.connections_closed.add();
  if (is_limited(client)) shared.networks.remove(client);
  if (shared.connections.fetch_sub(1) > 1) return;
  const std::lock_guard lock(shared.mutex);
  shared.quiet.notify_all();
}

void Worker::accepted(rt::UniqueFd socket, const IpAddress& from, uint16_t port) {
  counters.connections_accepted.add();
  if (!admit(from)) {
    counters.connections_closed.add();
    return;
  }
  auto client = std::make_unique<Client>(*this, std::move(socket), from, port);
  if (!client->start()) {
    counters.connections_refused.add();
    leave(from);
    return;
  }
  client->place_ = clients_.size();
  clients_.push_back(std::move(client));
}

Fetch& Worker::new_fetch() {
  std::unique_ptr<Fetch> fetch;
  if (idle_fetches_.empty()) {
    fetch = std::make_unique<Fetch>(*this);
  } else {
    fetch = std::move(idle_fetches_.back());
    idle_fetches_.pop_back();
  }
  fetch->place_ = fetches_.size();
  return *fetches_.emplace_back(std::move(fetch));
}

void Worker::free_fetches() {
  for (std::unique_ptr<Fetch>& fetch : dead_fetches_) {
    fetch->reset();
    if (idle_fetches_.size() < idle_fetches_max) idle_fetches_.push_back(std::move(fetch));
  }
  dead_fetches_.clear();
}

std::unique_ptr<Active> Worker::take_active() {
  if (idle_actives_.empty()) return std::make_unique<Active>(*this);
  std::unique_ptr<Active> active = std::move(idle_actives_.back());
  idle_actives_.pop_back();
  return active;
}

// Called from within the steps of its request: it is not destroyed here.
void Worker::give_back(std::unique_ptr<Active> active) {
  active->reset();
  if (idle_actives_.size() < idle_actives_max) return idle_actives_.push_back(std::move(active));
  dead_actives_.push_back(std::move(active));
  burial_.arm_after(Duration::zero());
}

template <class T>
void Worker::move_to(std::vector<std::unique_ptr<T>>& dead, std::vector<std::unique_ptr<T>>& living,
                     size_t place) {
  living.back()->place_ = place;
  std::swap(living[place], living.back());
  dead.push_back(std::move(living.back()));
  living.pop_back();
}

Outbox::Outbox(rt::Loop& loop) : sending_(loop, [this] { send(); }) {}

bool Outbox::put(Client& client, std::string_view bytes) {
  if (bytes.size() > each_max) return false;
  if (bytes.size() > room - used_) send();
  std::memcpy(bytes_.data() + used_, bytes.data(), bytes.size());
  pieces_.push_back({&client, used_, bytes.size()});
  used_ += bytes.size();
  sending_.ask();
  return true;
}

// A client that finds its connection broken closes, and has nothing in here by then.
void Outbox::send() {
  while (next_ < pieces_.size()) {
    const Piece piece = pieces_[next_++];
    piece.client->send_put_off({bytes_.data() + piece.begin, piece.size});
  }
  pieces_.clear();
  used_ = next_ = 0;
}

void Worker::bury(Client& client) {
  move_to(dead_clients_, clients_, client.place_);
  burial_.arm_after(Duration::zero());
  leave(client.from());
}

void Worker::bury(Fetch& fetch) {
  move_to(dead_fetches_, fetches_, fetch.place_);
  burial_.arm_after(Duration::zero());
}

void Worker::drain(Edge::Idle idle) {
  draining_ = true;
  listeners_.clear();
  if (idle == Edge::Idle::stay) return;  // their next answer ends them: see Client::answer()
  std::vector<Client*> all;
  for (const auto& client : clients_) all.push_back(client.get());
  for (Client* client : all) client->close_soon();
}

void Worker::stop() {
  draining_ = true;
  listeners_.clear();
  while (!clients_.empty()) clients_.back()->close();
  while (!fetches_.empty()) fetches_.back()->cancel();
  dead_clients_.clear();
  dead_fetches_.clear();
}

}  // namespace popnet::http
