// From a query to its reply: a pure function of the view, the bytes and the resolver's address. UDP and TCP
// share it, and so does the fuzzer. No allocation, no lock, no clock.
//
// The steps, as they stand in answer.cc:
//   verdict     what cannot be read gets the rcode RFC 8906 wants; what could start a loop gets silence
//   question    only class IN; no zone transfers
//   look_up     the name in the table: a node of its own, a wildcard, a delegation, a DNAME, or nothing
//   found       the node's records; or a decision, where its addresses are decided; or its CNAME; or NODATA
//   follow      a CNAME's or DNAME's target, if it is in a zone of ours, is looked up in turn (RFC 1034 section 4.3.2)
//   finish      header counts, OPT with the scope of the answer; TC where it did not fit
//
// An answer that holds a decided part has that decision's scope; NODATA of a decided name has it too (RFC
// 7871 section 7.4); everything static has scope 0.
#pragma once

#include <cstdint>
#include <span>

#include "common/ip.h"
#include "dns/guard/rate_limit.h"
#include "dns/server/view.h"
#include "dns/wire/query.h"
#include "dns/wire/reply.h"

namespace popnet::dns {

enum class Transport : uint8_t { udp, tcp, tls };
inline constexpr size_t transport_count = 3;

/// What happened, for counters and the client latency measurement.
struct Outcome {
  enum class Decided : uint8_t { no, origin, pop };
  enum class Limited : uint8_t { no, slipped, dropped };  // by the rate limit
  static constexpr uint32_t no_zone = UINT32_MAX;
  size_t size = 0;  // of the reply; 0 = silence
  Rcode rcode = Rcode::noerror;
  bool truncated = false;
  Decided decided = Decided::no;
  uint16_t target = 0;  // the first one of the answer: origin of the site, or POP
  uint32_t site = 0;    // for Decided::origin
  AnswerKind kind = AnswerKind::error;
  Limited limited = Limited::no;
  uint32_t zone = no_zone;  // that the question's name is in
};

/// Asks the processor to fetch what answering such a query will read first. Of a batch, all are asked for before the first is
/// answered.
void prefetch(const View& view, std::span<const uint8_t> message, const Query& query,
              const IpAddress& resolver);

/// Replies to `message`, which parse_query() has read into `query`, into `room`. REQUIRES: room holds
/// udp_reply_max bytes for UDP, message_size_max for TCP. `chance`: another for each query; what is drawn anew
/// follows from it.
Outcome answer(const View& view, std::span<const uint8_t> message, const Query& query,
               const IpAddress& resolver, Transport transport, std::span<uint8_t> room,
               const ReplyOptions& options = no_reply_options, uint64_t chance = 0);

}  // namespace popnet::dns
