// What an origin's answer becomes in the store: from a parsed head to a Draft. One for each exchange; uses
// the thread's scratch, so a Draft is to be used before anything else is.
//
//   take_new      a new object, whole or part                              RFC 9111 section 3
//   take_sliced   the head of an object that is stored in slices            slices.h
//   take_update   the stored object with the fields of a 304, or of a 200 to HEAD   sections 4.3.4 and 4.3.5
//   take_joined   a 206 and the stored parts that it is joined with: a larger part, or the whole   section 3.4
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/edge/saved_request.h"
#include "http/edge/stored.h"
#include "http/policy/freshness.h"
#include "http/policy/joining.h"
#include "http/policy/storing.h"
#include "http/store/fill.h"
#include "http/wire/head.h"

namespace popnet::http {

class Worker;

/// What the whole body of this 206 is of an object. Without Content-Length it is Content-Range that says how many bytes come
/// (RFC 9110 section 15.3.7): whoever reads them is to count. None where the two disagree: then its place cannot be relied on.
std::optional<ContentRange> placed_part(const ResponseHead& head, const Framing& framing);

class Intake {
 public:
  Intake(Worker& worker, const SavedRequest& saved, const Exchange& exchange)
      : worker_(worker), saved_(saved), exchange_(exchange) {}

  /// With `may_keep` false, or when the policy says no, it is not to be stored: keep() tells.
  void take_new(const RequestHead& request, const ResponseHead& head, const Framing& framing, bool may_keep);
  /// REQUIRES: the answer is a slice, and its status 200. Slices that could not be told from those of another version
  /// are not to be stored: keep().
  void take_sliced(const RequestHead& request, const ResponseHead& head, uint64_t whole, uint64_t slice,
                   uint64_t series);
  /// False when it does not fit the stored object. keep() tells whether that may live on with it.
  bool take_update(const Object& stored, const RequestHead& request, const ResponseHead& head);
  /// `whole`: bytes of the object. REQUIRES: all are of one version. False when it does not fit.
  bool take_joined(std::span<const ObjectRef> parts, const JoinPlan& plan, uint64_t whole,
                   const RequestHead& request, const ResponseHead& head);

  [[nodiscard]] bool keep() const { return keep_; }
  /// StoredMeta.
  void yield(bool is_default) {
    meta_.yields = true;
    meta_.is_default = is_default;
  }
  [[nodiscard]] const Draft& draft() const { return draft_; }
  /// Lines that only the asker gets.
  [[nodiscard]] const std::string& own_lines() const { return own_lines_; }
  [[nodiscard]] bool has_own_age() const { return own_age_; }
  /// Of what is not kept: what it says of other answers, if it does.
  [[nodiscard]] const std::optional<NotShared>& leaves() const { return leaves_; }

 private:
  [[nodiscard]] FreshnessOptions freshness_options() const;
  [[nodiscard]] StoreOptions store_options() const;
  bool merge(const Object& stored, const RequestHead& request, const ResponseHead& head, uint16_t status);
  /// False when there are too many.
  bool take_tags(const Fields& fields);
  void write_via(const ResponseHead& head, class HeadWriter& out) const;

  Worker& worker_;
  const SavedRequest& saved_;
  const Exchange exchange_;
  StoredMeta meta_;
  std::string variant_;
  std::vector<uint64_t> tags_;
  std::string own_lines_;
  bool own_age_ = false;
  Draft draft_;
  std::optional<NotShared> leaves_;
  bool keep_ = false;
};

}  // namespace popnet::http
