// A signed TestWorld, and a validator: ldns checks every signature of a reply as a resolver would.
#pragma once

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <set>

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

using RrList = std::unique_ptr<ldns_rr_list, void (*)(ldns_rr_list*)>;

/// Checks the replies of one world.
class Validator {
 public:
  explicit Validator(const SignedWorld& world) : world_(world) {}

  /// All sets of answer and authority must be signed, except NS sets of delegations and CNAMEs made from
  /// DNAMEs; the names of those that are not signed, as "name type".
  std::vector<std::string> unsigned_sets(const TestAnswer& reply) {
    std::vector<std::string> missing;
    ldns_pkt* raw = nullptr;
    if (ldns_wire2pkt(&raw, reply.bytes.data(), reply.bytes.size()) != LDNS_STATUS_OK) return {"unreadable"};
    const std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet(raw, ldns_pkt_free);
    for (ldns_rr_list* section : {ldns_pkt_answer(raw), ldns_pkt_authority(raw)}) check(section, missing);
    return missing;
  }

 private:
  void check(const ldns_rr_list* section, std::vector<std::string>& missing) {
    std::set<std::string> seen;
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
      const ldns_rr* rr = ldns_rr_list_rr(section, i);
      const ldns_rr_type t = ldns_rr_get_type(rr);
      const std::string what = text(ldns_rr_owner(rr)) + " " + std::to_string(t);
      if (t == LDNS_RR_TYPE_RRSIG || !seen.insert(what).second) continue;
      const RrList set(ldns_rr_list_new(), ldns_rr_list_free),
          signatures(ldns_rr_list_new(), ldns_rr_list_free);
      collect(section, rr, set.get(), signatures.get());
      if (ldns_rr_list_rr_count(signatures.get()) == 0) {
        missing.push_back(what);
      } else {
        verify(set.get(), signatures.get(), what);
      }
    }
  }

  static void collect(const ldns_rr_list* section, const ldns_rr* like, ldns_rr_list* set,
                      ldns_rr_list* signatures) {
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
      ldns_rr* rr = ldns_rr_list_rr(section, i);
      if (ldns_dname_compare(ldns_rr_owner(rr), ldns_rr_owner(like)) != 0) continue;
      if (ldns_rr_get_type(rr) == ldns_rr_get_type(like)) ldns_rr_list_push_rr(set, rr);
      if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG &&
          ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(rr)) == ldns_rr_get_type(like))
        ldns_rr_list_push_rr(signatures, rr);
    }
  }

  void verify(ldns_rr_list* set, ldns_rr_list* signatures, const std::string& what) {
    for (size_t i = 0; i < ldns_rr_list_rr_count(signatures); ++i) {
      const ldns_rr* signature = ldns_rr_list_rr(signatures, i);
      const ldns_rr_list* keys = keys_of(text(ldns_rr_rrsig_signame(signature)));
      const RrList good(ldns_rr_list_new(), ldns_rr_list_free);
      const RrList one(ldns_rr_list_new(), ldns_rr_list_free);
      ldns_rr_list_push_rr(one.get(), ldns_rr_list_rr(signatures, i));
      const ldns_status status =
          ldns_verify_time(set, one.get(), keys, static_cast<time_t>(SignedWorld::now()), good.get());
      EXPECT_EQ(status, LDNS_STATUS_OK) << what << ": " << ldns_get_errorstr_by_id(status);
    }
  }

  const ldns_rr_list* keys_of(const std::string& zone) {
    auto& keys = keys_[zone];
    if (keys != nullptr) return keys.get();
    keys.reset(ldns_rr_list_new());
    const TestAnswer reply = world_.ask(zone, type::dnskey);
    for (const std::string& line : reply.answer) {
      ldns_rr* rr = nullptr;
      if (line.find("DNSKEY") != line.npos && line.find("RRSIG") == line.npos &&
          ldns_rr_new_frm_str(&rr, line.substr(0, line.find(';')).c_str(), 0, nullptr, nullptr) ==
              LDNS_STATUS_OK)
        ldns_rr_list_push_rr(keys.get(), rr);
    }
    EXPECT_GT(ldns_rr_list_rr_count(keys.get()), 0U) << "no keys of " << zone;
    return keys.get();
  }

  static std::string text(const ldns_rdf* dname) {
    char* chars = ldns_rdf2str(dname);
    std::string s(chars);
    std::free(chars);
    return s;
  }

  struct Free {
    void operator()(ldns_rr_list* list) const { ldns_rr_list_deep_free(list); }
  };
  const SignedWorld& world_;
  std::map<std::string, std::unique_ptr<ldns_rr_list, Free>> keys_;  // by zone
};

}  // namespace popnet::dns
