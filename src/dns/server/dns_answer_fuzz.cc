// Any bytes through the whole answer path, over UDP and over TCP: out comes silence, or a message that ldns
// can read, that repeats the query's id and question, and that is no larger than its limit. Once bare, and once with
// all that a server adds: cookies, signatures with shared keys, answers to NOTIFY.
#include <cstdlib>

#include "dns/server/policy.h"
#include "dns/server/responder.h"
#include "dns/server/test_carried.h"
#include "dns/server/test_secure.h"

using namespace popnet;
using namespace popnet::dns;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_reply(const TestAnswer& reply, std::span<const uint8_t> message, const Query& query,
                 Transport transport) {
  if (reply.outcome.size == 0) return require(query.verdict == Verdict::drop);
  const size_t limit = transport == Transport::tcp ? message_size_max
                       : query.edns                ? udp_reply_max
                                                   : udp_plain_max;
  require(reply.outcome.size <= limit);
  require(reply.outcome.size <= std::max<size_t>(query.udp_size, udp_plain_max) ||
          transport == Transport::tcp);
  require(reply.readable);
  require(reply.bytes[0] == message[0] && reply.bytes[1] == message[1] && (reply.bytes[2] & 0x80) != 0);
  require(reply.rcode == static_cast<int>(reply.outcome.rcode));
  require(reply.edns == query.edns);
  if (query.question_size == 0) return;
  require(std::equal(message.begin() + question_offset,
                     message.begin() + question_offset + query.question_size,
                     reply.bytes.begin() + question_offset));
  if (reply.outcome.truncated) require(reply.answer.empty() && reply.authority.empty());
  // SOA; with DO a signature of it, and one to three NSEC or NSEC3 records with theirs
  const size_t denial = reply.authority.size();
  if (reply.rcode == static_cast<int>(Rcode::nxdomain) && !reply.outcome.truncated)
    require(denial == 1 || (query.dnssec_ok && denial % 2 == 0 && denial >= 4 && denial <= 8));
}

template <class World>
void check(const World& world, std::span<const uint8_t> message, const Query& query, Transport transport) {
  check_reply(world.ask(message, transport), message, query, transport);
}

/// Has a key, and is a secondary.
std::shared_ptr<const Policy> test_policy() {
  model::Config config = test_config();
  config.dns.tsig_keys = {{"key.example", model::TsigAlgorithm::hmac_sha256, "MDEyMzQ1Njc4OTAxMjM0NQ=="}};
  model::Zone& zone = config.zones.emplace_back();
  zone.name = "example.com";
  zone.secondary.primaries = {Endpoint::parse("192.0.2.200:53").value()};
  return make_policy(config, 1, 1);
}

bool ends_with_tsig(const TestReply& reply) {
  Query as_query;
  std::vector<uint8_t> turned = reply.bytes;
  turned[2] &= 0x7f;
  parse_query(turned, as_query);
  return as_query.tsig_offset != 0;
}

void check_server(const TestWorld& world, std::span<const uint8_t> message, const Query& query,
                  Transport transport) {
  static const auto policy = test_policy();
  static Responder responder;
  View view = world.view();
  view.policy = policy;
  std::vector<uint8_t> room(transport == Transport::udp ? udp_reply_max : message_size_max);
  constexpr WallTime signed_at{std::chrono::seconds(1'700'000'000)};  // of the corpus
  const Outcome outcome =
      responder.respond(view, message, query, {IpAddress::parse("192.0.2.200").value(), transport},
                        {TimePoint{}, signed_at}, room);
  const TestAnswer reply{TestReply::read(std::span(room).first(outcome.size)), outcome};
  check_reply(reply, message, query, transport);
  if (query.tsig_offset == 0 && outcome.size != 0) require(!ends_with_tsig(reply));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TestWorld world;
  static const SignedWorld signed_world;
  static const SignedWorld hashed_world(model::DnssecAlgorithm::ed25519, false, model::Denial::nsec3);
  static const CarriedWorld carried_world(nsec_zone), carried_hashed_world(nsec3_zone);
  const std::vector<uint8_t> message(data, data + size);
  Query query;
  parse_query(message, query);
  check(world, message, query, Transport::udp);
  check(world, message, query, Transport::tcp);
  check_server(world, message, query, Transport::udp);
  check_server(world, message, query, Transport::tcp);
  check(signed_world, message, query, Transport::udp);
  check(signed_world, message, query, Transport::tcp);
  check(hashed_world, message, query, Transport::udp);
  check(hashed_world, message, query, Transport::tcp);
  for (const CarriedWorld* carried : {&carried_world, &carried_hashed_world}) {
    check(*carried, message, query, Transport::udp);
    check(*carried, message, query, Transport::tcp);
  }
  return 0;
}
