// One look at one primary, over TCP (RFC 5936, RFC 1995): which version it has, and if that is newer, the difference or
// the whole zone. On one loop's thread; no file is touched.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "dns/guard/tsig.h"
#include "dns/transfer/reply_reader.h"
#include "dns/zone/zone_update.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::dns {

class Refresh final : public rt::Watcher {
 public:
  struct Wanted {
    Name zone;
    Endpoint primary;
    std::optional<IpAddress> from;  // of this node; none: as the kernel chooses
    std::optional<TsigKey> key;
    std::shared_ptr<const Records> have;  // null: nothing
    std::optional<uint32_t> serial;       // of `have`
    std::optional<uint32_t> refused;      // a version that is not worth being fetched again
    bool whole = false;                   // no differences
    bool expired = false;  // `have` is not served any more: an older version is better than none
  };
  struct Found {
    std::shared_ptr<const Records> records;  // null: `have` is the newest version
    std::string how;                         // for the log: "AXFR", or "IXFR"
    std::optional<uint32_t> left;  // for how long the primary may serve it still; nothing: it does not say
  };
  /// `done` is called once, unless this is destroyed before, in a turn of the loop of its own, and may destroy it. `id`:
  /// of the messages.
  Refresh(rt::Loop& loop, Wanted wanted, uint16_t id, std::function<void(Result<Found>)> done);
  ~Refresh();
  Refresh(const Refresh&) = delete;
  Refresh& operator=(const Refresh&) = delete;

  void start();
  /// The primary has sent nothing, and not refused the connection either, for as long as we had patience.
  [[nodiscard]] bool was_silent() const { return silent_; }
  /// What failed was an incremental transfer: the next one is better a whole one.
  [[nodiscard]] bool difference_failed() const { return ended_ && step_ == Step::ixfr; }
  void on_ready(uint32_t events) override;

 private:
  enum class Step : uint8_t { soa, ixfr, axfr };

  void ask(Step step);
  bool write_out();
  void read_in();
  void lose_patience();
  bool take(std::span<const uint8_t> message);
  bool take_version(const ReplyHead& head, std::span<const uint8_t> message);
  bool take_records(const ReplyHead& head, std::span<const uint8_t> message);
  bool finish_transfer();
  /// Both end it. False, so that callers can return it.
  bool fail(std::string why);
  bool succeed(Found found);
  void end(Result<Found> result);
  [[nodiscard]] std::string_view title() const;
  [[nodiscard]] int64_t unix_seconds() const;

  rt::Loop& loop_;
  const Wanted wanted_;
  uint16_t id_;
  std::function<void(Result<Found>)> done_;
  rt::Timer patience_, deadline_;  // for the next message, for all of it
  rt::UniqueFd fd_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>();
  bool ended_ = false;
  bool watched_ = false;
  bool connected_ = false;
  bool heard_ = false;
  bool silent_ = false;
  Step step_ = Step::soa;
  bool edns_ = true;  // until the primary does not understand it
  std::optional<uint32_t> left_;
  std::optional<Tsig> tsig_;
  std::optional<ZoneUpdate> update_;
  bool first_message_ = true;  // of the present step
  std::vector<uint8_t> out_, in_;
};

}  // namespace popnet::dns
