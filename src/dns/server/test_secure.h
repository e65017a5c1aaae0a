// A signed TestWorld.
#pragma once

#include <filesystem>

#include "dns/server/test_world.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

/// Questions to it.
struct Asked {
  const char* name;
  uint16_t type;
};
inline constexpr Asked answered[] = {
    {"www.example.com", type::a},      {"WWW.Example.COM", type::a},       {"example.com", type::soa},
    {"example.com", type::ns},         {"example.com", type::mx},          {"example.com", type::dnskey},
    {"mixed.example.com", type::txt},  {"alias2.example.com", type::a},    {"dangling.example.com", type::a},
    {"x.wild.example.com", type::a},   {"y.z.wild.example.com", type::mx}, {"*.wild.example.com", type::a},
    {"to-wild.example.com", type::a},  {"w.walias.example.com", type::a},  {"to-page.example.com", type::a},
    {"tree.example.com", type::dname}, {"tree.example.com", type::txt},    {"unknown.example.com", 65400},
    {"big.example.com", type::txt},    {"sub.example.com", type::ds},      {"ams.cdn.test", type::aaaa},
    {"www.shop.test", type::a},        {"img.shop.test", type::a},         {"img.shop.test", type::aaaa},
    {"static.example.com", type::a},   {"all.cdn.test", type::a},          {"all.cdn.test", type::any},
    {"www.example.com", type::any},    {"web.shop.test", type::https},
};
inline constexpr Asked no_such_type[] = {
    {"www.example.com", type::aaaa},   {"example.com", type::cname},       {"deep.example.com", type::a},
    {"b.deep.example.com", type::txt}, {"x.wild.example.com", type::aaaa}, {"www.shop.test", type::aaaa},
    {"img.shop.test", type::txt},      {"other.example.com", type::ds},    {"*.wild.example.com", type::txt},
    {"wild.example.com", type::a},     {"web.shop.test", type::txt},
};
inline constexpr Asked no_such_name[] = {
    {"nowhere.example.com", type::a},      {"a.www.example.com", type::a}, {"a.b.c.d.example.com", type::txt},
    {"x.exact.wild.example.com", type::a}, {"nowhere.cdn.test", type::a},  {"x.www.shop.test", type::aaaa},
};

class SignedWorld {
 public:
  /// What it serves, not signed: that of test_config(), and web.shop.test, which has an HTTPS record.
  static model::Config names() {
    model::Config config = test_config();
    config.sites[0].hostnames.push_back(test_hostname("web.shop.test", model::Resolve::origin));
    config.sites[0].hostnames.back().https_alpn = {"h2", "http/1.1"};
    return config;
  }
  explicit SignedWorld(model::DnssecAlgorithm algorithm = model::DnssecAlgorithm::ecdsa_p256,
                       bool split = false, model::Denial denial = model::Denial::compact,
                       model::Config config = names(), const std::string& zone = test_zone)
      : keeper_(make_folder(), true) {
    keeper_.begin(now());
    model::Dnssec& dnssec = config.network.dnssec;
    dnssec.enabled = true;
    dnssec.algorithm = algorithm;
    dnssec.split = split;
    dnssec.denial = denial;
    dnssec.validity = std::chrono::hours(24 * 14);
    dnssec.dnskey_ttl = std::chrono::hours(1);
    dnssec.zone_ttl_max = dnssec.ds_ttl = std::chrono::hours(24);
    world_ = std::make_unique<TestWorld>(zone, std::move(config), &keeper_);
  }
  ~SignedWorld() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] static sign::Seconds now() { return 1'700'000'000; }
  [[nodiscard]] const View& view() const { return world_->view(); }
  /// With DO.
  [[nodiscard]] TestAnswer ask(std::string_view name, uint16_t type, uint16_t flags = 0,
                               Transport transport = Transport::tcp) const {
    return world_->ask(TestQuery(name, type).edns(1232, 0, static_cast<uint16_t>(0x8000 | flags)), transport);
  }
  [[nodiscard]] TestAnswer ask(std::span<const uint8_t> message, Transport transport) const {
    return world_->ask(message, transport);
  }
  [[nodiscard]] TestAnswer ask_plainly(std::string_view name, uint16_t type) const {
    return world_->ask(TestQuery(name, type).edns(), Transport::tcp);
  }

 private:
  std::string make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-keys-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    return folder_;
  }
  std::string folder_;
  sign::KeyKeeper keeper_;
  std::unique_ptr<TestWorld> world_;
};

}  // namespace popnet::dns
