// The bus over NATS: for many machines.
//
//   what      where on the server                                     why
//   reports   plain subject popnet.<network>.report                   repeated all the time: loss does no harm
//   config    key-value bucket popnet_<network>_config, key "network" kept, versioned (the last 16), watched
//   purges    stream popnet_<network>_purges, kept for purge_history  a node that was away must hear of them
//
// Bucket and stream are made with one replica by the first node that needs them; for more, the operator makes
// them (or updates them) with the nats tool. The server needs JetStream (nats-server -js); without it reports
// still flow, and config and purges are refused with the reason.
//
// The node starts and serves without the server: connecting, and connecting again, is done in the background
// for ever. Messages are those of cluster/codec. What is malformed is dropped and logged, the first time with
// the reason.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "cluster/api/bus.h"
#include "common/time.h"

namespace popnet::cluster {

struct NatsOptions {
  std::string url;      // nats://[user:password@]host:port, several separated by commas
  std::string network;  // name of the popnet network: several may share a server
  std::string node;     // name of this node, for who looks at the server's connections
  Duration reconnect_wait = std::chrono::milliseconds(500);
  Duration purge_history = Bus::purge_history;  // of the stream, where this node makes it
};

class NatsBus final : public Bus {
 public:
  static constexpr int reports_waiting_max = 256;  // to be sent; further ones are dropped

  explicit NatsBus(NatsOptions options);
  ~NatsBus() override;

  void subscribe(BusHandlers handlers) override;
  void publish(const Report& report) override;
  Result<uint64_t> put_config(const std::string& text, std::optional<uint64_t> replaces = {}) override;
  Status purge(const PurgeOrder& order) override;
  [[nodiscard]] bool connected() const override;
  [[nodiscard]] const char* kind() const override { return "nats"; }
  void close() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace popnet::cluster
