// A validator for tests: ldns checks every signature of a reply as a resolver would.
#pragma once

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dns/zone/test_reply.h"

namespace popnet::dns {

using RrList = std::unique_ptr<ldns_rr_list, void (*)(ldns_rr_list*)>;

/// Checks the replies of one server.
class TestValidator {
 public:
  /// `keys`: what the server says when it is asked for a zone's DNSKEY records.
  TestValidator(std::function<TestReply(const std::string& zone)> keys, int64_t now)
      : ask_keys_(std::move(keys)), now_(now) {}

  /// All sets of answer and authority must be signed, except NS sets of delegations and CNAMEs made from
  /// DNAMEs; the names of those that are not signed, as "name type".
  std::vector<std::string> unsigned_sets(const TestReply& reply) {
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
          ldns_verify_time(set, one.get(), keys, static_cast<time_t>(now_), good.get());
      EXPECT_EQ(status, LDNS_STATUS_OK) << what << ": " << ldns_get_errorstr_by_id(status);
    }
  }

  const ldns_rr_list* keys_of(const std::string& zone) {
    auto& keys = keys_[zone];
    if (keys != nullptr) return keys.get();
    keys.reset(ldns_rr_list_new());
    const TestReply reply = ask_keys_(zone);
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
  const std::function<TestReply(const std::string&)> ask_keys_;
  const int64_t now_;
  std::map<std::string, std::unique_ptr<ldns_rr_list, Free>> keys_;  // by zone
};

}  // namespace popnet::dns
