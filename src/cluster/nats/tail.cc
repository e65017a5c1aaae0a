#include "cluster/nats/tail.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "rt/clock.h"
#include "rt/shards.h"

namespace popnet::cluster {

namespace {
constexpr std::chrono::milliseconds read_wait{500};  // how soon a new session of the link is seen
constexpr std::chrono::seconds audit_interval{10};
constexpr std::chrono::seconds settle_time{1};
constexpr std::chrono::seconds retry_wait{1};
}  // namespace

StreamTail::StreamTail(NatsLink& link, Options options, Take take, Gap gap)
    : link_(link), options_(std::move(options)), take_(std::move(take)), gap_(std::move(gap)) {}

void StreamTail::start() {
  started_ = rt::monotonic_now();
  thread_ = std::thread([this] {
    rt::name_thread("nats-stream");
    const NatsThread memory;
    run();
  });
}

void StreamTail::close() {
  if (thread_.joinable()) thread_.join();
}

void StreamTail::run() {
  do {
    const auto session = link_.wait_up();
    if (!session) return;
    if (const NatsConnection connection = link_.connection()) follow(connection.get(), *session);
  } while (link_.wait(link_.session() == 0 ? Duration(0) : Duration(retry_wait)));
}

void StreamTail::follow(natsConnection* connection, uint64_t session) {
  const JetStream js = make_jetstream(connection);
  if (!js || !open(js.get())) return;
  NatsSubscription subscription = subscribe(js.get());
  if (!settled_) {
    if (!subscription || !read(subscription.get(), session, settle_time)) return;
    subscription = subscribe(js.get());
    settled_ = true;
  }
  while (subscription && read(subscription.get(), session, audit_interval))
    if (fell_behind(js.get())) return;
}

/// Hands over what comes within that time. False: this subscription is of no more use.
bool StreamTail::read(natsSubscription* subscription, uint64_t session, Duration time) {
  const TimePoint end = rt::monotonic_now() + time;
  while (rt::monotonic_now() < end) {
    natsMsg* raw = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&raw, subscription, read_wait.count());
    const NatsMessage message(raw);
    if (link_.session() != session) return false;
    if (status == NATS_OK && !hand_over(raw)) return false;
    if (status != NATS_OK && status != NATS_TIMEOUT && status != NATS_SLOW_CONSUMER) return false;
  }
  return true;
}

/// Who sees the stream for the first time has missed nothing as long as it holds all that came since start().
bool StreamTail::has_gap(const jsStreamInfo& info) const {
  const bool dropped_some = info.State.FirstSeq > 1;
  if (made_at_ == 0) {
    const auto kept = std::chrono::nanoseconds(info.Config->MaxAge);
    const bool too_old = kept.count() > 0 && rt::monotonic_now() - started_ > kept;
    const bool too_many =
        info.Config->MaxMsgs > 0 && info.State.Msgs >= static_cast<uint64_t>(info.Config->MaxMsgs);
    return dropped_some && (too_old || too_many);
  }
  return info.Created != made_at_ || (dropped_some && info.State.FirstSeq > position_ + 1);
}

/// Null: the server does not say.
JetStreamInfo StreamTail::look_up(jsCtx* js) {
  jsStreamInfo* info = nullptr;
  natsStatus status = js_GetStreamInfo(&info, js, options_.stream.c_str(), nullptr, nullptr);
  if (status == NATS_NOT_FOUND) {
    status = options_.make(js);
    if (status == NATS_OK) status = js_GetStreamInfo(&info, js, options_.stream.c_str(), nullptr, nullptr);
  }
  if (status != NATS_OK) warn_once(status);
  return JetStreamInfo(info);
}

bool StreamTail::open(jsCtx* js) {
  const JetStreamInfo info = look_up(js);
  if (!info) return false;
  if (gap_ && has_gap(*info)) gap_();
  if (info->Created != made_at_) {
    position_ = 0;
    settled_ = false;
  }
  made_at_ = info->Created;
  // What was before the first message is gone.
  if (info->State.FirstSeq > 0) position_ = std::max(position_, info->State.FirstSeq - 1);
  audited_ = position_;
  return true;
}

NatsSubscription StreamTail::subscribe(jsCtx* js) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = options_.stream.c_str();
  options.Config.AckPolicy = js_AckNone;
  options.Config.MemoryStorage = true;
  options.Config.DeliverPolicy =
      options_.start == Start::latest ? js_DeliverLastPerSubject : js_DeliverByStartSequence;
  if (options_.start == Start::history) options.Config.OptStartSeq = position_ + 1;
  natsSubscription* subscription = nullptr;
  const natsStatus status =
      js_SubscribeSync(&subscription, js, options_.subject.c_str(), nullptr, &options, nullptr);
  if (status == NATS_OK)
    warned_ = false;
  else
    warn_once(status);
  next_delivery_ = 1;
  return NatsSubscription(subscription);
}

/// True when a message that was there at the last audit has still not come, or the stream is another one by
/// now.
bool StreamTail::fell_behind(jsCtx* js) {
  const JetStreamInfo info = look_up(js);
  if (!info) return false;  // nothing known: the next audit will tell
  if (info->Created != made_at_ || position_ < audited_) return true;
  audited_ = info->State.LastSeq;
  return false;
}

/// False when a message before this one was lost on the way.
bool StreamTail::hand_over(natsMsg* message) {
  jsMsgMetaData* raw = nullptr;
  if (natsMsg_GetMetaData(&raw, message) != NATS_OK) return true;  // a note from the server
  const JetStreamMeta meta(raw);
  if (meta->Sequence.Consumer != next_delivery_) return false;
  ++next_delivery_;
  if (meta->Sequence.Stream <= position_) return true;
  position_ = meta->Sequence.Stream;
  take_(position_, natsMsg_GetSubject(message),
        {natsMsg_GetData(message), static_cast<size_t>(natsMsg_GetDataLength(message))});
  return true;
}

void StreamTail::warn_once(natsStatus status) {
  // That the connection is lost is said by the link.
  if (status == NATS_CONNECTION_CLOSED || status == NATS_CONNECTION_DISCONNECTED) return;
  if (!warned_)
    log::warning("bus: cannot follow {} at {}: {}; trying again", options_.stream, link_.shown_url(),
                 nats_words(status));
  warned_ = true;
}

}  // namespace popnet::cluster
