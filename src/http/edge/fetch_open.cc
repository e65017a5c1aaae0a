// The part of a Fetch that decides what becomes of an answer in the store, when its head is there.
#include <algorithm>
#include <cstring>

#include "http/edge/fetch.h"
#include "http/edge/intake.h"
#include "http/edge/parts.h"
#include "http/edge/slices.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/invalidation.h"

namespace popnet::http {

/// What the origin may confirm. RFC 9110 section 13.2.1: it judges conditions only where it would else have a success, so its 304
/// says that there is one now, and nothing of a stored error or redirect.
const Object* Fetch::to_validate() const {
  if (!task_.stale || unconditional_ || task_.want == Want::answer) return nullptr;
  return stored_meta(*task_.stale).status < 300 ? task_.stale.get() : nullptr;
}

void Fetch::tell_asker(const Intake& intake) const {
  if (!task_.asker) return;
  task_.asker->own_lines = intake.own_lines();
  task_.asker->has_age = intake.has_own_age();
}

/// RFC 9111 section 4.3.4. False when it does not fit the stored object.
bool Fetch::confirm_stored(const RequestHead& request, const ResponseHead& head) {
  if (to_validate() == nullptr) return false;
  Fields& stored = worker_.scratch->fields;
  read_stored_fields(*task_.stale, stored);
  if (!confirms(head.fields, stored, response_wall_)) return false;
  Intake intake(worker_, *task_.request, exchange());
  if (!intake.take_update(*task_.stale, request, head) || is_outdated(intake.draft())) return false;
  tell_asker(intake);
  leave_origin(keep_alive_);
  task_.filler.note(note::confirmed);
  if (intake.keep()) rank(request, intake);
  finish(intake.keep() ? task_.filler.commit_refreshed(task_.stale, intake.draft())
                       : task_.filler.commit_confirmed_alone(task_.stale, intake.draft(), intake.leaves()));
  return true;
}

/// RFC 9111 section 3.4: the parts that are stored and what comes now are the whole. False when they do not fit.
bool Fetch::open_rest(const RequestHead& request, const ResponseHead& head) {
  const StoreOptions options{.set_cookie = site_->site->cache.set_cookie};
  if (!may_add_bytes(request, head, options)) return false;
  const auto missing = missing_range(task_.parts);
  const auto place = placed_part(head, framing_);
  Fields& stored = worker_.scratch->fields;
  read_stored_fields(*task_.parts.front(), stored);
  if (!missing || !place || place->range != *missing || place->whole != whole_of(task_.parts) ||
      !confirms(head.fields, stored, response_wall_) || !open_joined(request, head, *place))
    return false;
  task_.filler.note(note::completed);
  return true;
}

/// With task_.parts, which are of its version.
bool Fetch::open_joined(const RequestHead& request, const ResponseHead& head, const ContentRange& place) {
  join_ = plan_join(task_.parts, place.range, place.whole, task_.want == Want::rest);
  Intake intake(worker_, *task_.request, exchange());
  if (!join_.joins() || !intake.take_joined(task_.parts, join_, place.whole, request, head)) {
    join_ = {};
    return false;
  }
  tell_asker(intake);
  rank(request, intake);
  task_.filler.open(intake.draft());
  count_to(place.range.size());
  copying_ = join_.before;
  return true;
}

/// What was asked for as a part, with others that it touches. False when there is none, or it is not to be stored; and where the
/// origin alone knows the end: of "bytes=-3" nobody else could find the three bytes in what is joined.
bool Fetch::join_stored(const RequestHead& request, const ResponseHead& head, const ContentRange& place) {
  const std::string_view validator = strong_validator(read_validators(head.fields, response_wall_));
  if (validator.empty() || place.range.size() == place.whole || place.whole == ContentRange::open)
    return false;
  Intake intake(worker_, *task_.request, exchange());
  intake.take_new(request, head, framing_, task_.may_store);
  if (!intake.keep()) return false;
  const PartsOf of{key(), intake.draft().variant, validator, place.whole};
  task_.parts = stored_parts(*worker_.scratch, worker_.store, of, response_wall_);
  return open_joined(request, head, place);
}

/// The body must have so many bytes, whatever its framing says.
void Fetch::count_to(uint64_t bytes) {
  left_ = bytes;
  counted_ = true;
}

ByteRange Fetch::wanted_slice() const {
  const uint64_t whole = task_.head ? stored_meta(*task_.head).content_length : UINT64_MAX;
  return slice_range(task_.slice, task_.slice_size, whole);
}

/// Of an object that is known. False when it does not fit its head.
bool Fetch::open_slice(const ResponseHead& head) {
  const auto place = placed_part(head, framing_);
  Fields& stored = worker_.scratch->fields;
  read_stored_fields(*task_.head, stored);
  if (!place || place->range != wanted_slice() || place->whole != stored_meta(*task_.head).content_length ||
      !confirms(head.fields, stored, response_wall_))
    return false;
  const RequestHead& request = worker_.scratch->request;
  count_to(place->range.size());
  open_slice_body(task_.head->tags(),
                  may_add_bytes(request, head, {.set_cookie = site_->site->cache.set_cookie}));
  return true;
}

/// Of an object of which nothing is known. It may be a small one, and this the whole of it. Else its head is made, complete at once,
/// and returned: tell it. False when it is of no use.
bool Fetch::open_first_slice(const RequestHead& request, const ResponseHead& head, FillRef& object) {
  const auto place = placed_part(head, framing_);
  if (!place || place->whole == ContentRange::open ||
      place->range != slice_range(task_.slice, task_.slice_size, place->whole))
    return false;
  count_to(place->range.size());
  ResponseHead& response = worker_.scratch->response;  // which `head` is
  response.status = 200;                               // it was the object that was asked for
  response.fields.keep_if([](const Field& field) { return field.id != FieldName::content_range; });
  if (place->range.size() == place->whole) {
    open(request, head, task_.may_store);
    return true;
  }
  const uint64_t series = worker_.random.next();
  Intake intake(worker_, *task_.request, exchange());
  intake.take_sliced(request, head, place->whole, task_.slice_size, series);
  if (!intake.keep()) return false;
  rank(request, intake);
  tell_asker(intake);
  const std::string text = slice_key(key().text, series, task_.slice);
  // Before others can see the head: they would begin this slice too.
  Store::Begun slice = worker_.store.begin(worker_.store.key(site_->state->space, text), false, nullptr);
  Filler filler = std::exchange(task_.filler, std::move(slice.filler));
  open_slice_body(intake.draft().tags, true);
  filler.open(intake.draft());
  object = filler.commit();
  return true;
}

void Fetch::open_slice_body(std::span<const uint64_t> tags, bool may_store) {
  StoredMeta meta;
  meta.status = 206;
  meta.content_length = left_;
  const Draft draft{std::as_bytes(std::span(&meta, 1)), {}, {}, left_, left_, tags};
  if (may_store) return task_.filler.open(draft);
  task_.filler.open_alone(draft);
}

void Fetch::open(const RequestHead& request, const ResponseHead& head, bool may_store) {
  const auto place = placed_part(head, framing_);
  if (place && may_store && join_stored(request, head, *place)) return;
  Intake intake(worker_, *task_.request, exchange());
  intake.take_new(request, head, framing_, may_store);
  tell_asker(intake);
  if (place) count_to(place->range.size());
  // For the one who asked as it came: what would have been stored does not say where a part lies.
  if (intake.keep() && (is_outdated(intake.draft()) || adds_nothing(head, intake.draft())))
    return open(request, head, false);
  if (intake.keep()) rank(request, intake);
  if (intake.keep()) return task_.filler.open(intake.draft());
  task_.filler.open_alone(intake.draft(), request.method == Method::get ? intake.leaves() : std::nullopt);
}

/// RFC 9111 section 4: of two answers the later one counts. Fills that nobody joins run side by side, and beside one that others
/// join, and may end in another order than they began in. Dates are of whole seconds, and of clocks that differ: what was asked
/// for later is not older for what they say.
bool Fetch::is_outdated(const Draft& draft) const {
  const auto asked = [](const StoredPolicy& policy) { return policy.response_time - policy.fetch_time; };
  StoredMeta own;
  std::memcpy(&own, draft.meta.data(), sizeof own);
  const TimePoint made = own.policy.made();
  return worker_.store.lookup(key(), [&](const Object& o) {
    const StoredMeta& meta = stored_meta(o);
    return o.variant() == draft.variant && meta.head_only == own.head_only && !meta.is_part() &&
           asked(meta.policy) > asked(own.policy) && meta.policy.made() - made >= std::chrono::seconds(1);
  }) != nullptr;
}

/// Is it a part of a whole which is stored and fresh, and not of another version as far as can be told? Without a strong
/// validator it cannot lie beside that (stays_beside()), and answers less; and else many of them, which users can have from the
/// origin one by one, would push it out. But who has joined this fill wants what it brings.
bool Fetch::adds_nothing(const ResponseHead& head, const Draft& draft) const {
  StoredMeta own;
  std::memcpy(&own, draft.meta.data(), sizeof own);
  if (!own.is_part() || (own.version != 0 && task_.filler.fill().joinable())) return false;
  Fields& stored = worker_.scratch->fields;
  return worker_.store.lookup(key(), [&](const Object& o) {
    const StoredMeta& meta = stored_meta(o);
    if (o.variant() != draft.variant || meta.status != 200 || meta.head_only ||
        o.body().state() != Body::State::complete || !is_part_of(own, stored_size(o)) ||
        !stored_policy(o).fresh(worker_.loop.now()))
      return false;
    read_stored_fields(o, stored);
    return confirms(head.fields, stored, response_wall_);
  }) != nullptr;
}

/// RFC 9111 sections 4 and 4.1: of several that fit a request the latest by Date is used. Some origins forget Vary where a request
/// has no preference: such an answer serves only where no other fits, and only who has no preference either. What fits
/// this request is no such other: the origin has another answer to it now. An answer without Vary to a request that has
/// preferences is for all that nothing else fits: the origin does not vary any more. What had come before it was seen
/// that the origin varies, nobody knows for whom it is: it is asked for anew.
void Fetch::rank(const RequestHead& request, Intake& intake) const {
  const Draft draft = intake.draft();
  StoredMeta own;
  std::memcpy(&own, draft.meta.data(), sizeof own);
  VariantMatcher matcher(request.fields);
  bool behind = false, has_wish = false;
  const Object* before = worker_.store.lookup(key(), [&](const Object& o) {
    const StoredMeta& meta = stored_meta(o);
    if (o.variant() == draft.variant || meta.head_only != own.head_only) return false;
    if (o.variant().empty()) {
      if (!meta.yields) Store::expire(o);
      return false;
    }
    if (matcher.matches(o)) return true;
    has_wish = has_wish || matcher.has_wish(o);
    behind =
        behind || draft.variant.empty() || meta.policy.made() - own.policy.made() >= std::chrono::seconds(1);
    return false;
  });
  if (behind && before == nullptr) intake.yield(draft.variant.empty() && !has_wish);
}

// RFC 9111 section 4.3.5: what a HEAD says of the stored answers that a GET would get: the whole, and parts. Who may not be
// shared with says nothing of what others get, nor does who was asked before a purge. True when the whole is stored, and is what
// this one says.
bool Fetch::heed_head(const RequestHead& request, const ResponseHead& head) {
  if (!may_update(request, read_request_directives(request.fields), read_response_directives(head.fields)))
    return false;
  VariantMatcher matcher(request.fields);
  Fields& fields = worker_.scratch->fields;
  const Object* same = worker_.store.lookup(key(), [&](const Object& o) {
    const StoredMeta& meta = stored_meta(o);
    if (o.body().state() != Body::State::complete || meta.head_only || !matcher.matches(o) ||
        worker_.store.purged_since(task_.filler.fill(), o))
      return false;
    if (meta.status != 200 && !meta.is_part()) {  // a GET would have got 200 now
      Store::expire(o);
      return false;
    }
    read_stored_fields(o, fields);
    const bool open = meta.whole_size == ContentRange::open;
    const uint64_t size = meta.is_part() ? meta.whole_size : stored_size(o);
    const HeadSpeaksOf what = head_speaks_of(head.fields, fields, open ? std::nullopt : std::optional(size));
    if (what == HeadSpeaksOf::other) Store::expire(o);
    return what == HeadSpeaksOf::stored && !meta.is_part();
  });
  if (same == nullptr) return false;
  const ObjectRef base = ObjectRef::share(same);
  Intake intake(worker_, *task_.request, exchange());
  if (!intake.take_update(*base, request, head) || !intake.keep()) return true;
  rank(request, intake);
  Store::Begun begun = worker_.store.begin(key(), true, nullptr);
  if (worker_.store.purged_since(task_.filler.fill(), *base))
    return true;  // until now; from now on it is begun's to tell
  (void)begun.filler.commit_refreshed(base, intake.draft());
  return true;
}

void Fetch::invalidate(const RequestHead& request, const ResponseHead& head) {
  const bool ignore_query = site_->site->cache.ignore_query;
  Invalidation plan;
  plan_invalidation(site_->site->name, request, head, ignore_query, plan);
  for (uint8_t i = 0; i < plan.count; ++i) {
    const std::string_view key = worker_.keys.make(plan.keys[i]);
    if (!key.empty())
      worker_.store.purge(worker_.store.key(site_->state->space, key), Purge::hard, &task_.filler.fill());
  }
}

}  // namespace popnet::http
