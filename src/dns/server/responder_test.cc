#include "dns/server/responder.h"

#include <gmock/gmock.h>

#include "dns/guard/tsig.h"
#include "dns/server/policy.h"
#include "dns/server/test_world.h"

namespace popnet::dns {
namespace {

using Bytes = std::vector<uint8_t>;
using ::testing::ElementsAre;

constexpr WallTime noon{std::chrono::seconds(1'559'731'985)};
const Bytes client_cookie = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};

/// The options of a reply by their code; the codes must be unique.
std::map<uint16_t, Bytes> options_of(const TestReply& reply) {
  std::map<uint16_t, Bytes> options;
  const Bytes& all = reply.edns_options;
  for (size_t at = 0; at + 4 <= all.size();) {
    const size_t size = static_cast<size_t>(all[at + 2] << 8 | all[at + 3]);
    const auto data = all.begin() + static_cast<std::ptrdiff_t>(at + 4);
    const auto [place, fresh] = options.try_emplace(static_cast<uint16_t>(all[at] << 8 | all[at + 1]), data,
                                                    data + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(fresh) << "option " << place->first << " twice";
    at += 4 + size;
  }
  return options;
}

class ResponderTest : public ::testing::Test {
 protected:
  ResponderTest() {
    config_.node.pop = "ams";
    config_.dns.cookie_secrets = {"e5e973e5a6b2a43f48e7dc849e37bfcf"};
  }

  TestReply ask(const TestQuery& message, Transport transport = Transport::udp,
                const char* from = "198.51.100.100") {
    View view = world_->view();
    view.policy = make_policy(config_, 1, threads_, queues_);
    Query query;
    parse_query(message, query);
    Bytes room(transport == Transport::udp ? udp_reply_max : message_size_max);
    const Source source = {IpAddress::parse(from).value(), transport, path_};
    outcome_ = responder_.respond(view, message, query, source, {TimePoint{}, noon}, room);
    return TestReply::read(std::span(room).first(outcome_.size));
  }
  static TestQuery www() { return TestQuery("www.example.com", type::a).edns(); }
  /// A query with the cookie that the server gave.
  TestQuery with_cookie(const char* from = "198.51.100.100") {
    return www().option(edns::cookie, options_of(ask(www().option(edns::cookie, client_cookie),
                                                     Transport::udp, from))[edns::cookie]);
  }

  model::Config config_;
  std::optional<TestWorld> world_{std::in_place};
  Responder responder_;
  Outcome outcome_;
  int threads_ = 1, queues_ = 1;
  Source::Path path_ = Source::Path::socket;
};

TEST_F(ResponderTest, AFirstCookieIsAnsweredWithBothParts) {
  const TestReply reply = ask(www().option(edns::cookie, client_cookie));
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_EQ(reply.answer.size(), 2u);
  EXPECT_EQ(options_of(reply)[edns::cookie],  // RFC 9018 appendix A.1
            (Bytes{0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, 0x01, 0x00, 0x00, 0x00,
                   0x5c, 0xf7, 0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80}));
}

// RFC 7314 section 3.2: for who asks, of a zone.
TEST_F(ResponderTest, TheAgeOfAZoneIsTold) {
  const auto told = [&](const char* name, uint16_t type, const Bytes& data = {}) {
    return options_of(ask(TestQuery(name, type).edns().option(edns::expire, data)))[edns::expire];
  };
  EXPECT_EQ(told("example.com", type::soa).size(), 4U);
  EXPECT_EQ(told("example.com", type::soa), told("example.com", type::ixfr));
  EXPECT_TRUE(told("example.com", type::soa, {0, 0, 0, 1}).empty()) << "a server's";
  EXPECT_TRUE(told("example.com", type::ns).empty());
  EXPECT_TRUE(told("www.example.com", type::soa).empty());
  EXPECT_TRUE(told("example.org", type::soa).empty());
  EXPECT_TRUE(options_of(ask(TestQuery("example.com", type::soa).edns())).empty());
}

TEST_F(ResponderTest, WithoutACookieThereIsNone) {
  EXPECT_TRUE(options_of(ask(www())).empty());
  config_.dns.cookies = model::Cookies::off;
  EXPECT_TRUE(options_of(ask(www().option(edns::cookie, client_cookie))).empty());
}

TEST_F(ResponderTest, BadCookieOnlyWhereItIsRequired) {
  const TestQuery first = www().option(edns::cookie, client_cookie);
  EXPECT_EQ(ask(first).rcode, 0);
  config_.dns.cookies = model::Cookies::require;
  const TestReply refused = ask(first);
  EXPECT_EQ(refused.rcode, 23);
  EXPECT_TRUE(refused.answer.empty());
  EXPECT_EQ(options_of(refused)[edns::cookie].size(), 24u) << "the client asks again with this one";
  EXPECT_EQ(ask(with_cookie()).rcode, 0);
  EXPECT_EQ(ask(with_cookie(), Transport::udp, "198.51.100.101").rcode, 23) << "another's cookie";
  EXPECT_EQ(ask(first, Transport::tcp).rcode, 0) << "TCP proves the address by itself";
  EXPECT_EQ(ask(www()).rcode, 0) << "who knows no cookies cannot have one";
}

TEST_F(ResponderTest, ACookieAloneNeedsNoQuestion) {  // RFC 7873 section 5.4
  TestQuery query("www.example.com", type::a);
  query.cut_to(header_size).set_word(4, 0).edns().option(edns::cookie, client_cookie);
  const TestReply reply = ask(query);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_TRUE(reply.question.empty());
  EXPECT_EQ(options_of(reply)[edns::cookie].size(), 24u);
  TestQuery bare("www.example.com", type::a);
  EXPECT_EQ(ask(bare.cut_to(header_size).set_word(4, 0).edns()).rcode, 1);
}

TEST_F(ResponderTest, CookiesOfWrongSizeAreFormErr) {  // RFC 7873 section 5.2.2
  for (const size_t size : {0, 7, 9, 15, 41})
    EXPECT_EQ(ask(www().option(edns::cookie, Bytes(size))).rcode, 1) << size;
}

TEST_F(ResponderTest, NsidForWhoAsks) {
  EXPECT_EQ(options_of(ask(www().option(edns::nsid, {})))[edns::nsid], (Bytes{'a', 'm', 's'}));
  config_.node.dns_server.nsid = "ams-2";
  EXPECT_EQ(options_of(ask(www().option(edns::nsid, {})))[edns::nsid].size(), 5u);
  config_.node.dns_server.nsid = "";
  EXPECT_EQ(options_of(ask(www().option(edns::nsid, {}))).count(edns::nsid), 0u);
}

TEST_F(ResponderTest, KeepaliveOverTcpOnly) {  // RFC 7828 section 3.2: ignored over UDP
  const TestQuery query = www().option(edns::tcp_keepalive, {});
  config_.dns.tcp_idle = std::chrono::seconds(30);
  EXPECT_EQ(options_of(ask(query, Transport::tcp))[edns::tcp_keepalive], (Bytes{300 >> 8, 300 & 0xff}));
  EXPECT_EQ(options_of(ask(query)).count(edns::tcp_keepalive), 0u);
}

TEST_F(ResponderTest, PaddingOverTlsAndForWhoPads) {
  EXPECT_EQ(ask(www(), Transport::tls).bytes.size(), padding_block);
  const TestQuery padded = www().option(edns::padding, {0, 0, 0});
  EXPECT_EQ(ask(padded, Transport::tcp).bytes.size(), padding_block);
  EXPECT_LT(ask(padded).bytes.size(), 100u) << "an unproven source gets no larger reply";
  EXPECT_EQ(ask(with_cookie().option(edns::padding, {})).bytes.size(), padding_block);
  EXPECT_EQ(ask(TestQuery("big.example.com", type::txt).edns(), Transport::tls).bytes.size(),
            2 * padding_block);
  EXPECT_TRUE(ask(TestQuery("www.example.com", type::a), Transport::tls).edns_options.empty());
}

TEST_F(ResponderTest, ErrorsAreExplained) {  // RFC 8914
  const auto code = [&](const TestQuery& query) { return options_of(ask(query))[edns::extended_error]; };
  EXPECT_THAT(code(TestQuery("www.example.org", type::a).edns()), ElementsAre(0, 20));
  EXPECT_THAT(code(TestQuery("example.com", type::axfr).edns()), ElementsAre(0, 18));
  EXPECT_THAT(code(TestQuery("example.com", type::txt, 3).edns()), ElementsAre(0, 21));
  EXPECT_TRUE(code(www()).empty());
}

// Who hands on queries that came over HTTPS or QUIC gives all of them one number (RFC 8484 section 4.1).
TEST_F(ResponderTest, DrawnAnswersDifferWhereQueriesDoNot) {
  model::Config config = test_config();
  model::Hostname& www = config.sites[0].hostnames[0];
  www.select = model::Select::weighted;
  www.answers_max = 1;
  www.persistence = model::Persistence::none;
  world_.emplace(test_zone, config);
  std::map<std::string, double> counted;
  for (int i = 0; i < 3000; ++i) ++counted[ask(TestQuery("www.shop.test", type::a)).answer.at(0)];
  ASSERT_EQ(counted.size(), 3u);
  double chi_square = 0;
  for (const auto& [answer, count] : counted) chi_square += (count - 1000) * (count - 1000) / 1000;
  EXPECT_LT(chi_square, 13.8) << "once in a thousand";
}

TEST_F(ResponderTest, OverTheLimitEveryOtherAnswerSlips) {
  config_.dns.rate_limit.per_second = 3;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(www()).answer.size(), 2u);
  EXPECT_EQ(ask(www()).bytes.size(), 0u);
  EXPECT_EQ(outcome_.limited, Outcome::Limited::dropped);
  const TestReply slipped = ask(www());
  EXPECT_EQ(slipped.flags, "qr tc rd");
  EXPECT_TRUE(slipped.answer.empty());
  EXPECT_EQ(outcome_.limited, Outcome::Limited::slipped);
  EXPECT_EQ(ask(www(), Transport::tcp).answer.size(), 2u);
  EXPECT_EQ(ask(TestQuery("www.example.com", type::aaaa).edns()).authority.size(), 1u) << "something else";
}

TEST_F(ResponderTest, TheLimitIsSharedByThoseWhoGetTheQueries) {
  config_.dns.rate_limit = {.per_second = 6, .slip = 0, .exempt = {}};
  threads_ = 2, queues_ = 3;
  const auto sent = [&](Source::Path path, const char* from) {
    path_ = path;
    int n = 0;
    for (int i = 0; i < 10; ++i) n += !ask(www(), Transport::udp, from).bytes.empty();
    return n;
  };
  EXPECT_EQ(sent(Source::Path::socket, "192.0.2.1"), 3);
  EXPECT_EQ(sent(Source::Path::xdp, "192.0.3.1"), 2);
}

TEST_F(ResponderTest, UnderPressureACookieIsTheWayOut) {
  config_.dns.rate_limit.per_second = 1;
  config_.dns.rate_limit.slip = 1;
  const TestQuery first = www().option(edns::cookie, client_cookie);
  EXPECT_EQ(ask(first).rcode, 0);
  const TestReply pressed = ask(first);
  EXPECT_EQ(pressed.rcode, 23);
  const TestQuery proven = www().option(edns::cookie, options_of(pressed)[edns::cookie]);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(proven).answer.size(), 2u);
}

TEST_F(ResponderTest, RandomNamesCountTogether) {
  config_.dns.rate_limit = {.per_second = 4, .slip = 0, .exempt = {}};
  const auto sent = [&](const std::string& suffix, const char* from) {
    int n = 0;
    for (int i = 0; i < 20; ++i)
      n += !ask(TestQuery("r" + std::to_string(i) + suffix, type::a), Transport::udp, from).bytes.empty();
    return n;
  };
  EXPECT_EQ(sent(".example.com", "192.0.2.1"), 4) << "NXDOMAIN";
  EXPECT_EQ(sent(".wild.example.com", "192.0.2.1"), 4) << "a wildcard";
  EXPECT_EQ(sent(".tree.example.com", "192.0.4.1"), 4) << "a DNAME";
  EXPECT_EQ(sent(".sub.example.com", "192.0.2.1"), 4) << "a referral";
  EXPECT_EQ(sent(".example.org", "192.0.2.1"), 4) << "REFUSED";
  EXPECT_EQ(sent(".example.com", "192.0.3.1"), 4) << "another network";
}

// Whatever goes out over UDP to who has shown neither cookie nor key.
TEST_F(ResponderTest, ErrorsOfAllKindsCountTogether) {
  config_.dns.rate_limit = {.per_second = 4, .slip = 0, .exempt = {}};
  config_.dns.cookies = model::Cookies::require;
  const auto sent = [&](const TestQuery& query, const char* from, Transport transport = Transport::udp) {
    int n = 0;
    for (int i = 0; i < 20; ++i) n += !ask(query, transport, from).bytes.empty();
    return n;
  };
  TestQuery unknown_key = www().set_word(10, 2);
  unknown_key.byte(0).words({type::tsig, class_any, 0, 0, 21}).byte(1).byte('x').byte(0);
  unknown_key.words({0, 0, 1, 300, 2, 0xabcd, 0x1234, 0, 0});
  const TestQuery notify = www().set_flags(opcode_notify << 11);
  EXPECT_EQ(sent(unknown_key, "192.0.2.1"), 4) << "NOTAUTH";
  EXPECT_EQ(sent(notify, "192.0.3.1"), 4) << "NOTIMP";
  EXPECT_EQ(sent(www().set_flags(5 << 11), "192.0.4.1"), 4) << "NOTIMP";
  EXPECT_EQ(sent(www().byte(0), "192.0.5.1"), 4) << "FORMERR";
  EXPECT_EQ(sent(www().edns(1232, 1), "192.0.6.1"), 4) << "BADVERS";
  EXPECT_EQ(sent(www().option(edns::cookie, client_cookie), "192.0.7.1"), 4) << "BADCOOKIE";
  EXPECT_EQ(sent(www().byte(0), "192.0.7.1"), 0) << "together with others";
  EXPECT_EQ(sent(unknown_key, "192.0.2.1", Transport::tcp), 20);
  EXPECT_EQ(sent(notify, "192.0.3.1", Transport::tcp), 20);
}

// All options at once still fit beside an answer of the smallest size, or the answer is cut, not they.
TEST_F(ResponderTest, AllOptionsAtOnce) {
  const TestReply reply = ask(TestQuery("big.example.com", type::txt)
                                  .edns(512)
                                  .subnet("198.51.100.0/24")
                                  .option(edns::cookie, client_cookie)
                                  .option(edns::nsid, {}));
  ASSERT_TRUE(reply.readable);
  EXPECT_NE(reply.flags.find("tc"), std::string::npos);
  EXPECT_LE(reply.bytes.size(), 512u);
  EXPECT_EQ(options_of(reply).size(), 3u);
}

TEST_F(ResponderTest, AnUnknownOpcodeIsNotImpWithEdns) {
  const TestReply reply = ask(www().set_flags(5 << 11).option(edns::nsid, {}));
  EXPECT_EQ(reply.rcode, 4);
  EXPECT_TRUE(reply.edns);
  EXPECT_EQ(options_of(reply)[edns::nsid], (Bytes{'a', 'm', 's'}));
  EXPECT_FALSE(ask(TestQuery("www.example.com", type::a).set_flags(5 << 11)).edns);
}

// RFC 8945 section 5.2: no TSIG says what is wrong with one that cannot be read.
TEST_F(ResponderTest, ATsigThatCannotBeReadIsFormErrWithoutTsig) {
  TestQuery query = www().set_word(10, 2);
  query.byte(0).words({type::tsig, class_any, 0, 0, 3}).byte('a').byte('b').byte('c');
  const TestReply reply = ask(query);
  ASSERT_TRUE(reply.readable);
  EXPECT_EQ(reply.rcode, 1);
  EXPECT_EQ(reply.bytes[11], 1) << "the OPT record alone";
}

class NotifyTest : public ResponderTest {
 protected:
  NotifyTest() {
    model::Zone& zone = config_.zones.emplace_back();
    zone.name = "example.com";
    zone.secondary.primaries = {Endpoint::parse("192.0.2.1:53").value(),
                                Endpoint::parse("[2001:db8::1]:53").value()};
    config_.dns.tsig_keys = {
        {"right.example", model::TsigAlgorithm::hmac_sha256, "MDEyMzQ1Njc4OTAxMjM0NQ=="},
        {"wrong.example", model::TsigAlgorithm::hmac_sha256, "NDU2Nzg5MDEyMzQ1Njc4OQ=="}};
  }
  static Bytes notify(const char* name = "example.com", uint16_t rr_type = type::soa) {
    return TestQuery(name, rr_type).set_flags(static_cast<uint16_t>(opcode_notify << 11 | flag::aa)).bytes();
  }
  static Bytes signed_notify(const TsigKey& key) {
    Tsig client(key);
    Bytes message = notify();
    const size_t size = message.size();
    message.resize(size + client.size_max());
    message.resize(client.append(message, size, noon.time_since_epoch() / std::chrono::seconds(1)));
    return message;
  }
  Rcode tell(const Bytes& message, const char* from = "192.0.2.1") {
    const auto policy = make_policy(config_, 1, threads_, queues_);
    policy->on_notify = [this](const Name& zone, const IpAddress& sender) {
      heard_.push_back(zone.to_text() + " " + sender.to_string());
    };
    View view = world_->view();
    view.policy = policy;
    Query query;
    parse_query(message, query);
    Bytes room(udp_reply_max);
    const Source source = {IpAddress::parse(from).value(), Transport::udp, path_};
    outcome_ = responder_.respond(view, message, query, source, {TimePoint{}, noon}, room);
    reply_ = TestReply::read(std::span(room).first(outcome_.size));
    return outcome_.rcode;
  }

  std::vector<std::string> heard_;
  TestReply reply_;
};

TEST_F(NotifyTest, PrimariesAreBelieved) {
  for (const char* from : {"192.0.2.1", "2001:db8::1"})
    EXPECT_EQ(tell(notify("Example.COM"), from), Rcode::noerror);
  EXPECT_THAT(heard_, ElementsAre("example.com. 192.0.2.1", "example.com. 2001:db8::1"));
}

TEST_F(NotifyTest, WhereOthersAreNamedTheyAloneAreBelieved) {
  config_.zones.back().secondary.notify_from = {Prefix::parse("198.51.100.0/24").value()};
  EXPECT_EQ(tell(notify(), "198.51.100.77"), Rcode::noerror);
  EXPECT_EQ(tell(notify(), "192.0.2.1"), Rcode::refused);
  EXPECT_THAT(heard_, ElementsAre("example.com. 198.51.100.77"));
}

TEST_F(NotifyTest, TheReplyIsAuthoritativeAndRepeatsTheQuestion) {
  ASSERT_EQ(tell(notify()), Rcode::noerror);
  EXPECT_EQ(reply_.flags, "qr aa");
  EXPECT_EQ(reply_.bytes[2] >> 3 & 15, opcode_notify);
  EXPECT_EQ(reply_.question.size(), 1U);
  EXPECT_TRUE(reply_.answer.empty() && reply_.authority.empty() && reply_.additional.empty());
}

TEST_F(NotifyTest, OthersAreRefusedAndNotHeard) {
  EXPECT_EQ(tell(notify(), "192.0.2.2"), Rcode::refused);
  EXPECT_EQ(tell(notify("www.example.com")), Rcode::notauth) << "no zone's name";
  EXPECT_EQ(tell(notify("example.org")), Rcode::notauth);
  EXPECT_EQ(tell(notify("example.com", type::a)), Rcode::notauth) << "RFC 1996 section 3.7 knows SOA alone";
  EXPECT_TRUE(heard_.empty());
}

TEST_F(NotifyTest, WithAKeyItMustBeSignedByThatKey) {
  config_.zones.back().secondary.key = "right.example";
  const auto keys = tsig_keys(config_);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(tell(notify()), Rcode::refused);
  EXPECT_EQ(tell(signed_notify(keys[1])), Rcode::refused);
  TsigKey forged = keys[0];
  forged.secret[0] ^= 1;
  EXPECT_EQ(tell(signed_notify(forged)), Rcode::notauth);
  EXPECT_TRUE(heard_.empty());
  EXPECT_EQ(tell(signed_notify(keys[0])), Rcode::noerror);
  EXPECT_EQ(reply_.bytes[11], 1) << "an additional record: signed, too";
  EXPECT_EQ(heard_.size(), 1U);
  EXPECT_EQ(tell(signed_notify(keys[0]), "192.0.2.2"), Rcode::refused) << "the key alone is not enough";
}

TEST_F(NotifyTest, ACatalogsPrimariesAreBelievedOfZonesItMayName) {
  config_.zones.back().secondary.catalog = true;
  EXPECT_EQ(tell(notify("member.example")), Rcode::noerror);
  EXPECT_EQ(tell(notify("member.example"), "192.0.2.2"), Rcode::refused);
  config_.zones.push_back(config_.zones.back());
  config_.zones.back().name = "other.example";
  config_.zones.back().secondary.primaries = {Endpoint::parse("192.0.2.2:53").value()};
  EXPECT_EQ(tell(notify("member.example"), "192.0.2.2"), Rcode::noerror) << "of one of two catalogs";
  EXPECT_EQ(tell(notify("other.example"), "192.0.2.1"), Rcode::refused) << "a rule of its own";
}

TEST_F(NotifyTest, WhoHasSignedIsNotLimited) {
  config_.dns.rate_limit = {.per_second = 1, .slip = 0, .exempt = {}};
  const auto keys = tsig_keys(config_);
  const auto answered = [&](const Bytes& message, const char* from) {
    int n = 0;
    for (int i = 0; i < 5; ++i) tell(message, from), n += outcome_.size != 0;
    return n;
  };
  EXPECT_EQ(answered(signed_notify(keys[0]), "192.0.2.1"), 5);
  EXPECT_EQ(answered(notify(), "192.0.2.1"), 1) << "who could forge a primary's address could flood it";
  EXPECT_EQ(answered(notify(), "192.0.3.1"), 1) << "a stranger";
}

TEST_F(NotifyTest, WhoFollowsNoZoneDoesNotKnowIt) {
  config_.zones.clear();
  EXPECT_EQ(tell(notify()), Rcode::notimp);
}

}  // namespace
}  // namespace popnet::dns
