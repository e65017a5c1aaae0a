// Parsing what a resolver sends: header, exactly one question, EDNS (RFC 6891) with those options that popnet knows.
// Pure; nothing is allocated; every input gives one of the verdicts below.
#pragma once

#include <cstdint>
#include <span>

#include "common/bytes.h"
#include "common/ip.h"
#include "dns/wire/name.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

/// What kind of reply a message deserves, the worst first. RFC 8906 section 3 says what each fault gets.
enum class Verdict : uint8_t {
  drop,     ///< no reply: too short for a header, or itself a reply (replying could make two servers talk for
            ///< ever)
  notimp,   ///< an opcode other than QUERY and NOTIFY; its question is left out
  notify,   ///< a NOTIFY for one zone (RFC 1996); read like a query
  formerr,  ///< not one question, a broken name or record, a second OPT, a client subnet against RFC 7871,
            ///< a TSIG that is malformed or not the last record
  badvers,  ///< an EDNS version above 0; its options were not read
  cookie,   ///< no question, but a cookie: asks for the server's part alone (RFC 7873 section 5.4)
  fine,
};

/// The client subnet option of a query, already checked. `size` is 0 when there was none.
struct ClientSubnet {
  uint16_t offset = 0;  // of the option's data in the message
  uint16_t size = 0;    // of the option's data
  uint8_t family = 0;   // 1 IPv4, 2 IPv6, 0 none (then the length is 0 too)
  uint8_t source_length = 0;
  /// What of the lengths stands before an IPv4 address that comes as IPv6, ::ffff:192.0.2.0/120 (RFC 4291 section 2.5.5.2): 96, else 0.
  uint8_t embedded = 0;

  /// Of the address as subnet_address() gives it.
  [[nodiscard]] int length() const { return source_length - embedded; }
};

/// Where the data of an option stands in the message. `size` is 0 when there is none.
struct OptionPlace {
  uint16_t offset = 0;
  uint16_t size = 0;
};

struct Query {
  Verdict verdict;
  uint16_t id;
  uint16_t flags;          // the header's second word as it came
  uint16_t question_size;  // name, type and class in bytes; 0 = no question could be read
  uint16_t type;
  uint16_t qclass;
  bool edns;          // an OPT record was there
  bool dnssec_ok;     // EDNS DO
  bool compact_ok;    // EDNS CO: NXDOMAIN where a minimal denial would say NOERROR (RFC 9824 section 5)
  uint16_t udp_size;  // what the resolver takes over UDP: at least 512
  ClientSubnet subnet;
  OptionPlace cookie;    // the first one; its size is right: 8, or 16 to 40 (RFC 7873 section 4)
  bool asks_nsid;        // RFC 5001
  bool asks_expire;      // RFC 7314
  bool asks_keepalive;   // RFC 7828
  bool padded;           // RFC 7830
  uint16_t tsig_offset;  // where the TSIG record begins, well formed and the last (RFC 8945); 0 = none
  Name name;             // set if question_size is not 0

  [[nodiscard]] uint8_t opcode() const { return flags >> 11 & 0xf; }
};

/// Goes over a name that may end in a compression pointer, which is not followed.
void skip_name(ByteReader& in);
/// The name at `offset` of a message, whose compression pointers lead backwards, written out into `out`; size 0: there is none.
NameShape expand_name(std::span<const uint8_t> message, size_t offset, std::span<uint8_t, name_size_max> out);

/// Reads `message` into `query` (all members are set) and returns query.verdict.
Verdict parse_query(std::span<const uint8_t> message, Query& query);

/// The address in the option, IPv4 also where it came as IPv6, bits behind the source length being zero. REQUIRES: subnet.family is 1 or 2
IpAddress subnet_address(std::span<const uint8_t> message, const ClientSubnet& subnet);

}  // namespace popnet::dns
