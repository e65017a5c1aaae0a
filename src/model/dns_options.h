// How the DNS servers behave towards those who ask: the `dns` section, the same on every node, and what
// differs from node to node, which stands in the `node` section. Defaults, bounds and help are in
// config/schema/tables_dns.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::model {

/// What DNS cookies (RFC 7873) are used for.
enum class Cookies {
  off,      ///< not understood, as an unknown option
  answer,   ///< answered; a valid one exempts from the response rate limit
  require,  ///< who sends a cookie over UDP without a valid server part gets BADCOOKIE
};

/// Response rate limiting: bounds what spoofed sources can make us send to one victim.
struct RateLimit {
  int per_second = 0;  // like answers to one client network; 0 = no limit
  int slip = 2;        // every how manieth answer over the limit is sent truncated; 0 = none
  int ipv4_prefix = 24;
  int ipv6_prefix = 56;
  std::vector<Prefix> exempt;
};

enum class TsigAlgorithm { hmac_sha256, hmac_sha512 };

/// A secret shared with another server, for signed messages (RFC 8945).
struct TsigKey {
  std::string name;
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  std::string secret;  // base64
};

/// Who gets whole copies of a zone.
struct Transfer {
  std::vector<Prefix> to;        // empty: whoever signs with `key`; without a key nobody
  std::string key;               // name of the TsigKey that queries for it must be signed with; empty = none
  std::vector<Endpoint> notify;  // who is told of new versions
  bool decided = true;           // with decided names, as they are answered at that moment
};

/// Where a zone comes from that another server is the primary of.
struct Secondary {
  std::vector<Endpoint> primaries;  // in the order they are asked; empty: the zone comes from a file
  std::string key;  // name of the TsigKey that queries and NOTIFY are signed with; empty = none
  std::vector<Prefix> notify_from;  // whose NOTIFY counts; empty: the primaries'
  bool catalog = false;  // its records name zones (RFC 9432) that are fetched likewise; it is not served
};

struct Dns {
  Cookies cookies = Cookies::answer;
  std::vector<std::string>
      cookie_secrets;  // 32 hexadecimal digits each; the first one makes, all are accepted
  RateLimit rate_limit;
  std::vector<TsigKey> tsig_keys;
  int tcp_connections_max = 1000;
  int tcp_connections_per_source = 100;
  Duration tcp_idle = std::chrono::seconds(10);
};

enum class DnstapMessage { query, response };
struct Dnstap {
  std::string socket, file;             // one of them; both empty: none
  std::vector<DnstapMessage> messages;  // empty = all
  double sample = 1;                    // part of the queries
};
struct QueryLog {
  std::string file;   // "-": standard output; empty: none
  double sample = 1;  // part of the queries
};

/// How frames come from a network interface to AF_XDP sockets, the best first.
enum class XdpMode {
  automatic,  ///< zero_copy if its driver can, else copy
  zero_copy,
  copy,
  generic,  ///< behind the driver
};

/// An interface whose queries do not take the way through the kernel's network stack.
struct XdpInterface {
  std::string interface;
  XdpMode mode = XdpMode::automatic;
};

/// Of one node.
struct DnsNode {
  std::optional<std::string> nsid;  // RFC 5001; absent: the POP's name; empty: none is told
  std::vector<Endpoint> tls_listen;
  std::string tls_certificate;  // PEM files
  std::string tls_key;
  std::vector<Prefix> proxies;  // who must, and nobody else may, lead with a PROXY header
  Dnstap dnstap;
  QueryLog query_log;
  std::vector<XdpInterface> xdp;
};

}  // namespace popnet::model
