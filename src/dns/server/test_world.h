// A small world for tests, fuzzing and plays: two POPs, one customer with decided names, one zone from a
// file. Asks a query of the answer path and reads the reply with ldns, which thereby judges every message
// sent.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dns/server/answer.h"
#include "dns/wire/reply.h"
#include "dns/wire/test_query.h"
#include "dns/zone/make_names.h"
#include "dns/zone/test_reply.h"

namespace popnet::dns {

inline constexpr const char* test_zone = R"($TTL 300
@           IN SOA ns1 hostmaster 2024010101 3600 600 604800 60
            IN NS  ns1
            IN NS  ns2.example.net.
            IN MX  10 mail
ns1         IN A   192.0.2.53
            IN AAAA 2001:db8::53
mail        IN A   192.0.2.25
www     600 IN A   192.0.2.80
        600 IN A   192.0.2.81
MiXed       IN TXT "case" "kept"
a.b.deep    IN TXT "deep"
alias       IN CNAME www
alias2      IN CNAME alias
dangling    IN CNAME nowhere
outside     IN CNAME www.example.org.
loop1       IN CNAME loop2
loop2       IN CNAME loop1
to-page     IN CNAME www.shop.test.
to-sub      IN CNAME host.sub
to-wild     IN CNAME x.wild
*.wild      IN A   192.0.2.99
            IN MX  5 mail
*.walias    IN CNAME www
exact.wild  IN TXT "not the wildcard"
sub         IN NS  ns.sub
            IN NS  ns.other
            IN NS  ns.example.net.
            IN DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.sub      IN A   192.0.2.54
            IN AAAA 2001:db8::54
www.sub     IN A   192.0.2.55
other       IN NS  ns.other
ns.other    IN A   192.0.2.56
tree        IN DNAME forest.example
tree        IN TXT "at the DNAME itself"
oak.forest.example IN A 192.0.2.200
www.child   IN A   192.0.2.250
unknown     IN TYPE65400 \# 3 010203
big         IN TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big         IN TXT "1123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big         IN TXT "2123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big         IN TXT "3123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big         IN TXT "4123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
)";

/// A file that is gone when this is.
class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-XXXXXX").string();
    const int fd = mkstemp(name.data());
    path_ = name;
    FILE* file = fdopen(fd, "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  }
  ~TempFile() { std::filesystem::remove(path_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::shared_ptr<const routing::Snapshot> test_snapshot(std::shared_ptr<const model::Config> config,
                                                              uint64_t generation = 1) {
  auto metrics = std::make_shared<model::MetricsSnapshot>();
  for (const auto& site : config->sites) metrics->origins.emplace_back(site.origins.size());
  metrics->pops.resize(config->pops.size());
  auto snapshot = std::make_shared<routing::Snapshot>();
  snapshot->map = routing::make_map(*config, *metrics, {}, generation, {});
  snapshot->config = std::move(config);
  snapshot->metrics = std::move(metrics);
  return snapshot;
}

inline model::Hostname test_hostname(std::string name, model::Resolve resolve) {
  model::Hostname host;
  host.name = std::move(name);
  host.resolve = resolve;
  host.ttl = std::chrono::seconds(20);
  return host;
}

/// One customer, "shop": www.shop.test by origin, img.shop.test and static.example.com by POP.
inline model::Config test_config() {
  const auto ip = [](const char* text) { return IpAddress::parse(text).value(); };
  model::Config config;
  config.generation = 7;
  config.network.name = "test";
  config.network.zone = "cdn.test";
  config.network.contact = "noc.team@example.net";
  config.network.content_hostname = "all.cdn.test";
  config.network.ttl = std::chrono::seconds(3600);
  config.network.content_ttl = std::chrono::seconds(30);
  config.network.client_latency.ipv4_prefix = 24;
  config.network.client_latency.ipv6_prefix = 48;
  config.pops.resize(2);
  config.pops[0].name = "ams";
  config.pops[0].addresses = {ip("192.0.2.1"), ip("2001:db8:1::1")};
  config.pops[1].name = "nyc";
  config.pops[1].addresses = {ip("192.0.2.2")};
  model::Site& shop = config.sites.emplace_back();
  shop.name = "shop";
  shop.hostnames = {test_hostname("www.shop.test", model::Resolve::origin),
                    test_hostname("img.shop.test", model::Resolve::pop),
                    test_hostname("static.example.com", model::Resolve::pop)};
  for (const char* address : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) {
    model::Origin& origin = shop.origins.emplace_back();
    origin.name = std::string("web") + std::to_string(shop.origins.size());
    origin.endpoint = {ip(address), 80};
  }
  model::ClientPrior prior;  // 203.0.113.0/24 is near nyc
  prior.network = Prefix::parse("203.0.113.0/24").value();
  prior.latency = {{0, std::chrono::milliseconds(80)}, {1, std::chrono::milliseconds(5)}};
  config.clients.push_back(prior);
  return config;
}

struct TestAnswer : TestReply {
  Outcome outcome;
};

class TestWorld {
 public:
  /// `zone`: the text of example.com's file, or of another name's; empty = no such zone.
  explicit TestWorld(const std::string& zone = test_zone, model::Config config = test_config(),
                     sign::KeyKeeper* keeper = nullptr, const std::string& name = "example.com")
      : file_(zone) {
    if (!zone.empty()) {
      config.zones.push_back({name, file_.path(), {}});
      if (keeper != nullptr) config.zones.back().dnssec = config.network.dnssec;
    }
    config_ = std::make_shared<model::Config>(std::move(config));
    auto names = make_names(*config_, nullptr, keeper);
    if (keeper != nullptr) {
      view_.signing = std::make_shared<sign::Online>(1000);
      view_.now = keeper->now();
    }
    if (!names.ok()) std::fprintf(stderr, "%s\n", names.error().message.c_str());
    view_.names = std::move(names).value();
    view_.snapshot = test_snapshot(config_);
  }

  [[nodiscard]] const View& view() const { return view_; }
  [[nodiscard]] const std::shared_ptr<const model::Config>& config() const { return config_; }

  /// Asks as the resolver at that address. What is asked over UDP and needs no signatures, whose budget is a test's own, is
  /// asked over TCP too: the answer must be the same, unless UDP had to cut it.
  [[nodiscard]] TestAnswer ask(std::span<const uint8_t> message, Transport transport = Transport::udp,
                               const char* resolver = "192.0.2.200") const {
    TestAnswer reply = ask_once(message, transport, resolver);
    if (transport != Transport::udp || view_.signing != nullptr) return reply;
    const TestAnswer whole = ask_once(message, Transport::tcp, resolver);
    const auto cut = [](const TestAnswer& a) { return a.flags.find("tc") != std::string::npos; };
    const bool same = cut(reply) ? reply.rcode == whole.rcode : reply.bytes == whole.bytes;
    if (cut(whole) || !same) {  // fuzzers use this too, and have no gtest
      std::fprintf(stderr, "UDP and TCP differ: %s\n",
                   reply.question.empty() ? "" : reply.question[0].c_str());
      std::abort();
    }
    return reply;
  }

 private:
  [[nodiscard]] TestAnswer ask_once(std::span<const uint8_t> message, Transport transport,
                                    const char* resolver) const {
    Query query;
    parse_query(message, query);
    std::vector<uint8_t> room(transport == Transport::udp ? udp_reply_max : message_size_max);
    const Outcome outcome =
        answer(view_, message, query, IpAddress::parse(resolver).value(), transport, room);
    return {TestReply::read(std::span(room).first(outcome.size)), outcome};
  }

  TempFile file_;
  std::shared_ptr<const model::Config> config_;
  View view_;
};

}  // namespace popnet::dns
