// The part of a Request that delivers a range that several stored parts have together, and none alone.
#include <algorithm>

#include "http/edge/delivery.h"
#include "http/edge/parts.h"
#include "http/edge/request.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/joining.h"

namespace popnet::http {

/// RFC 9111 section 3.4: of one version by a strong validator, and each may be used as it is. Then parts_ are they.
bool Request::find_cover(Turn& turn) {
  const Object& part = *turn.part;
  if (turn.head.method != Method::get || !stored_meta(part).is_part()) return false;
  Scratch& scratch = *worker_.scratch;
  const WallTime now = worker_.loop.wall();
  const auto range = wanted_of_parts(scratch, part, turn.head, now);
  const std::string_view validator = strong_validator(read_validators(scratch.fields, now));
  if (!range || validator.empty()) return false;
  const PartsOf of{make_key(turn), part.variant(), validator, stored_meta(part).whole_size};
  std::vector<ObjectRef> stored = stored_parts(scratch, worker_.store, of, now);
  std::erase_if(stored, [&](const ObjectRef& p) {
    return may_serve(stored_policy(*p), turn.directives, worker_.loop.now()).use != Use::serve;
  });
  std::vector<ByteRange> places;
  for (const ObjectRef& p : stored) places.push_back(stored_meta(*p).part());
  parts_.clear();
  for (const size_t i : plan_cover(places, *range)) parts_.push_back(stored[i]);
  at_ = range->first;
  end_ = range->last;
  return !parts_.empty();
}

/// REQUIRES: find_cover()
Request::Step Request::deliver_cover(Turn& turn) {
  const TimePoint now = worker_.loop.now();
  covered_ = true;
  next_part_ = 1;
  outcome_ = Outcome::hit;
  cache_status_.forward = CacheForward::none;
  const auto ttl = [now](const ObjectRef& part) { return stored_policy(*part).ttl(now); };
  const auto age = [now](const ObjectRef& part) { return stored_policy(*part).age(now); };
  cache_status_.ttl = ttl(*std::ranges::min_element(parts_, {}, ttl));
  Answer answer;
  deliver_parts(*worker_.scratch, *parts_.front(), {at_, end_}, stored_meta(*turn.part).whole_size, turn.head,
                worker_.loop.wall(), answer);
  answer.age = std::max(Duration::zero(), age(*std::ranges::max_element(parts_, {}, age)));
  at_ = stored_meta(*parts_.front()).part().last + 1;
  hand_over(answer, parts_.front()->cursor());
  return Step::done;
}

void Request::next_part() {
  const Object& part = *parts_[next_part_++];  // the answer ends with the last one
  const ByteRange place = stored_meta(part).part();
  const uint64_t first = at_ - place.first;
  at_ = place.last + 1;
  peer_->proceed(part, *part.cursor(), first);
}

}  // namespace popnet::http
