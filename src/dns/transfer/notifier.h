// Tells secondaries that a zone has a new version (NOTIFY, RFC 1996): over UDP, again and again with growing pauses until they
// answer or six attempts are over; a secondary that heard none of it finds out by the zone's refresh interval. When all of
// ten thousand zones change at once the messages leave at a pace, 2,000 a second: what comes faster does not fit into the
// buffers of the sockets, theirs and ours, and would be lost together again at each attempt.
// Lives on one loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ip.h"
#include "common/random.h"
#include "common/time.h"
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
  using Key = std::pair<Endpoint, std::string>;  // whom, about which zone (its name as it is sent)
  struct Pending {
    Notice notice;
    uint16_t id = 0;
    int attempts = 0;
    TimePoint due{};
  };

  using Told = std::map<Key, Pending>::iterator;

  static Key key_of(const Endpoint& to, const Name& zone);
  void wake();
  void send_some();
  void send(Pending& pending);
  void put_off(const Key& key, TimePoint due);
  void drop(const Key& key);
  /// Null if there is none to be had.
  Socket* socket_toward(const IpAddress& peer);
  Told find_told(uint16_t id, unsigned questions, std::span<const uint8_t> question, const Endpoint& from);
  void on_reply(std::span<const uint8_t> message, const Endpoint& from);

  rt::Loop& loop_;
  Random random_;
  const Sources sources_;
  std::map<IpAddress, std::unique_ptr<Socket>> sockets_;  // by where they are bound
  std::map<Key, Pending> pending_;
  std::set<std::pair<TimePoint, Key>> due_;  // all of them, by when they are to be told
  TimePoint rested_{};                       // when more may be sent
  rt::Timer pace_;
};

}  // namespace popnet::dns
