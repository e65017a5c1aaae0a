#include "cluster/nats/nats.h"

#include <atomic>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/api/dispatcher.h"
#include "cluster/codec/codec.h"
#include "cluster/nats/link.h"
#include "cluster/nats/tail.h"
#include "common/log.h"
#include "rt/clock.h"

namespace popnet::cluster {

namespace {

constexpr const char* config_key = "network";
constexpr uint8_t config_history = 16;
constexpr std::chrono::milliseconds make_wait{50};

/// Names of streams and parts of subjects may not hold dots, spaces and wildcards.
std::string token(const std::string& name) {
  std::string token = name;
  for (char& c : token) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!fine) c = '_';
  }
  return token.empty() ? "_" : token;
}

/// Where the things of one network are on the server.
struct Places {
  explicit Places(const std::string& network)
      : report_subject("popnet." + token(network) + ".report"),
        purge_subject("popnet." + token(network) + ".purge"),
        purge_stream("popnet_" + token(network) + "_purges"),
        config_bucket("popnet_" + token(network) + "_config"),
        config_stream("KV_" + config_bucket),
        config_subjects("$KV." + config_bucket + ".>"),
        config_subject("$KV." + config_bucket + "." + config_key) {}

  const std::string report_subject, purge_subject, purge_stream;
  const std::string config_bucket, config_stream, config_subjects, config_subject;
};

natsStatus make_config_bucket(jsCtx* js, const Places& places) {
  kvConfig config;
  kvConfig_Init(&config);
  config.Bucket = places.config_bucket.c_str();
  config.History = config_history;
  kvStore* store = nullptr;
  const natsStatus status = js_CreateKeyValue(&store, js, &config);
  const KeyValue owner(store);
  return status;
}

natsStatus make_purge_stream(jsCtx* js, const Places& places, Duration history) {
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  const char* subject = places.purge_subject.c_str();
  config.Name = places.purge_stream.c_str();
  config.Subjects = &subject;
  config.SubjectsLen = 1;
  config.MaxAge = std::chrono::nanoseconds(history).count();
  config.MaxMsgs = static_cast<int64_t>(Bus::purge_history_max);
  return js_AddStream(nullptr, js, &config, nullptr, nullptr);
}

/// Tries again while nobody takes what is put: the stream is still being made, by this node or another one.
/// ATTEMPT and MAKE: () -> natsStatus. NATS_NO_RESPONDERS from `make` means that there is no JetStream at
/// all.
template <class Attempt, class Make>
natsStatus put_into_stream(NatsLink& link, Attempt attempt, Make make) {
  const TimePoint give_up = rt::monotonic_now() + Bus::request_timeout;
  for (;;) {
    const natsStatus status = attempt();
    if (status != NATS_NO_RESPONDERS && status != NATS_NOT_FOUND) return status;
    const natsStatus made = make();
    if (made == NATS_NO_RESPONDERS) return made;
    if (rt::monotonic_now() >= give_up || !link.wait(make_wait)) return NATS_TIMEOUT;
  }
}

/// What became of a text that was put into the config bucket.
struct Put {
  uint64_t revision = 0;
  bool conflict = false;  // the bucket holds another revision than was to be replaced
};

/// As kvStore_Update does, which does not tell why it failed.
natsStatus put_config_text(jsCtx* js, const Places& places, const std::string& text,
                           std::optional<uint64_t> replaces, Put& put) {
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.ExpectStream = places.config_stream.c_str();
  if (replaces && *replaces == 0) options.ExpectNoMessage = true;
  if (replaces && *replaces > 0) options.ExpectLastSubjectSeq = *replaces;
  jsPubAck* raw = nullptr;
  jsErrCode error{};
  const natsStatus status = js_Publish(&raw, js, places.config_subject.c_str(), text.data(),
                                       static_cast<int>(text.size()), &options, &error);
  const JetStreamAck ack(raw);
  if (ack) put.revision = ack->Sequence;
  put.conflict = error == JSStreamWrongLastSequenceErr;
  return status;
}

/// 0: none.
uint64_t present_revision(jsCtx* js, const Places& places) {
  kvStore* store = nullptr;
  if (js_KeyValue(&store, js, places.config_bucket.c_str()) != NATS_OK) return 0;
  const KeyValue owner(store);
  kvEntry* entry = nullptr;
  if (kvStore_Get(&entry, store, config_key) != NATS_OK) return 0;
  const uint64_t revision = kvEntry_Revision(entry);
  kvEntry_Destroy(entry);
  return revision;
}

natsStatus put_purge(jsCtx* js, const Places& places, const PurgeOrder& order, const std::string& text) {
  // The id lets the server recognise an order that is sent again.
  const std::string id = std::to_string(order.id);
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MsgId = id.c_str();
  return js_Publish(nullptr, js, places.purge_subject.c_str(), text.data(), static_cast<int>(text.size()),
                    &options, nullptr);
}

/// Two reports that together say the same; empty when it cannot be halved any more.
std::vector<Report> halves(const Report& report) {
  std::vector<Report> parts{report, report};
  if (!report.shares.empty() && !(report.samples.empty() && report.resolvers.empty())) {
    parts[0].samples.clear();
    parts[0].resolvers.clear();
    parts[1].shares.clear();
    return parts;
  }
  if (report.samples.size() + report.resolvers.size() < 2) return {};
  const auto halve = [](auto& first, auto& second) {
    const auto middle = static_cast<std::ptrdiff_t>((first.size() + 1) / 2);
    first.erase(first.begin() + middle, first.end());
    second.erase(second.begin(), second.begin() + middle);
  };
  halve(parts[0].samples, parts[1].samples);
  halve(parts[1].resolvers, parts[0].resolvers);
  return parts;
}

Error unavailable(const std::string& url, const std::string& why) {
  return {ErrorCode::unavailable, fmt::format("the bus at {} did not take it: {}", url, why)};
}

}  // namespace

struct NatsBus::Parts {
  explicit Parts(NatsOptions given)
      : options(std::move(given)),
        places(options.network),
        link(
            {options.url, options.node, places.report_subject, options.reconnect_wait},
            [this](std::string_view data) { take_report(data); },
            [this](bool connected) { dispatcher.connected(connected); }),
        config(link,
               {places.config_stream, places.config_subjects, StreamTail::Start::latest,
                [this](jsCtx* js) { return make_config_bucket(js, places); }},
               [this](uint64_t sequence, std::string_view subject, std::string_view data) {
                 take_config(sequence, subject, data);
               }),
        purges(
            link,
            {places.purge_stream, places.purge_subject, StreamTail::Start::history,
             [this](jsCtx* js) { return make_purge_stream(js, places, options.purge_history); }},
            [this](uint64_t, std::string_view, std::string_view data) { take_purge(data); },
            [this] { dispatcher.purges_missed(); }) {}

  void take_report(std::string_view data);
  void take_config(uint64_t sequence, std::string_view subject, std::string_view data);
  void take_purge(std::string_view data);
  void send(const Report& report);
  void complain(const std::string& what);

  const NatsOptions options;
  const Places places;
  Dispatcher dispatcher{"bus"};
  NatsLink link;
  StreamTail config;
  StreamTail purges;
  std::atomic<int> reports_waiting{0};
  std::atomic<bool> complained{false};
};

void NatsBus::Parts::take_report(std::string_view data) {
  auto report = decode_report(data, rt::monotonic_now());
  if (!report) return complain("a report that is malformed: " + report.error().message);
  if (!dispatcher.report(std::make_shared<const Report>(std::move(*report))))
    complain("a report, because this node does not keep up with them");
}

void NatsBus::Parts::take_config(uint64_t sequence, std::string_view subject, std::string_view data) {
  // An empty one says that the key was deleted: the network keeps what it has.
  if (subject == places.config_subject && !data.empty()) dispatcher.config(sequence, std::string(data));
}

void NatsBus::Parts::take_purge(std::string_view data) {
  auto order = decode_purge(data);
  if (!order) return complain("a purge that is malformed: " + order.error().message);
  dispatcher.purge(std::move(*order));
}

/// On the dispatcher's thread, which may wait for the network here for as long as nothing can arrive either.
void NatsBus::Parts::send(const Report& report) {
  const NatsConnection connection = link.connection();
  if (!connection) return;
  const std::string text = encode_report(report, rt::monotonic_now());
  if (text.size() <= static_cast<size_t>(natsConnection_GetMaxPayload(connection.get()))) {
    (void)natsConnection_Publish(connection.get(), places.report_subject.c_str(), text.data(),
                                 static_cast<int>(text.size()));
    return;
  }
  const auto parts = halves(report);
  if (parts.empty()) complain("a report that is too large for the server's max_payload");
  for (const Report& part : parts) send(part);
}

void NatsBus::Parts::complain(const std::string& what) {
  if (!complained.exchange(true)) log::warning("bus: dropped {}; not said again", what);
}

NatsBus::NatsBus(NatsOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

NatsBus::~NatsBus() {
  close();
}

void NatsBus::subscribe(BusHandlers handlers) {
  parts_->dispatcher.start(std::move(handlers));
  parts_->link.start();
  parts_->config.start();
  parts_->purges.start();
}

void NatsBus::publish(const Report& report) {
  if (!connected()) return;
  if (parts_->reports_waiting.fetch_add(1) >= reports_waiting_max) {
    --parts_->reports_waiting;
    return parts_->complain("a report, because the server does not take them");
  }
  parts_->dispatcher.loop().post([this, report] {
    --parts_->reports_waiting;
    parts_->send(report);
  });
}

Result<uint64_t> NatsBus::put_config(const std::string& text, std::optional<uint64_t> replaces) {
  const NatsThread memory;
  const std::string url = parts_->link.shown_url();
  const NatsConnection connection = parts_->link.connection();
  if (!connection) return unavailable(url, "not connected");
  const int64_t bytes_max = natsConnection_GetMaxPayload(connection.get());
  if (static_cast<int64_t>(text.size()) > bytes_max)
    return Error{ErrorCode::invalid,
                 fmt::format("the config has {} bytes; the bus takes at most {} (max_payload of nats-server)",
                             text.size(), bytes_max)};
  const JetStream js = make_jetstream(connection.get());
  if (!js) return unavailable(url, nats_words(NATS_CONNECTION_CLOSED));
  const Places& places = parts_->places;
  Put put;
  const natsStatus status = put_into_stream(
      parts_->link, [&] { return put_config_text(js.get(), places, text, replaces, put); },
      [&] { return make_config_bucket(js.get(), places); });
  if (put.conflict) return config_conflict(replaces.value_or(0), present_revision(js.get(), places));
  if (status != NATS_OK) return unavailable(url, nats_words(status));
  return put.revision;
}

Status NatsBus::purge(const PurgeOrder& order) {
  const NatsThread memory;
  const std::string url = parts_->link.shown_url();
  const NatsConnection connection = parts_->link.connection();
  if (!connection) return unavailable(url, "not connected");
  const JetStream js = make_jetstream(connection.get());
  if (!js) return unavailable(url, nats_words(NATS_CONNECTION_CLOSED));
  const Places& places = parts_->places;
  const std::string text = encode_purge(order);
  if (const int64_t most = natsConnection_GetMaxPayload(connection.get());
      static_cast<int64_t>(text.size()) > most)
    return Error{ErrorCode::invalid,
                 fmt::format("the order has {} bytes; the bus takes at most {} (max_payload of nats-server)",
                             text.size(), most)};
  const natsStatus status = put_into_stream(
      parts_->link, [&] { return put_purge(js.get(), places, order, text); },
      [&] { return make_purge_stream(js.get(), places, parts_->options.purge_history); });
  if (status != NATS_OK) return unavailable(url, nats_words(status));
  return {};
}

bool NatsBus::connected() const {
  return parts_->link.session() != 0;
}

void NatsBus::close() {
  parts_->link.close();  // first: it wakes the tails
  parts_->config.close();
  parts_->purges.close();
  parts_->dispatcher.stop();
}

}  // namespace popnet::cluster
