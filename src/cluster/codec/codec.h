// What nodes say to each other, as JSON, and what a node keeps of it on disk.
//
//   report  {"v":1, "author":"ams-2", "pop":"ams", "run":17,
//            "samples":[{"kind":"origin", "name":"shop/web1", "probe":"http", "prober":"fra", "ok":true,
//                        "healthy":true, "affects_health":true, "age_ms":12, "max_age_ms":30000,
//                        "values":{"http_ms":8.5}, "error":"…"}],
//            "resolvers":["198.51.100.7"],
//            "shares":[{"author":"ams-2", "pop":"ams", "generation":7, "age_ms":3,
//                       "origins":[["shop/web1",0.5]], "pops":[["ams",1]]}]}
//   purge   {"v":1, "id":7, "scope":"url", "url":"http://host/path", "site":"shop", "tags":["a"], "soft":true}
//           scope: url, prefix (of URLs), tags (of a site), site
//
// Left out: "pop" (of a sample's prober: "prober_pop") when the node has its POP's name, "prober" when it is
// the author, "affects_health" when true, "error", "url", "site" when empty, "soft" when false, empty lists.
// Clocks of machines differ, so ages travel instead of times (whole milliseconds; `now` is the clock of the
// side that encodes or decodes). Readers ignore fields and metrics they do not know, so that a newer node may
// say more; a change that older readers would misunderstand takes a new "v".
//
// Decoding takes any bytes: what is malformed, beyond a limit or of another version is an Error
// (ErrorCode::peer) that names the place, for example "report.samples[3].age_ms: should be a number from 0 to
// 604800000". Nothing is thrown.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cluster/api/bus.h"
#include "common/result.h"
#include "common/time.h"

namespace popnet::cluster {

/// What one message may hold at most.
struct CodecLimits {
  static constexpr size_t message_bytes = 32 << 20;
  static constexpr size_t samples = 100'000;
  static constexpr size_t resolvers = 10'000;
  static constexpr size_t shares = 16;              // sets of shares
  static constexpr size_t share_targets = 100'000;  // in each of the two lists of a set
  static constexpr size_t name_bytes = 255;         // of a POP, site, target or probe
  static constexpr size_t error_bytes = 500;        // of a failure in words; the encoder cuts longer ones
  static constexpr size_t url_bytes =
      12 * 1024;  // a PURGE may have a target of 8 KiB, and its host before it
  static constexpr std::chrono::hours age{7 * 24};
};

std::string encode_report(const Report& report, TimePoint now);
Result<Report> decode_report(std::string_view text, TimePoint now);

std::string encode_purge(const PurgeOrder& order);
Result<PurgeOrder> decode_purge(std::string_view text);

}  // namespace popnet::cluster
