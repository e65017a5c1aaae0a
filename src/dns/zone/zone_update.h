// A zone as a primary sends it, record by record: the whole zone (AXFR, RFC 5936 section 2.2) or what has changed since
// the version that is there (IXFR, RFC 1995 section 4; a primary may answer that with the whole zone, too). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "common/result.h"
#include "dns/zone/records.h"
#include "dns/zone/wire_record.h"

namespace popnet::dns {

/// What a SOA record says of its zone's copies (RFC 1035 section 3.3.13), in seconds.
struct SoaTimes {
  uint32_t serial = 0, refresh = 0, retry = 0, expire = 0;
};
/// Nothing if the data is too short.
std::optional<SoaTimes> read_soa_times(std::span<const uint8_t> soa_data);
/// Of a zone. REQUIRES: records.sort() was called
std::optional<SoaTimes> read_soa_times(const Records& records);

class ZoneUpdate {
 public:
  /// `have`: the serial number of the version that is there, when only differences were asked for. `source`: who sends,
  /// in an operator's words.
  ZoneUpdate(const Name& zone, std::optional<uint32_t> have, std::string source);

  enum class State : uint8_t {
    more,       ///< waits for more records
    complete,   ///< the last record was there
    unchanged,  ///< the primary has nothing newer
    broken,     ///< see problem()
  };
  /// REQUIRES: the last call said `more`
  State take(const WireRecord& record);
  /// The message that the last record was in has ended: a lone SOA record of no later version is all there is.
  State end_of_message();

  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// Of a record that came and is kept as it is, but can be of no use: a digest of the wrong size. Empty if there is none.
  [[nodiscard]] const std::string& doubt() const { return doubt_; }
  [[nodiscard]] uint32_t serial() const { return serial_; }
  [[nodiscard]] bool incremental() const { return phase_ == Phase::removing || phase_ == Phase::adding; }
  /// The zone as it is now, sorted. `before`: what is there, sorted; needed for differences. ErrorCode::peer when the
  /// differences do not fit it. REQUIRES: complete
  Result<std::shared_ptr<const Records>> apply(const Records* before);

 private:
  enum class Phase : uint8_t { first, second, whole, removing, adding };
  using Key = std::tuple<std::string, uint16_t, std::string>;  // owner key, type, data
  struct Before {  // as std::less<> on tuples, of strings and views of them, which clang 14 cannot do
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      const std::string_view owner(std::get<0>(a)), data(std::get<2>(a));
      if (const int c = owner.compare(std::get<0>(b)); c != 0) return c < 0;
      if (std::get<1>(a) != std::get<1>(b)) return std::get<1>(a) < std::get<1>(b);
      return data < std::get<2>(b);
    }
  };
  using Changes = std::map<Key, uint32_t, Before>;  // with the TTL

  State take_second(const WireRecord& record, std::optional<uint32_t> serial);
  State take_change(const WireRecord& record, std::optional<uint32_t> serial);
  void add(const WireRecord& record);
  void remove(const WireRecord& record);
  State broken(std::string problem);
  [[nodiscard]] bool is_soa(const WireRecord& record) const;

  const std::optional<uint32_t> have_;
  Records whole_;
  const uint32_t source_;  // for Place
  Phase phase_ = Phase::first;
  uint32_t serial_ = 0;  // of the version that is sent
  uint32_t step_ = 0;    // of the version that the differences have come to
  WireRecord soa_;
  Changes removed_, added_;
  std::string problem_, doubt_;
};

}  // namespace popnet::dns
