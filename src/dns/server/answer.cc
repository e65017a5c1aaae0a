#include "dns/server/answer.h"

#include <algorithm>
#include <cstring>

#include "dns/wire/reply.h"
#include "routing/decide.h"

namespace popnet::dns {

namespace {

constexpr int aliases_max = 8;                 // CNAMEs and DNAMEs followed in one answer
constexpr size_t record_data_offset = 2 + 10;  // owner as a pointer; type, class, TTL, length

size_t room_for(const Query& query, Transport transport, std::span<uint8_t> room) {
  if (transport != Transport::udp) return std::min(room.size(), message_size_max);
  return std::min<size_t>({room.size(), query.udp_size, udp_reply_max});
}

class Answerer {
 public:
  Answerer(const View& view, std::span<const uint8_t> message, const Query& query, const IpAddress& resolver,
           std::span<uint8_t> room, const ReplyOptions& options)
      : names_(*view.names),
        snapshot_(*view.snapshot),
        message_(message),
        query_(query),
        resolver_(resolver),
        reply_(message, query, room, options) {}

  Outcome run() {
    question();
    outcome_.size = reply_.finish(outcome_.rcode, scope_);
    outcome_.truncated = reply_.truncated();
    return outcome_;
  }

 private:
  void question();
  void follow();
  bool look_up(const Name& name, size_t offset);
  void note(const Match& match);
  void refuse_foreign();
  bool found(const Node& node, const Name& name, size_t offset);
  void put(Section section, const RRset& set, size_t owner_offset, size_t owner_size);
  void decide(const Node& node, const Name& name, size_t offset);
  [[nodiscard]] routing::Client client() const;
  size_t put_addresses(const DecidedName& name, const model::Decision& decision, size_t offset);
  bool put_address(const IpAddress& address, uint32_t ttl, size_t offset);
  void refer(const Match& match, size_t offset);
  bool rename(const Match& match, const Name& name, size_t offset);
  void put_nodata(uint32_t zone, const Name& name, size_t offset);
  void put_soa(uint32_t zone, const Name& name, size_t offset);

  const Names& names_;
  const routing::Snapshot& snapshot_;
  const std::span<const uint8_t> message_;
  const Query& query_;
  const IpAddress& resolver_;
  Reply reply_;
  Outcome outcome_;
  uint8_t scope_ = 0;
  size_t alias_ = 0;  // where the target of the last alias stands in the reply, uncompressed
};

void Answerer::question() {
  switch (query_.verdict) {
    case Verdict::drop:  // answer() was silent
    case Verdict::formerr:
      outcome_.rcode = Rcode::formerr;
      return;
    case Verdict::notimp:
      outcome_.rcode = Rcode::notimp;
      return;
    case Verdict::badvers:
      outcome_.rcode = Rcode::badvers;
      return;
    case Verdict::cookie:  // NOERROR, nothing but the cookie
      return;
    case Verdict::fine:
      break;
  }
  if (query_.qclass == class_in && query_.type != type::axfr && query_.type != type::ixfr) return follow();
  outcome_.rcode = Rcode::refused;
  reply_.explain(query_.qclass == class_in ? ExtendedError::prohibited : ExtendedError::not_supported);
}

void Answerer::follow() {
  bool alias = look_up(query_.name, question_offset);
  for (int aliases = 1; alias && aliases < aliases_max && reply_.body().ok(); ++aliases) {
    const auto written = reply_.body().written().subspan(alias_);
    const Name target(written.first(measure_name(written).size));
    alias = look_up(target, alias_);
  }
}

// `name` stands uncompressed at `offset` of the reply. True if an alias was written whose target is to be
// looked up next.
bool Answerer::look_up(const Name& name, size_t offset) {
  const Match match = names_.find(name);
  const bool first = offset == question_offset;
  if (first) note(match);
  const bool asks_cut = match.at == 0 && query_.type == type::ds;  // DS belongs to the parent's side of a cut
  if (match.kind == MatchKind::not_ours) {
    if (first) refuse_foreign();
    return false;
  }
  if (match.kind == MatchKind::delegation && !asks_cut) {
    refer(match, offset);
    return false;
  }
  if (first) reply_.set_authoritative();
  if (match.kind == MatchKind::dname) return rename(match, name, offset);
  if (match.kind == MatchKind::missing) {
    outcome_.rcode = Rcode::nxdomain;
    put_soa(match.node.zone(), name, offset);
    return false;
  }
  Node parent;
  const bool parent_answers =
      asks_cut && match.node.has(Node::apex) && names_.parent_side(match.node.zone(), parent);
  return found(parent_answers ? parent : match.node, name, offset);
}

// What the question's name turned out to be, for counters and the rate limit.
void Answerer::note(const Match& match) {
  if (match.kind == MatchKind::not_ours) return;
  outcome_.zone = match.node.zone();
  outcome_.kind = match.kind == MatchKind::wildcard     ? AnswerKind::wildcard
                  : match.kind == MatchKind::delegation ? AnswerKind::referral
                  : match.kind == MatchKind::missing    ? AnswerKind::nxdomain
                                                        : AnswerKind::answer;
}

void Answerer::refuse_foreign() {
  outcome_.rcode = Rcode::refused;
  reply_.explain(ExtendedError::not_authoritative);
}

// For ANY, one set is enough (RFC 8482 section 4.1).
bool Answerer::found(const Node& node, const Name& name, size_t offset) {
  const bool any = query_.type == type::any;
  if (const RRset set = node.find(query_.type)) {
    put(Section::answer, set, offset, name.size());
    return false;
  }
  if (node.decided() != Node::not_decided && (query_.type == type::a || query_.type == type::aaaa || any)) {
    decide(node, name, offset);
    return false;
  }
  if (any && node.rrsets() > 0) {
    put(Section::answer, node.rrset(0), offset, name.size());
    return false;
  }
  if (const RRset cname = node.find(type::cname)) {
    alias_ = reply_.body().size() + record_data_offset;
    put(Section::answer, cname, offset, name.size());
    return true;
  }
  put_nodata(node.zone(), name, offset);
  return false;
}

void Answerer::put(Section section, const RRset& set, size_t owner_offset, size_t owner_size) {
  append(reply_.body(), set, owner_offset, owner_size);
  reply_.count(section, set.records);
  reply_.count(Section::additional, set.additional);
}

void Answerer::decide(const Node& node, const Name& name, size_t offset) {
  const DecidedName& decided = names_.decided(node.decided());
  const bool by_pop = decided.host.resolve == model::Resolve::pop;
  const model::Decision decision =
      by_pop ? routing::decide_pop(*snapshot_.config, snapshot_.map, decided.host, client())
             : routing::decide_origin(*snapshot_.config, snapshot_.map, decided.site, decided.host, client());
  if (query_.subnet.source_length != 0) scope_ = decision.scope;
  const size_t addresses = put_addresses(decided, decision, offset);
  if (addresses == 0) return put_nodata(node.zone(), name, offset);  // no target has an address of this family
  reply_.count(Section::answer, addresses);
  outcome_.decided = by_pop ? Outcome::Decided::pop : Outcome::Decided::origin;
  outcome_.site = decided.site;
  outcome_.target = decision.targets[0];
}

// A source length of 0 asks not to use the client's address (RFC 7871 section 7.1.2): then the resolver's own
// place counts.
routing::Client Answerer::client() const {
  const model::ClientLatency& lengths = snapshot_.config->network.client_latency;
  const ClientSubnet& subnet = query_.subnet;
  routing::Client client =
      subnet.source_length == 0
          ? routing::make_client(lengths, resolver_)
          : routing::make_client(lengths, subnet_address(message_, subnet), subnet.source_length);
  if (query_.type == type::a) client.family = routing::family_v4;
  if (query_.type == type::aaaa) client.family = routing::family_v6;
  return client;
}

size_t Answerer::put_addresses(const DecidedName& name, const model::Decision& decision, size_t offset) {
  const model::Config& config = *snapshot_.config;
  size_t written = 0;
  for (const uint16_t target : decision.chosen()) {
    if (name.host.resolve == model::Resolve::origin) {
      written += put_address(config.sites[name.site].origins[target].endpoint.address, decision.ttl, offset);
    } else {
      for (const IpAddress& address : config.pops[target].addresses)
        written += put_address(address, decision.ttl, offset);
    }
  }
  return written;
}

/// False if the address is not of the family that is asked for. ANY gets both.
bool Answerer::put_address(const IpAddress& address, uint32_t ttl, size_t offset) {
  const uint16_t address_type = address.is_v4() ? type::a : type::aaaa;
  if (query_.type != address_type && query_.type != type::any) return false;
  const auto bytes = address.bytes();
  ByteWriter& out = reply_.body();
  out.u16(static_cast<uint16_t>(pointer_mark | offset));
  out.u16(address_type);
  out.u16(class_in);
  out.u32(ttl);
  out.u16(static_cast<uint16_t>(bytes.size()));
  out.bytes(bytes);
  return true;
}

// All glue goes along, or TC is set (RFC 9471).
void Answerer::refer(const Match& match, size_t offset) {
  put(Section::authority, match.node.find(type::ns), offset + match.at, match.node.name().size());
}

// RFC 6672 section 3.2: the DNAME, and a CNAME made from it for those who do not know DNAME.
bool Answerer::rename(const Match& match, const Name& name, size_t offset) {
  const RRset set = match.node.find(type::dname);
  put(Section::answer, set, offset + match.at, set.owner_size);
  const auto target = set.bytes.subspan(record_data_offset);
  const size_t size = match.at + target.size();
  if (size > name_size_max) {
    outcome_.rcode = Rcode::yxdomain;
    return false;
  }
  ByteWriter& out = reply_.body();
  out.u16(static_cast<uint16_t>(pointer_mark | offset));
  out.u16(type::cname);
  out.u16(class_in);
  out.bytes(set.bytes.subspan(6, 4));  // the DNAME's TTL
  out.u16(static_cast<uint16_t>(size));
  alias_ = out.size();
  out.bytes(name.bytes().first(match.at));
  out.bytes(target);
  reply_.count(Section::answer, 1);
  return query_.type != type::cname;
}

void Answerer::put_nodata(uint32_t zone, const Name& name, size_t offset) {
  if (offset == question_offset && outcome_.kind == AnswerKind::answer) outcome_.kind = AnswerKind::nodata;
  put_soa(zone, name, offset);
}

// The zone's apex is a tail of the name that stands at `offset`.
void Answerer::put_soa(uint32_t zone, const Name& name, size_t offset) {
  const RRset soa = names_.negative_soa(zone);
  put(Section::authority, soa, offset + name.size() - soa.owner_size, soa.owner_size);
}

}  // namespace

Outcome answer(const View& view, std::span<const uint8_t> message, const Query& query,
               const IpAddress& resolver, Transport transport, std::span<uint8_t> room,
               const ReplyOptions& options) {
  if (query.verdict == Verdict::drop) return {};
  const auto fitting = room.first(room_for(query, transport, room));
  return Answerer(view, message, query, resolver, fitting, options).run();
}

}  // namespace popnet::dns
