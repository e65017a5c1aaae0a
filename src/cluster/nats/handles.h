// Owners for what libnats hands out, and its errors in words.
#pragma once

#include <fmt/format.h>
#include <nats/nats.h>

#include <memory>
#include <string>

#include "cluster/api/bus.h"

namespace popnet::cluster {

template <auto destroy>
struct NatsDelete {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};

using NatsOptionsHandle = std::unique_ptr<natsOptions, NatsDelete<natsOptions_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, NatsDelete<natsMsg_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, NatsDelete<natsSubscription_Destroy>>;
using JetStream = std::unique_ptr<jsCtx, NatsDelete<jsCtx_Destroy>>;
using JetStreamInfo = std::unique_ptr<jsStreamInfo, NatsDelete<jsStreamInfo_Destroy>>;
using JetStreamMeta = std::unique_ptr<jsMsgMetaData, NatsDelete<jsMsgMetaData_Destroy>>;
using JetStreamAck = std::unique_ptr<jsPubAck, NatsDelete<jsPubAck_Destroy>>;
using KeyValue = std::unique_ptr<kvStore, NatsDelete<kvStore_Destroy>>;

/// Shared by the threads that use it; the last one to let go destroys it.
using NatsConnection = std::shared_ptr<natsConnection>;

/// libnats keeps the last error of each thread: a thread of ours that calls it holds one of these.
struct NatsThread {
  ~NatsThread() { nats_ReleaseThreadMemory(); }
};

/// What went wrong in the last call of this thread.
inline std::string nats_words(natsStatus status) {
  const char* detail = nats_GetLastError(nullptr);
  if (status == NATS_NO_RESPONDERS) return "it runs without JetStream (start it with -js)";
  if (detail == nullptr || *detail == '\0') return natsStatus_GetText(status);
  return fmt::format("{} ({})", natsStatus_GetText(status), detail);
}

/// Requests to the server wait at most Bus::request_timeout. Null when the connection is closed.
inline JetStream make_jetstream(natsConnection* connection) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = std::chrono::milliseconds(Bus::request_timeout).count();
  jsCtx* js = nullptr;
  return natsConnection_JetStream(&js, connection, &options) == NATS_OK ? JetStream(js) : nullptr;
}

}  // namespace popnet::cluster
