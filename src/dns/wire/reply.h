// Writing one reply: header, question as it came (case kept, RFC 4343 section 4.1; resolvers check it),
// records, OPT. Pure, no allocation. Records are appended to body(); what they belong to is told by count().
// The room for the OPT record is set aside at the start, so that finish() cannot fail; a record that does not
// fit leaves body() failed, and the caller calls truncate().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/wire/query.h"

namespace popnet::dns {

/// The largest reply sent over UDP, and the size offered to others: fits into one packet on any usual path
/// (DNS flag day 2020).
inline constexpr size_t udp_reply_max = 1232;
/// Replies are padded to multiples of this (RFC 8467 section 4.1).
inline constexpr size_t padding_block = 468;

/// What the OPT record of a reply says beside the client subnet. Only for queries with EDNS.
struct ReplyOptions {
  std::span<const uint8_t> nsid = {};  // empty: not told; outlives the reply
  bool cookie = false;                 // goes with the client's part of the query's cookie
  std::array<uint8_t, server_cookie_size> server_cookie = {};
  bool keepalive = false;
  uint16_t keepalive_100ms = 0;  // how long the connection may be idle (RFC 7828 section 3.1)
  bool pad = false;
  std::optional<uint32_t> expire = {};  // seconds for which the zone is good still (RFC 7314)
};
inline constexpr size_t expire_option_size = option_header_size + 4;
inline constexpr ReplyOptions no_reply_options = {};

void write_expire_option(ByteWriter& out, uint32_t seconds);

enum class Section : uint8_t { answer, authority, additional };

class Reply {
 public:
  /// `room` is all the reply may take. REQUIRES: room.size() >= udp_plain_max; message, query
  /// and options outlive the reply
  Reply(std::span<const uint8_t> message, const Query& query, std::span<uint8_t> room,
        const ReplyOptions& options = no_reply_options);

  [[nodiscard]] ByteWriter& body() { return body_; }
  void count(Section section, size_t records) {
    counts_[static_cast<size_t>(section)] += static_cast<uint16_t>(records);
  }
  [[nodiscard]] size_t counted(Section section) const { return counts_[static_cast<size_t>(section)]; }
  void set_authoritative() { flags_ |= flag::aa; }
  /// Why the answer is not what was hoped for; left out where there is no room.
  void explain(ExtendedError error) { error_ = error; }
  /// Takes all records back and sets TC: the resolver asks again over TCP (RFC 2181 section 9).
  void truncate();
  /// Takes all records back.
  void clear();
  [[nodiscard]] bool truncated() const { return (flags_ & flag::tc) != 0; }

  /// Writes header and OPT; returns the size of the reply. `scope`: how many bits of the client subnet the
  /// answer was made for (RFC 7871 section 7.2.1); sent only if the query brought one.
  size_t finish(Rcode rcode, uint8_t scope);

 private:
  void write_opt(ByteWriter& out, Rcode rcode, uint8_t scope, size_t body_size) const;
  void write_subnet(ByteWriter& out, uint8_t scope) const;
  void write_options(ByteWriter& out) const;
  void write_padding(ByteWriter& out, size_t before) const;

  std::span<const uint8_t> message_;
  const Query& query_;
  const ReplyOptions& options_;
  std::span<uint8_t> room_;
  ByteWriter body_;
  uint16_t flags_;
  uint16_t counts_[3] = {};
  ExtendedError error_ = ExtendedError::none;
};

}  // namespace popnet::dns
