// Follows one JetStream stream, each message once and in order, through lost connections and restarted
// servers: the position (sequence of the last message handed over) is kept here, and reading goes on behind
// it.
//
// libnats has ordered consumers for this; they find out about a lost consumer by missing heartbeats only.
// Here each new session of the link makes a new consumer at once, and every audit_interval the stream is
// asked whether there is something behind the position. That covers a consumer that the server has lost, too.
//
// A stream that does not exist is made. One that exists is taken as it is: the operator may have given it
// more replicas. A stream that was deleted and made anew counts from 1 again; it is recognised by the time of
// its making. A consumer that is made while the server is still making the stream may stay deaf (nats-server
// 2.9.10 does that): of a stream that is seen for the first time the consumer is made anew after settle_time.
//
// Threading: one thread of its own, on which `take` runs. close() needs the link to be closed first.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "cluster/nats/link.h"

namespace popnet::cluster {

class StreamTail {
 public:
  enum class Start {
    history,  ///< with the oldest message that the stream still has
    latest,   ///< with the newest message of each subject
  };
  struct Options {
    std::string stream;
    std::string subject;  // of the messages; may end in ".>"
    Start start;
    std::function<natsStatus(jsCtx*)> make;  // makes the stream
  };
  using Take = std::function<void(uint64_t sequence, std::string_view subject, std::string_view data)>;
  using Gap = std::function<void()>;

  /// `gap` (may be empty) is told, before the next message, when messages may have been in the stream since
  /// start() that nobody can read any more: dropped for their age or their number before they were read here,
  /// or lost with a stream that was deleted.
  StreamTail(NatsLink& link, Options options, Take take, Gap gap = {});
  ~StreamTail() { close(); }
  StreamTail(const StreamTail&) = delete;
  StreamTail& operator=(const StreamTail&) = delete;

  void start();
  void close();

 private:
  void run();
  void follow(natsConnection* connection, uint64_t session);
  bool read(natsSubscription* subscription, uint64_t session, Duration time);
  JetStreamInfo look_up(jsCtx* js);
  bool open(jsCtx* js);
  [[nodiscard]] bool has_gap(const jsStreamInfo& info) const;
  NatsSubscription subscribe(jsCtx* js);
  bool fell_behind(jsCtx* js);
  bool hand_over(natsMsg* message);
  void warn_once(natsStatus status);

  NatsLink& link_;
  const Options options_;
  const Take take_;
  const Gap gap_;
  std::thread thread_;
  // Of the thread:
  TimePoint started_{};
  uint64_t position_ = 0;       // 0 = nothing read yet
  uint64_t audited_ = 0;        // last message of the stream at the last audit
  uint64_t next_delivery_ = 1;  // number that the consumer gives to its next message
  int64_t made_at_ = 0;         // when the stream was made, as the server says
  bool settled_ = false;        // a consumer was made after settle_time
  bool warned_ = false;         // that the stream cannot be followed, since it last could
};

}  // namespace popnet::cluster
