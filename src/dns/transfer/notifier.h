// Tells secondaries that a zone has a new version (NOTIFY, RFC 1996): over UDP, again and again with growing pauses until they
// answer or six attempts are over; a secondary that heard none of it finds out by the zone's refresh interval. Lives on one
// loop's thread.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "common/ip.h"
#include "common/random.h"
#include "dns/guard/tsig.h"
#include "dns/transfer/sources.h"
#include "dns/wire/name.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::dns {

class Notifier {
 public:
  Notifier(rt::Loop& loop, Sources sources, uint64_t seed);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  struct Notice {
    Name zone;
    Endpoint to;
    std::optional<TsigKey> key;
  };
  /// In place of what is still being told to the same about the same zone.
  void tell(Notice notice);

 private:
  class Socket;
  struct Pending;

  void send(Pending& pending);
  /// Null if there is none to be had.
  Socket* socket_toward(const IpAddress& peer);
  void on_reply(std::span<const uint8_t> message, const Endpoint& from);

  rt::Loop& loop_;
  Random random_;
  const Sources sources_;
  std::map<IpAddress, std::unique_ptr<Socket>> sockets_;  // by where they are bound
  std::list<Pending> pending_;
};

}  // namespace popnet::dns
