// Numbers of the DNS protocol that popnet acts on (IANA "Domain Name System (DNS) Parameters"). Everything
// else passes through as a plain number. Host byte order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace popnet::dns {

namespace type {
inline constexpr uint16_t a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, mx = 15, txt = 16, aaaa = 28,
                          dname = 39, opt = 41, ds = 43, rrsig = 46, nsec = 47, dnskey = 48, nsec3 = 50,
                          nsec3param = 51, cds = 59, cdnskey = 60, zonemd = 63, https = 65, nxname = 128,
                          tsig = 250, ixfr = 251, axfr = 252, any = 255;
}

inline constexpr uint16_t class_in = 1;
inline constexpr uint16_t class_any = 255;
inline constexpr uint8_t opcode_query = 0, opcode_notify = 4;

enum class Rcode : uint8_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  notauth = 9,     ///< not authoritative for the zone; or a TSIG that is not to be believed
  badvers = 16,    ///< does not fit the header: its upper bits travel in the OPT record
  badcookie = 23,  ///< RFC 7873 section 8
};
inline constexpr size_t rcode_count = 24;

/// INFO-CODE of an extended error (RFC 8914 section 4).
enum class ExtendedError : uint16_t {
  stale_answer = 3,
  not_ready = 14,
  blocked = 15,
  prohibited = 18,
  not_authoritative = 20,
  not_supported = 21,
  invalid_data = 24,
  invalid_query_type = 30,  ///< RFC 9824 section 9
  none = 0xffff,
};

namespace flag {
inline constexpr uint16_t qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100;
}

inline constexpr size_t header_size = 12;
inline constexpr size_t question_offset = header_size;
inline constexpr uint16_t pointer_mark = 0xc000;  ///< the two top bits of a compression pointer
inline constexpr uint16_t pointer_to_question = pointer_mark | question_offset;
inline constexpr uint16_t pointer_max = 0x3fff;  ///< farthest offset a pointer can name
inline constexpr size_t udp_plain_max = 512;     ///< RFC 1035 section 2.3.4, without EDNS
inline constexpr size_t message_size_max = 65535;

namespace edns {
inline constexpr uint16_t nsid = 3, subnet = 8, expire = 9, cookie = 10, tcp_keepalive = 11, padding = 12,
                          extended_error = 15;
}
inline constexpr size_t option_header_size = 4;   ///< code and size
inline constexpr size_t client_cookie_size = 8;   ///< RFC 7873 section 4
inline constexpr size_t server_cookie_size = 16;  ///< as RFC 9018 section 4 makes them
inline constexpr size_t opt_record_size = 11;     ///< an OPT record without options

}  // namespace popnet::dns
