#include "dns/server/answer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dns/server/secure.h"
#include "dns/server/service.h"
#include "dns/wire/record_head.h"
#include "dns/wire/reply.h"
#include "routing/decide.h"

namespace popnet::dns {

namespace {

constexpr size_t aliases_max = 8;              // CNAMEs and DNAMEs followed in one answer
constexpr size_t record_data_offset = 2 + 10;  // owner as a pointer; type, class, TTL, length

size_t room_for(const Query& query, Transport transport, std::span<uint8_t> room) {
  if (transport != Transport::udp) return std::min(room.size(), message_size_max);
  return std::min<size_t>({room.size(), query.udp_size, udp_reply_max});
}

class Answerer {
 public:
  Answerer(const View& view, std::span<const uint8_t> message, const Query& query, const IpAddress& resolver,
           Transport transport, std::span<uint8_t> room, const ReplyOptions& options, uint64_t chance)
      : names_(*view.names),
        snapshot_(*view.snapshot),
        message_(message),
        query_(query),
        resolver_(resolver),
        transport_(transport),
        chance_(chance),
        reply_(message, query, room, options),
        secure_(view, query, transport, reply_) {}

  Outcome run() {
    question();
    if (secure_.failed()) ask_elsewhere();
    outcome_.size = reply_.finish(outcome_.rcode, scope_);
    outcome_.truncated = reply_.truncated();
    return outcome_;
  }

 private:
  void question();
  bool tell_version();
  void refuse_transfer();
  void follow();
  bool look_up(const Name& name, size_t offset);
  void note(const Match& match);
  void refuse_foreign();
  void fail_unavailable();
  [[nodiscard]] bool parent_unavailable(const Name& apex) const;
  bool found(const Node& node, const Name& name, size_t offset);
  [[nodiscard]] static RRset any_set(const Node& node);
  /// `owner` stands at `offset` of the reply.
  void put(Section section, const Node& node, const RRset& set, NameBytes owner, size_t offset);
  bool make_signature(const Node& node, const Name& name, size_t offset);
  bool put_signature(const Node& node, NameBytes owner, size_t offset);
  void ask_elsewhere();
  void decide(const Node& node, const Name& name, size_t offset);
  void decide_service(const Node& node, const Name& name, size_t offset);
  [[nodiscard]] model::Decision decision_for(const DecidedName& decided, const routing::Client& client) const;
  [[nodiscard]] routing::Client client(uint16_t address_type) const;
  void narrow(uint8_t scope);
  template <class Visit>
  void each_address(const DecidedName& name, const model::Decision& decision, Visit visit) const;
  bool decide_for(uint16_t address_type, const Node& node, const Name& name, size_t offset);
  size_t put_addresses(const DecidedName& name, const model::Decision& decision, uint16_t address_type,
                       size_t offset);
  bool sign_addresses(const Node& node, const model::Decision& decision, uint16_t address_type,
                      NameBytes owner, size_t offset);
  void put_address(const IpAddress& address, uint32_t ttl, size_t offset);
  void refer(const Match& match, size_t offset);
  bool rename(const Match& match, const Name& name, size_t offset);
  void deny_name(const Node& encloser, const Name& name, size_t offset);
  [[nodiscard]] const DecidedName* decided_at(const Node& node) const {
    return node.decided() != Node::not_decided ? &names_.decided(node.decided()) : nullptr;
  }
  void deny_type(const Node& node, const Name& name, size_t offset);
  void put_soa(uint32_t zone, const Name& name, size_t offset);

  const Names& names_;
  const routing::Snapshot& snapshot_;
  const std::span<const uint8_t> message_;
  const Query& query_;
  const IpAddress& resolver_;
  const Transport transport_;
  const uint64_t chance_;
  Reply reply_;
  Secure secure_;
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
    case Verdict::notify:  // nobody here waits for one: else the responder has taken it
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
  if (query_.type == type::nxname) {  // RFC 9824 section 3.5
    outcome_.rcode = Rcode::formerr;
    return reply_.explain(ExtendedError::invalid_query_type);
  }
  if (query_.qclass == class_in && query_.type != type::axfr && query_.type != type::ixfr) {
    follow();
    return secure_.prove_wildcards();
  }
  if (query_.qclass == class_in && query_.type == type::ixfr && transport_ == Transport::udp &&
      tell_version())
    return;
  if (query_.qclass == class_in) return refuse_transfer();
  outcome_.rcode = Rcode::refused;
  reply_.explain(ExtendedError::not_supported);
}

/// RFC 5936 section 2.2.1, as BIND and NSD do. Who may have none learns no more by it than by a question for SOA.
void Answerer::refuse_transfer() {
  const Match match = names_.find(query_.name);
  const bool ours = match.kind == MatchKind::exact && match.node.has(Node::apex);
  if (ours && match.node.has(Node::unavailable)) return fail_unavailable();
  outcome_.rcode = ours ? Rcode::refused : Rcode::notauth;
  reply_.explain(ours ? ExtendedError::prohibited : ExtendedError::not_authoritative);
}

/// IXFR over UDP (RFC 1995 section 2): the SOA record says whether there is something to come for over TCP, which is where
/// it is judged who may. False if nobody may, or there is no such zone.
bool Answerer::tell_version() {
  const Match match = names_.find(query_.name);
  if (match.kind != MatchKind::exact || !match.node.has(Node::apex) || match.node.has(Node::unavailable) ||
      names_.version(match.node.zone()) == nullptr)
    return false;
  note(match);
  reply_.set_authoritative();
  put(Section::answer, match.node, match.node.find(type::soa), query_.name.bytes(), question_offset);
  return true;
}

// Until it ends, leads out of what is ours, comes back to where it has been, or is too long.
void Answerer::follow() {
  std::array<size_t, aliases_max> seen;  // where the names looked up stand in the reply
  size_t count = 0;
  bool alias = look_up(query_.name, question_offset);
  while (alias && reply_.body().ok() && alias_ <= pointer_max) {
    const auto written = reply_.body().written();
    const auto name_at = [&](size_t offset) {
      const auto rest = written.subspan(offset);
      return rest.first(measure_name(rest).size);
    };
    const Name target(name_at(alias_));
    bool known = same_name(target.bytes(), query_.name.bytes());
    for (size_t i = 0; i < count; ++i) known = known || same_name(target.bytes(), name_at(seen[i]));
    if (known || count + 1 == aliases_max) return;
    seen[count++] = alias_;
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
  Node parent;
  const bool parent_answers =
      asks_cut && match.node.has(Node::apex) && names_.parent_side(match.node.zone(), parent);
  const bool parent_fails =
      asks_cut && !parent_answers && match.node.has(Node::apex) && parent_unavailable(name);
  if ((match.node.has(Node::unavailable) && !parent_answers) || parent_fails) {
    if (first) fail_unavailable();
    return false;
  }
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
    deny_name(match.node, name, offset);
    return false;
  }
  return found(parent_answers ? parent : match.node, name, offset);
}

/// What lies above this zone is ours, too, but without data.
bool Answerer::parent_unavailable(const Name& apex) const {
  const NameBytes bytes = apex.bytes();
  return bytes.size() > 1 &&
         names_.find(Name(bytes.subspan(size_t{bytes[0]} + 1))).node.has(Node::unavailable);
}

// What the question's name turned out to be, for counters and the rate limit. A DNAME makes names as a wildcard does.
void Answerer::note(const Match& match) {
  switch (match.kind) {
    case MatchKind::not_ours:
      return;
    case MatchKind::exact:
      outcome_.kind = AnswerKind::answer;
      break;
    case MatchKind::wildcard:
    case MatchKind::dname:
      outcome_.kind = AnswerKind::wildcard;
      break;
    case MatchKind::delegation:
      outcome_.kind = AnswerKind::referral;
      break;
    case MatchKind::missing:
      outcome_.kind = AnswerKind::nxdomain;
      break;
  }
  outcome_.zone = match.node.zone();
}

void Answerer::refuse_foreign() {
  outcome_.rcode = Rcode::refused;
  reply_.explain(ExtendedError::not_authoritative);
}

// A zone that was never fetched, or is too old to be served.
void Answerer::fail_unavailable() {
  outcome_.rcode = Rcode::servfail;
  outcome_.kind = AnswerKind::error;
  reply_.explain(ExtendedError::invalid_data);
}

// For ANY, one set is enough (RFC 8482 section 4.1).
bool Answerer::found(const Node& node, const Name& name, size_t offset) {
  const bool any = query_.type == type::any;
  if (const RRset set = node.find(query_.type)) {
    put(Section::answer, node, set, name.bytes(), offset);
    return false;
  }
  if (query_.type == type::https && node.decided() != Node::not_decided &&
      !names_.decided(node.decided()).host.https_alpn.empty()) {
    decide_service(node, name, offset);
    return false;
  }
  if (query_.type == type::rrsig && put_signature(node, name.bytes(), offset)) return false;
  if (secure_.answers_with_denial(node.zone())) {
    secure_.deny_type(node, decided_at(node), name.bytes(), offset);
    return false;
  }
  if (query_.type == type::rrsig && make_signature(node, name, offset)) return false;
  if (node.decided() != Node::not_decided && (query_.type == type::a || query_.type == type::aaaa || any)) {
    decide(node, name, offset);
    return false;
  }
  if (const RRset some = any ? any_set(node) : RRset()) {
    put(Section::answer, node, some, name.bytes(), offset);
    return false;
  }
  if (const RRset cname = node.find(type::cname)) {
    alias_ = reply_.body().size() + record_data_offset;
    put(Section::answer, node, cname, name.bytes(), offset);
    return true;
  }
  deny_type(node, name, offset);
  return false;
}

/// The first set that is data: a signed empty non-terminal has only NSEC.
RRset Answerer::any_set(const Node& node) {
  for (size_t i = 0; i < node.rrsets(); ++i)
    if (const RRset set = node.rrset(i); set.type != type::nsec) return set;
  return {};
}

void Answerer::put(Section section, const Node& node, const RRset& set, NameBytes owner, size_t offset) {
  append(reply_.body(), set, offset, owner.size());
  reply_.count(section, set.records);
  reply_.count(Section::additional, set.additional);
  if (secure_.wanted(node)) secure_.sign(section, node, set, owner, offset);
}

/// For RRSIG itself as for ANY: one set's signatures are enough. Those that wildcards of our own signing make are not
/// ready: that of the denial will do.
bool Answerer::put_signature(const Node& node, NameBytes owner, size_t offset) {
  const bool carried = names_.denials(node.zone()) != nullptr;
  if (!node.has(Node::is_signed) || (!carried && (!secure_.wanted(node) || is_wildcard(node.name()))))
    return false;
  for (size_t i = 0; i < node.rrsets(); ++i) {
    const RRset signature = node.signature(node.rrset(i));
    if (!signature) continue;
    append(reply_.body(), signature, offset, owner.size());
    reply_.count(Section::answer, signature.records);
    if (carried && secure_.wanted(node)) secure_.note_wildcard(node, owner, offset);
    return true;
  }
  return false;
}

/// What put_signature() has none of: that of the decided addresses, or of what a wildcard makes. An NSEC3 record says that these
/// are there, so that a denial would contradict it.
bool Answerer::make_signature(const Node& node, const Name& name, size_t offset) {
  if (!secure_.wanted(node.zone()) || names_.denials(node.zone()) != nullptr) return false;
  if (node.decided() != Node::not_decided) {
    for (const uint16_t address_type : {type::a, type::aaaa}) {
      const model::Decision decision = decision_for(names_.decided(node.decided()), client(address_type));
      narrow(decision.scope);
      if (sign_addresses(node, decision, address_type, name.bytes(), offset)) return true;
    }
  }
  const RRset set = any_set(node);
  if (!set || !secure_.wanted(node)) return false;
  secure_.sign(Section::answer, node, set, name.bytes(), offset);
  return true;
}

// The budget for signatures is used up, or OpenSSL failed: over UDP, where anybody can ask in another's name,
// the resolver is asked to come over TCP.
void Answerer::ask_elsewhere() {
  if (transport_ == Transport::udp) return reply_.truncate();
  reply_.clear();
  outcome_.rcode = Rcode::servfail;
}

model::Decision Answerer::decision_for(const DecidedName& decided, const routing::Client& client) const {
  return decided.host.resolve == model::Resolve::pop
             ? routing::decide_pop(*snapshot_.config, snapshot_.map, decided.host, client)
             : routing::decide_origin(*snapshot_.config, snapshot_.map, decided.site, decided.host, client);
}

/// ANY gets what A does, or, where no target has such an address, what AAAA does: one set, and that whole (RFC 8482
/// section 4.1).
void Answerer::decide(const Node& node, const Name& name, size_t offset) {
  if (query_.type != type::aaaa && decide_for(type::a, node, name, offset)) return;
  if (query_.type != type::a && decide_for(type::aaaa, node, name, offset)) return;
  deny_type(node, name, offset);
}

/// False if no target has an address of this family.
bool Answerer::decide_for(uint16_t address_type, const Node& node, const Name& name, size_t offset) {
  const DecidedName& decided = names_.decided(node.decided());
  const bool by_pop = decided.host.resolve == model::Resolve::pop;
  const model::Decision decision = decision_for(decided, client(address_type));
  const size_t addresses = put_addresses(decided, decision, address_type, offset);
  narrow(decision.scope);
  if (addresses == 0) return false;
  reply_.count(Section::answer, addresses);
  if (secure_.wanted(node.zone())) sign_addresses(node, decision, address_type, name.bytes(), offset);
  outcome_.decided = by_pop ? Outcome::Decided::pop : Outcome::Decided::origin;
  outcome_.site = decided.site;
  outcome_.target = decision.targets[0];
  return true;
}

// An HTTPS record with what questions for A and AAAA would get at this moment: it holds as far and as long as both.
void Answerer::decide_service(const Node& node, const Name& name, size_t offset) {
  const DecidedName& decided = names_.decided(node.decided());
  std::array<std::array<IpAddress, model::targets_max>, 2> hints;  // of IPv6, of IPv4
  std::array<size_t, 2> counts{};
  uint32_t ttl = decided.ttl_max;
  uint8_t scope = 0;
  for (const bool v4 : {true, false}) {
    const model::Decision decision = decision_for(decided, client(v4 ? type::a : type::aaaa));
    if (decision.count > 0) ttl = std::min(ttl, decision.ttl);
    scope = std::max(scope, decision.scope);
    each_address(decided, decision, [&, v4](const IpAddress& address) {
      if (address.is_v4() == v4 && counts[v4] < model::targets_max) hints[v4][counts[v4]++] = address;
    });
  }
  narrow(scope);
  std::array<uint8_t, https_data_max> room;
  ByteWriter data(room);
  write_https_data(decided.host.https_alpn, std::span(hints[1]).first(counts[1]),
                   std::span(hints[0]).first(counts[0]), data);
  ByteWriter& out = reply_.body();
  write_record_head(out, offset, type::https, ttl);
  out.bytes(data.written());  // its length leads
  reply_.count(Section::answer, 1);
  if (!secure_.wanted(node.zone())) return;
  secure_.sign_made(node.zone(), type::https, ttl, std::max(ttl, decided.ttl_max), data.written(),
                    name.bytes(), offset);
}

/// The answer holds for such a network around the client's.
void Answerer::narrow(uint8_t scope) {
  if (query_.subnet.source_length != 0)
    scope_ = std::max(scope_, static_cast<uint8_t>(query_.subnet.embedded + scope));
}

// A source length of 0 asks not to use the client's address (RFC 7871 section 7.1.2): then the resolver's own
// place counts.
routing::Client Answerer::client(uint16_t address_type) const {
  const model::ClientLatency& lengths = snapshot_.config->network.client_latency;
  const ClientSubnet& subnet = query_.subnet;
  routing::Client client =
      subnet.source_length == 0
          ? routing::make_client(lengths, resolver_)
          : routing::make_client(lengths, subnet_address(message_, subnet), subnet.length());
  client.family = address_type == type::a ? routing::family_v4 : routing::family_v6;
  // Not the query's number alone: who hands on queries that came over HTTPS gives all of them 0 (RFC 8484 section 4.1).
  uint64_t lower_half;
  std::memcpy(&lower_half, resolver_.mapped().data() + 8, sizeof lower_half);
  client.draw = mix64(lower_half ^ uint64_t{query_.id} << 48 ^ snapshot_.map.generation ^ chance_);
  return client;
}

template <class Visit>
void Answerer::each_address(const DecidedName& name, const model::Decision& decision, Visit visit) const {
  const model::Config& config = *snapshot_.config;
  for (const uint16_t target : decision.chosen()) {
    if (name.host.resolve == model::Resolve::origin) {
      visit(config.sites[name.site].origins[target].endpoint.address);
    } else {
      for (const IpAddress& address : config.pops[target].addresses) visit(address);
    }
  }
}

size_t Answerer::put_addresses(const DecidedName& name, const model::Decision& decision,
                               uint16_t address_type, size_t offset) {
  size_t written = 0;
  each_address(name, decision, [&](const IpAddress& address) {
    if (address.is_v4() != (address_type == type::a)) return;
    put_address(address, decision.ttl, offset);
    ++written;
  });
  return written;
}

// The signature is for the highest TTL that the name's answers have, so that it fits shorter ones too. False if there are no
// addresses.
bool Answerer::sign_addresses(const Node& node, const model::Decision& decision, uint16_t address_type,
                              NameBytes owner, size_t offset) {
  const DecidedName& name = names_.decided(node.decided());
  std::array<IpAddress, Secure::addresses_max> some;
  size_t count = 0;
  each_address(name, decision, [&](const IpAddress& address) {
    if (address.is_v4() == (address_type == type::a) && count < some.size()) some[count++] = address;
  });
  if (count == 0) return false;
  secure_.sign_decided(
      node.zone(),
      {address_type, decision.ttl, std::max(decision.ttl, name.ttl_max), std::span(some).first(count)}, owner,
      offset);
  return true;
}

void Answerer::put_address(const IpAddress& address, uint32_t ttl, size_t offset) {
  const auto bytes = address.bytes();
  ByteWriter& out = reply_.body();
  write_record_head(out, offset, address.is_v4() ? type::a : type::aaaa, ttl);
  out.u16(static_cast<uint16_t>(bytes.size()));
  out.bytes(bytes);
}

// All glue goes along, or TC is set (RFC 9471). Nothing of the authority section can be written behind it.
void Answerer::refer(const Match& match, size_t offset) {
  secure_.prove_wildcards();
  const Node& cut = match.node;
  const RRset ns = cut.find(type::ns);
  const size_t cut_offset = offset + match.at;
  append(reply_.body(), ns, cut_offset, cut.name().size());
  reply_.count(Section::authority, ns.records);
  reply_.count(Section::additional, ns.additional);
  if (!cut.has(Node::is_signed)) return;
  if (secure_.wanted(cut)) secure_.prove_delegation(cut, cut.name(), cut_offset);
  const RRset glue = cut.find(type_glue);
  append(reply_.body(), glue, cut_offset, cut.name().size());
  reply_.count(Section::additional, glue.additional);
}

// RFC 6672 section 3.2: the DNAME, and a CNAME made from it for those who do not know DNAME.
bool Answerer::rename(const Match& match, const Name& name, size_t offset) {
  const RRset set = match.node.find(type::dname);
  put(Section::answer, match.node, set, match.node.name(), offset + match.at);
  const auto target = set.bytes.subspan(record_data_offset);
  const size_t size = match.at + target.size();
  if (size > name_size_max) {
    outcome_.rcode = Rcode::yxdomain;
    return false;
  }
  ByteWriter& out = reply_.body();
  write_record_head(out, offset, type::cname, set.ttl());
  out.u16(static_cast<uint16_t>(size));
  alias_ = out.size();
  out.bytes(name.bytes().first(match.at));
  out.bytes(target);
  reply_.count(Section::answer, 1);
  return query_.type != type::cname && query_.type != type::any;
}

/// With compact denial a resolver that checks signatures gets no NXDOMAIN, unless it says that it knows better
/// (RFC 9824 section 5): by the proof, the name exists and has nothing.
void Answerer::deny_name(const Node& encloser, const Name& name, size_t offset) {
  const uint32_t zone = encloser.zone();
  if (secure_.answers_with_denial(zone))
    return secure_.deny_name(encloser, decided_at(encloser), name.bytes(), offset);
  const bool proven = secure_.wanted(zone);
  const sign::ZoneSigner* const signer = names_.signer(zone);
  if (!proven || query_.compact_ok || signer == nullptr || signer->denial() != model::Denial::compact)
    outcome_.rcode = Rcode::nxdomain;
  put_soa(zone, name, offset);
  if (proven) secure_.deny_name(encloser, decided_at(encloser), name.bytes(), offset);
}

void Answerer::deny_type(const Node& node, const Name& name, size_t offset) {
  if (offset == question_offset && outcome_.kind == AnswerKind::answer) outcome_.kind = AnswerKind::nodata;
  put_soa(node.zone(), name, offset);
  if (!secure_.wanted(node.zone())) return;
  secure_.deny_type(node, decided_at(node), name.bytes(), offset);
}

// The zone's apex is a tail of the name that stands at `offset`.
void Answerer::put_soa(uint32_t zone, const Name& name, size_t offset) {
  const Node apex = names_.negative_soa(zone);
  put(Section::authority, apex, apex.rrset(0), apex.name(), offset + name.size() - apex.name().size());
}

}  // namespace

void prefetch(const View& view, std::span<const uint8_t> message, const Query& query,
              const IpAddress& resolver) {
  view.names->prefetch(query.name.hash());
  const routing::ClientTable& clients = view.snapshot->map.clients;
  if (!clients.large()) return;
  clients.prefetch(query.subnet.source_length == 0 ? resolver : subnet_address(message, query.subnet));
}

Outcome answer(const View& view, std::span<const uint8_t> message, const Query& query,
               const IpAddress& resolver, Transport transport, std::span<uint8_t> room,
               const ReplyOptions& options, uint64_t chance) {
  if (query.verdict == Verdict::drop) return {};
  const auto fitting = room.first(room_for(query, transport, room));
  return Answerer(view, message, query, resolver, transport, fitting, options, chance).run();
}

}  // namespace popnet::dns
