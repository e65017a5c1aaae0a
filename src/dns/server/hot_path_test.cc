// What a query may cost: no allocation, from the socket to the socket, whatever is asked.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "common/test_allocations.h"
#include "dns/server/server.h"
#include "dns/server/test_carried.h"
#include "dns/server/test_secure.h"
#include "dns/server/test_world.h"
#include "rt/socket.h"

namespace popnet::dns {
namespace {

std::vector<std::vector<uint8_t>> questions() {
  std::vector<std::vector<uint8_t>> all;
  for (const char* name :
       {"www.example.com", "alias2.example.com", "to-page.example.com", "x.wild.example.com",
        "x.y.walias.example.com", "nowhere.example.com", "deep.example.com", "host.sub.example.com",
        "oak.tree.example.com", "big.example.com", "www.shop.test", "img.shop.test", "static.example.com",
        "all.cdn.test", "ruled.shop.test", "ams.cdn.test", "cdn.test", "not.ours"})
    for (const uint16_t rr_type : {type::a, type::aaaa, type::soa, type::ns, type::txt}) {
      TestQuery query(name, rr_type);
      const std::span<const uint8_t> plain = query;
      all.emplace_back(plain.begin(), plain.end());
      const std::span<const uint8_t> with_subnet = query.edns().subnet("203.0.113.0/24");
      all.emplace_back(with_subnet.begin(), with_subnet.end());
    }
  return all;
}

/// With ruled.shop.test: rules by network, weight and draw.
model::Config config_with_a_chain() {
  model::Config config = test_config();
  model::Hostname host = test_hostname("ruled.shop.test", model::Resolve::origin);
  model::ChainRule near, drawn;
  near.clients = {Prefix::parse("203.0.113.0/26").value(), Prefix::parse("2001:db8::/32").value()};
  near.targets = {{2, 1}, {0, 3}};
  near.select = model::Select::weighted;
  drawn.targets = {{0, 1}, {1, 1}};
  drawn.persistence = model::Persistence::none;
  host.chain = {near, drawn};
  config.sites[0].hostnames.push_back(host);
  model::link_chains(config);
  return config;
}

/// Asks a server with that view everything again and again, after once for its caches.
void expect_no_allocation(const View& view, const std::vector<std::vector<uint8_t>>& messages) {
  rt::Epoch epoch;
  Server::Options options;
  options.listen = {{IpAddress::v4(127, 0, 0, 1), 0}};
  auto server = Server::start(options, epoch, view.snapshot, view.names);
  ASSERT_TRUE(server.ok()) << server.error().message;
  const rt::UniqueFd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval bound{5, 0};
  setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  const rt::SocketAddress to((*server)->listening().at(0));
  ASSERT_EQ(::connect(client.get(), to.raw(), to.length), 0);

  const auto ask_all = [&] {
    std::array<uint8_t, udp_reply_max> room;
    size_t answered = 0;
    for (const auto& message : messages) {
      ::send(client.get(), message.data(), message.size(), 0);
      answered += ::recv(client.get(), room.data(), room.size(), 0) > 0 ? 1 : 0;
    }
    return answered;
  };
  ASSERT_EQ(ask_all(), messages.size());
  const uint64_t before = testing::allocations_elsewhere();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(ask_all(), messages.size());
  EXPECT_EQ(testing::allocations_elsewhere() - before, 0U) << "in " << 3 * messages.size() << " queries";
}

TEST(HotPath, NoQueryAllocates) {
  if (!POPNET_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer allocates";
  const TestWorld world(test_zone, config_with_a_chain());
  expect_no_allocation(world.view(), questions());
}

TEST(HotPath, NoQueryForSignaturesAllocatesOnceTheyAreMade) {
  if (!POPNET_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer allocates";
  const SignedWorld world;
  std::vector<std::vector<uint8_t>> messages;
  for (const char* name :
       {"www.example.com", "nowhere.example.com", "x.wild.example.com", "www.sub.example.com",
        "oak.tree.example.com", "big.example.com", "www.shop.test", "img.shop.test", "ams.cdn.test"})
    for (const uint16_t rr_type : {type::a, type::aaaa, type::soa, type::txt, type::dnskey})
      messages.push_back(TestQuery(name, rr_type).edns(1232, 0, 0x8000).bytes());
  expect_no_allocation(world.view(), messages);
}

TEST(HotPath, NoQueryForZonesThatComeSignedAllocates) {
  if (!POPNET_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer allocates";
  for (const char* part : {nsec_zone, nsec3_zone}) {
    const CarriedWorld world(part);
    std::vector<std::vector<uint8_t>> messages;
    for (const char* name : {"x.w.example", "ns1.example", "a.z.w.example", "y.w.example", "ml.example",
                             "mc.c.example", "mc.a.example", "x.alias.example", "example"})
      for (const uint16_t rr_type : {type::a, type::mx, type::ds, type::rrsig})
        messages.push_back(TestQuery(name, rr_type).edns(1232, 0, 0x8000).bytes());
    expect_no_allocation(world.view(), messages);
  }
}

TEST(HotPath, NoQueryForHashedDenialsAllocatesOnceTheyAreMade) {
  if (!POPNET_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer allocates";
  const SignedWorld world(model::DnssecAlgorithm::ecdsa_p256, false, model::Denial::nsec3);
  std::vector<std::vector<uint8_t>> messages;
  for (const char* name :
       {"www.example.com", "nowhere.example.com", "x.wild.example.com", "www.sub.example.com"})
    for (const uint16_t rr_type : {type::aaaa, type::soa, type::ds})
      messages.push_back(TestQuery(name, rr_type).edns(1232, 0, 0x8000).bytes());
  expect_no_allocation(world.view(), messages);
}

}  // namespace
}  // namespace popnet::dns
