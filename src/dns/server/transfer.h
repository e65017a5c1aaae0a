// One zone transfer to a secondary, message by message (AXFR, RFC 5936; IXFR, RFC 1995): who may have it, what is sent, the
// signatures on it. An incremental one starts where the secondary stands, if the differences since then are kept, and is a
// whole zone otherwise. Decided names go along with what the secondary would be answered at that moment, unless the zone's
// options leave them out; a zone with such names always goes as a whole, because their answers follow no serial number. So does a zone
// that popnet signs (zone/signed_copy.h); what is decided is signed here, and its signatures come from where queries have theirs.
//
// One thread at a time; it is used beside the queries of its connection, and allocates. It keeps the view it began with.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/guard/tsig.h"
#include "dns/server/answer.h"
#include "dns/server/responder.h"
#include "dns/zone/version.h"

namespace popnet::dns {

class Transfer {
 public:
  /// `message`: a query for AXFR or IXFR in class IN that came over TCP or TLS.
  Transfer(const View& view, std::span<const uint8_t> message, const Query& query, const Source& source,
           int64_t now);

  /// False: the query gets an ordinary answer, which refuses.
  [[nodiscard]] bool admitted() const { return version_ != nullptr; }
  /// For the log: "AXFR of example.com. (serial 7) to 192.0.2.1".
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] bool done() const { return done_; }
  /// Writes the next message; its size. 0: a record does not fit into any message. REQUIRES: admitted(), !done(), room for
  /// message_size_max
  size_t next(std::span<uint8_t> room, int64_t now);
  /// For the last message signatures may have been made: what follows should wait for the next turn of the loop.
  [[nodiscard]] bool was_costly() const { return signed_now_ > 0; }

 private:
  /// Records that follow each other in the stream: the SOA alone, or all but that.
  struct Run {
    const Records* records;
    bool soa;
  };

  void admit(const Query& query, const IpAddress& source);
  void plan(std::span<const uint8_t> message, const Query& query);
  [[nodiscard]] size_t decided_count() const;
  bool decide_next();
  [[nodiscard]] bool makes_service_record(const Name& name) const;
  bool add_answer(const Name& name, uint16_t type);
  void sign_decided(const DecidedOwner& owner, std::vector<uint16_t> types);
  void sign(const Name& owner, uint16_t type, uint32_t ttl, std::span<const std::vector<uint8_t>> data);
  [[nodiscard]] bool has_signed_enough() const;
  bool step();
  [[nodiscard]] bool belongs(const Record& record) const;

  const View view_;
  const IpAddress source_;
  std::vector<uint8_t> question_;  // the query's header and question
  bool edns_ = false;
  std::optional<uint32_t> expire_;  // what is to be told of the zone's age
  std::optional<Tsig> tsig_;
  std::string title_;
  bool done_ = false;
  std::shared_ptr<const ZoneVersion> version_;  // null: not admitted
  Records decided_;                             // of the decided name that is sent next
  size_t next_decided_ = 0;                     // behind it
  size_t signed_now_ = 0;        // names of the message, of those that are signed when they are sent
  std::vector<uint8_t> answer_;  // room for that to its question
  std::vector<Run> runs_;
  size_t run_ = 0, record_ = 0;  // what is sent next
};

}  // namespace popnet::dns
