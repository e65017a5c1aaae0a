// Messages signed with a shared secret (TSIG, RFC 8945), with HMAC-SHA256 and HMAC-SHA512: the server's side of one
// exchange and the client's, over one message or a stream of them (section 5.3.1). Time is an argument, in seconds since 1970.
// Only transfers and those who sign their queries come here: it allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dns/wire/name.h"

namespace popnet::dns {

enum class TsigAlgorithm : uint8_t { hmac_sha256, hmac_sha512 };

struct TsigKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  std::vector<uint8_t> secret;
};

/// What is said of a signature (section 4.2, ERROR).
enum class TsigError : uint16_t { none = 0, badsig = 16, badkey = 17, badtime = 18, badtrunc = 22 };

/// Empty if it is no base64 (RFC 4648 section 4).
std::optional<std::vector<uint8_t>> read_base64(std::string_view text);

class Tsig {
 public:
  /// A client's side.
  explicit Tsig(TsigKey key) : key_(std::move(key)), known_(true) {}
  /// A server's: judges the query, whose TSIG record begins at `offset`.
  Tsig(std::span<const TsigKey> keys, std::span<const uint8_t> message, size_t offset, int64_t now);

  /// Why the query is not to be believed; none if it is.
  [[nodiscard]] TsigError error() const { return error_; }
  [[nodiscard]] const Name& key_name() const { return key_.name; }
  /// What append() adds at most.
  [[nodiscard]] size_t size_max() const;
  /// Signs the message of `size` bytes at the front of `room`, which has size_max() more; its size then.
  size_t append(std::span<uint8_t> room, size_t size, int64_t now);
  /// A client's: is this what the server has signed? `offset`: where its TSIG record begins, 0 if it has none, as up to
  /// 99 messages in a row of a stream may.
  bool check(std::span<const uint8_t> message, size_t offset, int64_t now);
  /// The message that was signed last was the last one: nothing unsigned hangs behind it.
  [[nodiscard]] bool complete() const { return unsigned_ == 0; }

 private:
  struct Record;
  static bool read(std::span<const uint8_t> message, size_t offset, Record& record);
  [[nodiscard]] std::vector<uint8_t> mac(std::span<const uint8_t> input) const;
  TsigError judge(std::span<const uint8_t> message, size_t offset, const Record& record, int64_t now,
                  bool timers_only);

  TsigKey key_;
  bool known_ = false;  // the key is one of ours
  TsigError error_ = TsigError::none;
  std::vector<uint8_t> wanted_algorithm_;  // as the query names it, for an error that must echo it
  std::vector<uint8_t> prior_;             // MAC of the message before
  std::vector<uint8_t> pending_;           // unsigned messages of a stream
  size_t unsigned_ = 0;
  int64_t peer_time_ = 0;
  bool started_ = false;  // a reply was signed or checked: from now on timers only
};

}  // namespace popnet::dns
