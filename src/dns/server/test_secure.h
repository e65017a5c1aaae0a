// A signed TestWorld.
#pragma once

#include <filesystem>

#include "dns/server/test_world.h"

namespace popnet::dns {

class SignedWorld {
 public:
  explicit SignedWorld(model::DnssecAlgorithm algorithm = model::DnssecAlgorithm::ecdsa_p256,
                       bool split = false)
      : keeper_(make_folder(), true) {
    keeper_.begin(now());
    model::Config config = test_config();
    model::Dnssec& dnssec = config.network.dnssec;
    dnssec.enabled = true;
    dnssec.algorithm = algorithm;
    dnssec.split = split;
    dnssec.validity = std::chrono::hours(24 * 14);
    dnssec.dnskey_ttl = std::chrono::hours(1);
    dnssec.zone_ttl_max = dnssec.ds_ttl = std::chrono::hours(24);
    world_ = std::make_unique<TestWorld>(test_zone, std::move(config), &keeper_);
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
