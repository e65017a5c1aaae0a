#include "cluster/nats/link.h"

#include <utility>

#include "common/log.h"
#include "common/text.h"
#include "rt/shards.h"

namespace popnet::cluster {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds connect_timeout{2000};
constexpr milliseconds ping_interval{5000};  // a server that is silent for two of these is gone
constexpr milliseconds read_wait{60'000};    // reading wakes when the connection closes

int64_t in_ms(Duration d) {
  return std::chrono::duration_cast<milliseconds>(d).count();
}

}  // namespace

NatsLink::NatsLink(Options options, OnMessage on_message, OnConnected on_connected)
    : options_(std::move(options)),
      on_message_(std::move(on_message)),
      on_connected_(std::move(on_connected)) {}

void NatsLink::start() {
  thread_ = std::thread([this] {
    rt::name_thread("nats");
    const NatsThread memory;
    run();
  });
}

void NatsLink::close() {
  NatsConnection connection;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    connection = connection_;
  }
  changed_.notify_all();
  if (connection) natsConnection_Close(connection.get());  // wakes whoever waits in it
  if (thread_.joinable()) thread_.join();
}

NatsConnection NatsLink::connection() const {
  const std::lock_guard lock(mutex_);
  return up_ ? connection_ : nullptr;
}

uint64_t NatsLink::session() const {
  const std::lock_guard lock(mutex_);
  return up_ ? sessions_ : 0;
}

std::optional<uint64_t> NatsLink::wait_up() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return up_ || closing_; });
  if (closing_) return std::nullopt;
  return sessions_;
}

bool NatsLink::wait(Duration time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return closing_; });
}

std::string NatsLink::shown_url() const {
  std::string shown;
  for (std::string_view url : split(options_.url, ',')) {
    const auto scheme = url.find("://");
    const auto at = url.rfind('@');
    const size_t host = at != url.npos ? at + 1 : scheme != url.npos ? scheme + 3 : 0;
    if (!shown.empty()) shown += ",";
    shown += "nats://" + std::string(url.substr(host));
  }
  return shown;
}

void NatsLink::run() {
  do {
    const NatsConnection connection = connect();
    if (!connection) continue;
    if (const NatsSubscription subscription = subscribe(connection.get())) read(subscription.get());
    give_up(connection.get());
  } while (wait(options_.reconnect_wait));
}

NatsOptionsHandle NatsLink::make_options() {
  static constexpr auto up = [](natsConnection* c, void* self) { static_cast<NatsLink*>(self)->came_up(c); };
  static constexpr auto down = [](natsConnection*, void* self) { static_cast<NatsLink*>(self)->went_down(); };
  static constexpr auto closed = [](natsConnection*, void* self) {
    static_cast<NatsLink*>(self)->was_closed();
  };
  static constexpr auto error = [](natsConnection*, natsSubscription*, natsStatus status, void*) {
    log::warning("bus: {}", natsStatus_GetText(status));
  };
  natsOptions* options = nullptr;
  natsStatus s = natsOptions_Create(&options);
  NatsOptionsHandle owner(options);
  const auto set = [&](auto setter, auto... values) {
    if (s == NATS_OK) s = setter(options, values...);
  };
  set(natsOptions_SetURL, options_.url.c_str());
  set(natsOptions_SetName, options_.name.c_str());
  set(natsOptions_SetTimeout, connect_timeout.count());
  set(natsOptions_SetWriteDeadline, connect_timeout.count());
  set(natsOptions_SetPingInterval, ping_interval.count());
  set(natsOptions_SetMaxPingsOut, 2);
  set(natsOptions_SetMaxReconnect, -1);
  set(natsOptions_SetReconnectWait, in_ms(options_.reconnect_wait));
  // Nodes that lost the same server must not come back all at once.
  set(natsOptions_SetReconnectJitter, in_ms(options_.reconnect_wait) / 2, in_ms(options_.reconnect_wait));
  // A report that waited for the server would arrive with ages that are too low: nothing is kept.
  set(natsOptions_SetReconnectBufSize, 1);
  set(natsOptions_SetFailRequestsOnDisconnect, true);
  set(natsOptions_SetRetryOnFailedConnect, true, up, this);
  set(natsOptions_SetReconnectedCB, up, this);
  set(natsOptions_SetDisconnectedCB, down, this);
  set(natsOptions_SetClosedCB, closed, this);
  set(natsOptions_SetErrorHandler, error, this);
  if (s != NATS_OK) warn_once(nats_words(s));
  return s == NATS_OK ? std::move(owner) : nullptr;
}

/// Null when libnats does not even want to try, for example because the url is malformed.
NatsConnection NatsLink::connect() {
  const NatsOptionsHandle options = make_options();
  if (!options) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    callbacks_ = true;  // from here on: libnats may give the connection up before it hands it to us
    subscribing_ = true;
  }
  natsConnection* connection = nullptr;
  const natsStatus status = natsConnection_Connect(&connection, options.get());
  if (status != NATS_OK)
    warn_once(status == NATS_NOT_YET_CONNECTED ? "it does not answer" : nats_words(status));
  const std::lock_guard lock(mutex_);
  if (connection == nullptr) {
    callbacks_ = false;
    return nullptr;
  }
  connection_ = NatsConnection(connection, natsConnection_Destroy);
  if (closing_) natsConnection_Close(connection);
  return connection_;
}

/// May be before the server is there: libnats subscribes when it connects.
NatsSubscription NatsLink::subscribe(natsConnection* connection) {
  natsSubscription* subscription = nullptr;
  const natsStatus status = natsConnection_SubscribeSync(&subscription, connection, options_.subject.c_str());
  if (status != NATS_OK) warn_once(nats_words(status));
  {
    const std::lock_guard lock(mutex_);
    subscribing_ = false;
  }
  changed_.notify_all();
  const bool connected = natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED;
  if (subscription != nullptr && connected) came_up(connection);
  return NatsSubscription(subscription);
}

void NatsLink::read(natsSubscription* subscription) {
  for (;;) {
    natsMsg* raw = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&raw, subscription, read_wait.count());
    if (status == NATS_OK) {
      const NatsMessage message(raw);
      on_message_({natsMsg_GetData(raw), static_cast<size_t>(natsMsg_GetDataLength(raw))});
    } else if (status != NATS_TIMEOUT && status != NATS_SLOW_CONSUMER) {
      return;  // closed
    }
  }
}

void NatsLink::give_up(natsConnection* connection) {
  natsConnection_Close(connection);
  went_down();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !callbacks_; });
  connection_ = nullptr;
}

void NatsLink::came_up(natsConnection* connection) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !subscribing_ || closing_; });
  const uint64_t losses = losses_;
  lock.unlock();
  // The server has answered a ping: it knows our subscription.
  while (natsConnection_FlushTimeout(connection, connect_timeout.count()) != NATS_OK)
    if (natsConnection_Status(connection) != NATS_CONN_STATUS_CONNECTED) return;
  lock.lock();
  if (up_ || closing_ || losses != losses_) return;
  up_ = true;
  warned_ = false;
  ++sessions_;
  on_connected_(true);
  changed_.notify_all();
  log::info("bus: connected to {}", shown_url());
}

void NatsLink::went_down() {
  const std::lock_guard lock(mutex_);
  ++losses_;
  if (!up_) return;
  up_ = false;
  on_connected_(false);
  if (!closing_) log::warning("bus: lost {}; this node goes on with what it knows", shown_url());
}

void NatsLink::was_closed() {
  const std::lock_guard lock(mutex_);
  callbacks_ = false;
  changed_.notify_all();  // under the lock: whoever waits for this destroys the link
}

void NatsLink::warn_once(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (!warned_ && !closing_)
    log::warning("bus: cannot reach {}: {}; this node goes on with what it knows, and tries again",
                 shown_url(), why);
  warned_ = true;
}

}  // namespace popnet::cluster
