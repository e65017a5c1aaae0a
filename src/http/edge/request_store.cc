// What a Request asks the store for, and what of origins.
#include <algorithm>
#include <cassert>

#include "http/edge/delivery.h"
#include "http/edge/fetch.h"
#include "http/edge/parts.h"
#include "http/edge/request.h"
#include "http/edge/slices.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/freshness.h"
#include "http/policy/storing.h"

namespace popnet::http {

namespace {

/// Of the parts of one version, those that lie beside the newest: the newest that knows how large the whole is, which those that
/// do not can be used with.
bool stands_for_parts(const Object& part, const Object* so_far) {
  if (so_far == nullptr) return true;
  const StoredMeta& meta = stored_meta(part);
  const StoredMeta& other = stored_meta(*so_far);
  return other.whole_size == ContentRange::open && meta.is_part() && meta.whole_size != ContentRange::open &&
         meta.version == other.version && part.variant() == so_far->variant();
}

}  // namespace

/// Looked up with it, a miss begins its fill with it: no key of another request is made in between.
Key Request::make_key(Turn& turn) {
  if (turn.key.space == nullptr) turn.key = worker_.key(*turn.route.site, turn.head);
  assert(turn.key.hash == turn.key.space->hash(turn.key.text));
  return turn.key;
}

/// `not_shared`: answers to requests like this one could not be shared lately.
const Object* Request::find(Turn& turn, bool& not_shared) {
  const Key key = make_key(turn);
  turn.matcher.forget();  // of a fill that was left just now, whose object may be gone
  turn.newest = nullptr;
  has_wish_ = false;
  const Object* growing =
      nullptr;  // a part that suits; one that is complete is better: the growing one may break off
  const Object* last = nullptr;  // the newest of those that yield
  cache_status_.forward = CacheForward::uri_miss;
  const Object* object = worker_.store.lookup(key, [&](const Object& o) {
    if (stored_meta(o).head_only && !head_only_) return false;
    cache_status_.forward = CacheForward::vary_miss;
    if (turn.newest == nullptr || stored_meta(*turn.newest).yields) turn.newest = &o;
    if (o.body().state() == Body::State::broken) return false;
    if (!turn.matcher.matches(o)) {
      has_wish_ = has_wish_ || turn.matcher.has_wish(o);
      return false;
    }
    if (suits(*worker_.scratch, o, turn.head, worker_.loop.wall())) {
      const bool ready = !stored_meta(o).is_part() || o.body().state() == Body::State::complete;
      if (ready && !stored_meta(o).yields) return true;
      const Object*& kept = ready ? last : growing;
      if (kept == nullptr || (ready && kept->variant().empty() && !o.variant().empty())) kept = &o;
      return false;
    }
    cache_status_.forward = CacheForward::partial;
    if (o.body().state() == Body::State::complete && stands_for_parts(o, turn.part)) turn.part = &o;
    return false;
  });
  for (const Object** one : {&last, &growing, &turn.part})
    if (has_wish_ && *one != nullptr && stored_meta(**one).is_default) *one = nullptr;
  if (object == nullptr && last != nullptr)
    object = worker_.store.lookup(key, [last](const Object& o) { return &o == last; });
  if (object == nullptr) object = growing;
  not_shared = object == nullptr && worker_.store.not_shared(key, worker_.loop.now());
  if (object != nullptr) cache_status_.forward = CacheForward::none;
  if (not_shared) cache_status_.forward = CacheForward::miss;
  return object;
}

/// Users of different variants need not wait for each other; 0: which one it will be nobody can say.
uint64_t Request::likely_variant(Turn& turn) {
  if (turn.newest == nullptr) return 0;
  const std::string_view selected = turn.matcher.selected(*turn.newest);
  return selected.empty() ? 0 : turn.route.site->state->space.hash(selected);
}

bool Request::answers(Turn& turn, const Object& object) const {
  return !(has_wish_ && stored_meta(object).is_default) && turn.matcher.matches(object) &&
         suits(*worker_.scratch, object, turn.head, worker_.loop.wall());
}

bool Request::usable(Turn& turn, const Object& object) const {
  return object.body().state() != Body::State::broken && answers(turn, object) && may_reuse(turn, object);
}

bool Request::may_reuse(const Turn& turn, const Object& object) const {
  const Use use = may_serve(stored_policy(object), turn.directives, worker_.loop.now()).use;
  return use == Use::serve || use == Use::serve_and_refresh;
}

/// One slice of it, where such objects are fetched in slices.
Want Request::want_whole(const Turn& turn, const Object* stale) {
  slice_size_ = slice_size(turn.route);
  if (stale != nullptr && slice_size_ == 0) slice_size_ = stored_meta(*stale).slice;
  if (slice_size_ == 0 || alone_) return Want::whole;
  slice_ = first_slice(turn.head.fields, slice_size_);
  return Want::slice;
}

/// RFC 9111 section 3.4: the part is fresh, and names its version strongly enough to be joined, with others, with what they
/// lack.
bool Request::take_parts(Turn& turn) {
  const Object& part = *turn.part;
  if (turn.head.fields.has(FieldName::range) ||
      may_serve(stored_policy(part), turn.directives, worker_.loop.now()).use != Use::serve)
    return false;
  Fields& fields = worker_.scratch->fields;
  read_stored_fields(part, fields);
  const std::string_view validator = strong_validator(read_validators(fields, worker_.loop.wall()));
  if (validator.empty()) return false;
  const PartsOf of{make_key(turn), part.variant(), validator, stored_meta(part).whole_size};
  parts_ = stored_parts(*worker_.scratch, worker_.store, of, worker_.loop.wall());
  return missing_range(parts_).has_value();
}

void Request::fetch(Turn& turn, Filler filler) {
  forget_asked();
  asked_ = worker_.askers.take();
  asked_->on_interim = [this](uint16_t status, std::string_view lines) { peer_->interim(status, lines); };
  Fetch::Task task;
  task.want = want_;
  task.may_store =
      turn.route.action == model::Action::cache && !tunnel_;  // what an Upgrade got is for nobody else
  task.filler = std::move(filler);
  task.request = saved_;
  task.asker = asked_;
  if (want_ != Want::rest) task.stale = stale_;
  task.slice_size = slice_size_;
  task.slice = slice_;
  if (want_ == Want::rest) task.parts = parts_;
  if (tunnel_)
    task.upload = peer_->tunnel();
  else if (passed_ && turn.head.body.kind != Framing::Kind::none)  // null where that is of length 0
    task.upload = peer_->upload();
  worker_.new_fetch().start(std::move(task), turn.head);
}

// A fetch that nobody waits for, unless one is under way: stale-while-revalidate, and what is popular and fresh for
// but a moment. False where a request without this user's own fields would not bring what refreshes it.
bool Request::refresh(Turn& turn, const Object& object) {
  const StoredMeta& meta = stored_meta(object);
  if (object.body().state() != Body::State::complete || turn.directives.only_if_cached) return true;
  if (meta.is_part() || meta.head_only || !may_share_fill(turn.head, turn.directives)) return false;
  const TimePoint now = worker_.loop.now();
  if (worker_.store.refresh_put_off(make_key(turn), now)) return true;
  const auto newer = [&](const Object& other) {
    return &other != &object && answers(turn, other) && stored_policy(other).fresh(now) &&
           (!stored_meta(other).yields || stored_meta(object).yields);
  };
  Store::Begun begun = worker_.store.begin(make_key(turn), false, newer, likely_variant(turn));
  if (!begun.filler) return true;
  const Method method = turn.head.method;
  const std::string_view method_text = turn.head.method_text;
  turn.head.method = Method::get;
  turn.head.method_text = to_string(Method::get);
  save(turn);
  Fetch::Task task;
  task.slice_size = std::max(slice_size(turn.route), meta.slice);
  task.want = task.slice_size > 0 ? Want::slice : Want::whole;
  task.filler = std::move(begun.filler);
  task.request = std::move(saved_);
  task.stale = ObjectRef::share(&object);
  worker_.new_fetch().start(std::move(task), turn.head);
  turn.head.method = method;
  turn.head.method_text = method_text;
  return true;
}

}  // namespace popnet::http
