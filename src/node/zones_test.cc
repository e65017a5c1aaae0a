// Zones that are signed here beside catalogs of others.
#include "node/zones.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/ip.h"
#include "dns/transfer/test_primary.h"
#include "rt/loop.h"

namespace popnet::node {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* signed_zone =
    "@ 60 IN SOA ns.own.test. admin.own.test. 1 3600 600 86400 60\n@ 60 IN NS ns.own.test.\n"
    "ns 60 IN A 192.0.2.1\n";
constexpr const char* catalog_without_version =
    "catalog.test. 0 IN SOA . . 1 3600 600 86400 0\ncatalog.test. 0 IN NS invalid.\n";

class ZonesTest : public ::testing::Test {
 protected:
  ZonesTest() {
    std::string pattern = (fs::temp_directory_path() / "popnet-zones-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write("own.zone", signed_zone);
    config_->node.dns = true;
    config_->node.manage_keys = true;
    config_->node.key_dir = folder_ + "/keys";
    config_->node.state_dir = folder_ + "/state";
    model::Zone own, catalog;
    own.name = "own.test";
    own.file = folder_ + "/own.zone";
    own.dnssec.enabled = true;
    own.dnssec.dnskey_ttl = own.dnssec.zone_ttl_max = 1h;
    own.dnssec.validity = 24h * 14;
    catalog.name = "catalog.test";
    catalog.secondary.catalog = true;
    catalog.secondary.primaries = {Endpoint::parse("127.0.0.1:1").value()};
    config_->zones = {own, catalog};
  }
  ~ZonesTest() { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
  std::shared_ptr<model::Config> config_ = std::make_shared<model::Config>();
};

TEST_F(ZonesTest, ABrokenCatalogEndsNoSignature) {
  write("state/zones/catalog.test.zone", catalog_without_version);
  rt::Loop loop;
  int published = 0;
  const auto publish = [&](const std::shared_ptr<const dns::Names>&) {
    ++published;
    loop.stop();
    return true;
  };
  Zones zones(loop, *config_, 1, {publish, [] { return true; }});
  auto made = zones.make(config_, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  zones.in_force(config_, std::move(*made));
  zones.begin();
  write("keys/an operator has written", "");
  rt::Timer too_long(loop, [&] { loop.stop(); });
  too_long.arm_after(30s);
  loop.run();
  zones.end();
  EXPECT_EQ(published, 1);
}

// It was an ordinary zone until the reload that calls it a catalog.
TEST_F(ZonesTest, ABrokenCatalogTakesNoZonesFromAnother) {
  write("state/zones/catalog.test.zone",
        std::string(catalog_without_version) +
            "version.catalog.test. 0 IN TXT 2\na.zones.catalog.test. 0 IN PTR one.test.\n");
  write("state/zones/one.test.zone",
        "one.test. 60 IN SOA . . 1 3600 600 86400 60\none.test. 60 IN NS ns.invalid.\n");
  write("state/zones/other.test.zone",
        "other.test. 60 IN SOA . . 1 3600 600 86400 60\nother.test. 60 IN NS ns.invalid.\n");
  rt::Loop loop;
  Zones zones(loop, *config_, 1,
              {[](const std::shared_ptr<const dns::Names>&) { return true; }, [] { return true; }});
  model::Zone other = config_->zones[1];
  other.name = "other.test";
  other.secondary.catalog = false;
  config_->zones.push_back(other);
  auto made = zones.make(config_, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  zones.in_force(config_, std::move(*made));
  zones.begin();
  auto next = std::make_shared<model::Config>(*config_);
  next->zones[2].secondary.catalog = true;
  auto again = zones.make(next, nullptr);
  ASSERT_TRUE(again) << again.error().message;
  const auto names = again->names;
  zones.in_force(next, std::move(*again));
  zones.end();
  EXPECT_EQ(names->find(*dns::parse_name("one.test")).kind, dns::MatchKind::exact);
  EXPECT_TRUE(fs::exists(folder_ + "/state/zones/one.test.zone"));
}

bool unavailable(const dns::Names& names, const char* zone) {
  const auto found = names.find(*dns::parse_name(zone));
  return found.kind == dns::MatchKind::exact && found.node.has(dns::Node::unavailable);
}

class BrokenZonesTest : public ZonesTest {
 protected:
  BrokenZonesTest() {
    model::Zone other;
    other.name = "other.test";
    other.file = folder_ + "/other.zone";
    write("other.zone", "www A 192.0.2.1\n");
    config_->zones[1] = other;
  }
  [[nodiscard]] Result<Zones::Made> start() {
    auto made = zones_.make(config_, nullptr, Zones::Broken::left_out);
    if (made) zones_.in_force(config_, *made);
    return made;
  }
  [[nodiscard]] std::vector<std::string> problems_of_reload() {
    std::vector<std::string> problems;
    const auto made = zones_.make(config_, &problems);
    return made ? std::vector<std::string>() : problems;
  }

  rt::Loop loop_;
  std::shared_ptr<const dns::Names> published_;
  Zones zones_{loop_,
               *config_,
               1,
               {[this](const std::shared_ptr<const dns::Names>& names) {
                  published_ = names;
                  loop_.stop();
                  return true;
                },
                [] { return true; }}};
};

TEST_F(BrokenZonesTest, AtAStartTheOthersAreServed) {
  const auto made = start();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(unavailable(*made->names, "other.test"));
  EXPECT_FALSE(unavailable(*made->names, "own.test"));
  ASSERT_EQ(made->why_left_out.size(), 1);
  EXPECT_EQ(made->why_left_out[0],
            folder_ + "/other.zone:1:1: zone other.test.: has no records at its apex, write SOA and NS");
}

TEST_F(BrokenZonesTest, WithNothingElseToServeAStartIsRefused) {
  config_->zones.erase(config_->zones.begin());
  std::vector<std::string> problems;
  EXPECT_FALSE(zones_.make(config_, &problems, Zones::Broken::left_out));
  EXPECT_EQ(problems.size(), 1);
}

TEST_F(BrokenZonesTest, AConfigThatIsWrongItselfIsRefusedAtAStartToo) {
  config_->zones.push_back(config_->zones[0]);  // a second own.test
  std::vector<std::string> problems;
  EXPECT_FALSE(zones_.make(config_, &problems, Zones::Broken::left_out));
  EXPECT_EQ(problems.size(), 2);
}

/// What is served is never lost by a reload, and what is not served keeps nothing else from changing.
TEST_F(BrokenZonesTest, AReloadMakesNothingWorse) {
  ASSERT_TRUE(start());
  EXPECT_EQ(problems_of_reload().size(), 0) << "broken as before";
  write("own.zone", "not a record\n");
  EXPECT_NE(problems_of_reload().size(), 0) << "which was served";
  write("own.zone", signed_zone);
  write("other.zone", "@ 60 SOA ns hostmaster 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
  auto mended = zones_.make(config_, nullptr);
  ASSERT_TRUE(mended);
  EXPECT_FALSE(unavailable(*mended->names, "other.test"));
  zones_.in_force(config_, std::move(*mended));
  write("other.zone", "broken again\n");
  EXPECT_NE(problems_of_reload().size(), 0) << "it is served now";
}

TEST_F(BrokenZonesTest, TheOthersAreSignedAgain) {
  ASSERT_TRUE(start());
  zones_.begin();
  write("keys/an operator has written", "");
  rt::Timer too_long(loop_, [&] { loop_.stop(); });
  too_long.arm_after(30s);
  loop_.run();
  zones_.end();
  ASSERT_NE(published_, nullptr);
  EXPECT_TRUE(unavailable(*published_, "other.test"));
  EXPECT_FALSE(unavailable(*published_, "own.test"));
}

/// A reload that has a primary send the zone looks at what was read of its file.
TEST_F(BrokenZonesTest, ItMayBeFetchedFromNowOn) {
  ASSERT_TRUE(start());
  auto next = std::make_shared<model::Config>(*config_);
  next->zones[1].file.clear();
  next->zones[1].secondary.primaries = {Endpoint::parse("127.0.0.1:1").value()};
  const auto made = zones_.make(next, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(unavailable(*made->names, "other.test"));
}

// It counts from the next start: until then this process answers queries.
TEST_F(ZonesTest, AConfigWithoutDnsLeavesZonesSignedWhileTheyAreServed) {
  rt::Loop loop;
  Zones zones(loop, *config_, 1,
              {[](const std::shared_ptr<const dns::Names>&) { return true; }, [] { return true; }});
  auto next = std::make_shared<model::Config>(*config_);
  next->node.dns = false;
  auto made = zones.make(next, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  const auto found = made->names->find(*dns::parse_name("own.test"));
  ASSERT_EQ(found.kind, dns::MatchKind::exact);
  EXPECT_NE(made->names->signer(found.node.zone()), nullptr);
}

// Whatever the serial number that its primary has.
TEST_F(ZonesTest, AZoneThatIsFetchedFromNowOnIsServedFromItsFileUntilItComes) {
  rt::Loop loop;
  Zones zones(loop, *config_, 1,
              {[](const std::shared_ptr<const dns::Names>&) { return true; }, [] { return true; }});
  auto made = zones.make(config_, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  zones.in_force(config_, std::move(*made));
  zones.begin();
  auto next = std::make_shared<model::Config>(*config_);
  next->zones[0].file.clear();
  next->zones[0].secondary.primaries = {Endpoint::parse("127.0.0.1:1").value()};
  made = zones.make(next, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  const auto names = made->names;
  zones.in_force(next, std::move(*made));
  zones.end();
  EXPECT_EQ(names->find(*dns::parse_name("ns.own.test")).kind, dns::MatchKind::exact);
}

// They may be moved there from the config: until it has come nobody knows.
TEST_F(ZonesTest, ACatalogThatIsNewTakesNoZonesAwayBeforeItComes) {
  write("state/zones/one.test.zone",
        "one.test. 60 IN SOA . . 1 3600 600 86400 60\none.test. 60 IN NS ns.invalid.\n");
  rt::Loop loop;
  std::shared_ptr<const dns::Names> names;
  Zones zones(loop, *config_, 1,
              {[&](std::shared_ptr<const dns::Names> fresh) { return names = std::move(fresh), true; },
               [] { return true; }});
  const auto serves = [&](const char* zone) {
    return names->find(*dns::parse_name(zone)).kind == dns::MatchKind::exact;
  };
  const auto reload = [&](const std::shared_ptr<model::Config>& config) {
    auto made = zones.make(config, nullptr);
    ASSERT_TRUE(made) << made.error().message;
    names = made->names;
    zones.in_force(config, std::move(*made));
  };
  const auto catalog = config_->zones[1];
  config_->zones[1].name = "one.test";
  config_->zones[1].secondary.catalog = false;
  reload(config_);
  zones.begin();
  const auto moved = std::make_shared<model::Config>(*config_);
  moved->zones = {catalog};
  reload(moved);
  EXPECT_TRUE(serves("one.test") && serves("own.test"));
  EXPECT_TRUE(fs::exists(folder_ + "/state/zones/one.test.zone"));
  reload(std::make_shared<model::Config>(*moved));
  EXPECT_TRUE(serves("one.test") && serves("own.test")) << "after another reload";
  EXPECT_FALSE(serves("catalog.test"));
  const auto gone = std::make_shared<model::Config>(*moved);
  gone->zones.clear();
  reload(gone);
  zones.end();
  EXPECT_FALSE(serves("one.test") || serves("own.test")) << "without a catalog there is nothing to wait for";
}

// All zones of a primary may change at once, while this thread makes names.
TEST_F(ZonesTest, OfManyNotifiesAtOnceNoneIsLost) {
  constexpr size_t count = 1500;
  rt::Loop loop;
  dns::testing::DeafPrimary primary(loop);
  primary.on_asked = [&] {
    if (primary.asked >= 2 * count) loop.stop();
  };
  model::Zone zone = config_->zones[1];
  zone.secondary.catalog = false;
  zone.secondary.primaries = {primary.endpoint()};
  config_->zones.clear();
  for (size_t i = 0; i < count; ++i) {
    zone.name = "z" + std::to_string(i) + ".test";
    write("state/zones/" + zone.name + ".zone",
          zone.name + ". 60 IN SOA . . 1 3600 3600 86400 60\n" + zone.name + ". 60 IN NS ns.invalid.\n");
    config_->zones.push_back(zone);
  }
  Zones zones(loop, *config_, 1,
              {[](const std::shared_ptr<const dns::Names>&) { return true; }, [] { return true; }});
  auto made = zones.make(config_, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  zones.in_force(config_, std::move(*made));
  zones.begin();  // which looks at each once
  for (const model::Zone& z : config_->zones)
    zones.on_notify(*dns::parse_name(z.name), *IpAddress::parse("127.0.0.1"));
  rt::Timer too_long(loop, [&] { loop.stop(); });
  too_long.arm_after(20s);
  loop.run();
  zones.end();
  EXPECT_EQ(primary.asked, 2 * count);
}

}  // namespace
}  // namespace popnet::node
