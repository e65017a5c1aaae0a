#include "http/edge/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/edge/delivery.h"
#include "http/edge/fetch.h"
#include "http/edge/purging.h"
#include "http/edge/slices.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/policy/freshness.h"
#include "http/policy/storing.h"
#include "routing/decide.h"
#include "rt/clock.h"

namespace popnet::http {

namespace {

constexpr uint8_t fills_max = 8;  // that one request joins or begins, one after the other
constexpr std::string_view allowed_methods = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// Else nobody can say yet that it will be kept: it may prove too large, or break off.
bool end_is_known(const Object& object) {
  return object.body().state() == Body::State::complete ||
         stored_meta(object).content_length != StoredMeta::unknown_length;
}

bool status_has_content(uint16_t status) {
  return status != 204 && status != 304;
}

}  // namespace

// --- the steps ---

void Request::begin(Peer& peer, RequestHead& head) {
  start(peer);
  head.own_port = own_port(head, peer.port());
  if (worker_.log != nullptr && worker_.shared.log->draws(worker_.random)) note(head);
  if (head.fields.has(FieldName::x_request_id)) take_id(head.fields);
  Turn turn(head);
  run(turn, Step::receive);
}

void Request::run(Turn& turn, Step step) {
  for (;;) {
    switch (step) {
      case Step::receive:
        step = receive(turn);
        break;
      case Step::route:
        step = route(turn);
        break;
      case Step::redirect:
        step = redirect(turn);
        break;
      case Step::deny:
        step = deny(turn);
        break;
      case Step::purge:
        step = purge(turn);
        break;
      case Step::pass:
        step = pass(turn);
        break;
      case Step::lookup:
        step = lookup(turn);
        break;
      case Step::hit:
        step = hit(turn);
        break;
      case Step::fill:
        step = fill(turn);
        break;
      case Step::progress:
        step = progress(turn);
        break;
      case Step::deliver:
        step = deliver(turn);
        break;
      case Step::wait:
      case Step::done:
        return;
    }
  }
}

Request::Step Request::receive(Turn& turn) {
  RequestHead& head = turn.head;
  turn.view = &worker_.shared.view.get();
  pseudonym_ = turn.view->pseudonym;
  head_only_ = head.method == Method::head;
  const bool get = head.method == Method::get || head_only_;
  if (get && head.target.path == model::edge_health_path) return answer_local(200, "ok\n", Outcome::local);
  if (head.https) return answer_local(421, "This server speaks plain HTTP only.\n", Outcome::local);
  if (head.target.form == TargetForm::asterisk) return answer_local(204, {}, Outcome::local, allowed_methods);
  const bool counted_out = head.method == Method::options && head.fields.get(FieldName::max_forwards) == "0";
  if (counted_out) return answer_local(204, {}, Outcome::local, allowed_methods);  // RFC 9110 section 7.6.2
  if (head.method == Method::trace)
    return answer_local(405, "This method is not allowed here.\n", Outcome::local, allowed_methods);
  if (head.fields.has(FieldName::via) && is_loop(head.fields, turn.view->received_by))
    return answer_local(508, "This request has been here before: two servers send it to each other.\n",
                        Outcome::local);
  return Step::route;
}

Request::Step Request::route(Turn& turn) {
  turn.route = turn.view->sites->route(turn.head.host, turn.head.target.path);
  switch (turn.route.to) {
    case Route::To::site:
      break;
    case Route::To::pop:
      return answer_local(404, "This is a popnet POP. No site is served under its own name.\n",
                          Outcome::local);
    case Route::To::unknown_host:
      return answer_local(421, "This server serves no site of that host name.\n", Outcome::local);
    case Route::To::unknown_prefix:
      return answer_local(404, "The first part of this path names no site.\n", Outcome::local);
    case Route::To::bad_path:
      return answer_local(400, "The path has '.' or '..' segments.\n", Outcome::local);
  }
  site_ = turn.route.site->state.get();
  tells_id_ = turn.route.site->site->request_id;
  tells_timing_ = turn.route.site->site->server_timing;
  if (turn.head.method == Method::purge) return Step::purge;
  turn.head.target.path = turn.route.path;
  const bool handed_on =
      turn.route.action == model::Action::cache || turn.route.action == model::Action::proxy;
  if (handed_on && turn.head.fields.has(FieldName::upgrade) && wants_tunnel(turn.head)) {
    tunnel_ = true;
    cache_status_.forward = CacheForward::bypass;
    return Step::pass;
  }
  switch (turn.route.action) {
    case model::Action::cache:
      if (const auto& names = turn.route.site->site->cache.request_fields;
          !names.empty() && may_lookup(turn.head))
        keep_only(turn.head.fields, names);
      turn.directives = read_request_directives(turn.head.fields);
      if (may_lookup(turn.head)) return Step::lookup;
      cache_status_.forward =
          turn.head.method == Method::get || head_only_ ? CacheForward::request : CacheForward::method;
      return Step::pass;
    case model::Action::proxy:
      cache_status_.forward = CacheForward::bypass;
      return Step::pass;
    case model::Action::redirect:
      return Step::redirect;
    case model::Action::deny:
      return Step::deny;
  }
  return Step::deny;
}

Request::Step Request::redirect(Turn& turn) {
  const SiteView& site = *turn.route.site;
  std::string where = turn.route.rule->redirect_host;
  if (where.empty()) {
    const routing::Snapshot& snapshot = *turn.view->snapshot;
    const model::Decision order =
        routing::decide_fill(*snapshot.config, snapshot.map, site.index, {}, 0, worker_.random.next());
    if (order.count == 0) return answer_local(502, "No origin to send you to.\n", Outcome::failed);
    where = site.site->origins[order.targets[0]].endpoint.to_string();
  }
  const Target& target = turn.head.target;
  const std::string location =
      fmt::format("http://{}{}{}{}", where, target.path, target.has_query ? "?" : "", target.query);
  Answer answer;
  answer.status = turn.head.method == Method::get || head_only_ ? 302 : 307;
  outcome_ = Outcome::redirected;
  answer.location = location;
  answer.text = "See the Location field.\n";
  hand_over(answer);
  return Step::done;
}

Request::Step Request::deny(Turn&) {
  return answer_local(403, "Access to this path is denied.\n", Outcome::denied);
}

// By those whom the site lets. Carried out here before the answer; the other nodes hear of it over the bus.
Request::Step Request::purge(Turn& turn) {
  const model::Site& site = *turn.route.site->site;
  if (site.purge_from.empty())
    return answer_local(405, "This method is not allowed here.\n", Outcome::local, allowed_methods);
  const auto may_purge = [&](const Prefix& prefix) { return prefix.contains(peer_->address()); };
  if (std::none_of(site.purge_from.begin(), site.purge_from.end(), may_purge))
    return answer_local(403, "You may not purge what this site has stored.\n", Outcome::denied);
  const auto order = read_purge(turn.head, site);
  const Status done = order ? carry_out(*order, *turn.view->sites, worker_.store, worker_.shared.ports)
                            : Status(order.error());
  if (!done) return answer_local(400, done.error().message + "\n", Outcome::local);
  if (worker_.shared.on_purge) worker_.shared.on_purge(*order);
  return answer_local(200, order->soft ? "Made stale.\n" : "Purged.\n", Outcome::local);
}

// Its own exchange with an origin: the client's conditions and ranges are the origin's to judge.
Request::Step Request::pass(Turn& turn) {
  passed_ = true;
  want_ = Want::answer;
  save(turn);
  Store::Begun begun = worker_.store.begin(make_key(turn), true, nullptr);
  asker_ = true;
  fill_ = begun.fill;
  fill_->listen(worker_.loop, *this);
  fetch(turn, std::move(begun.filler));
  return Step::wait;
}

Request::Step Request::lookup(Turn& turn) {
  if (has_conditions_for_origin(turn.head.fields)) {
    cache_status_.forward = CacheForward::request;
    return missing(turn, true);
  }
  bool not_shared = false;
  const Object* object = find(turn, not_shared);
  if (object == nullptr) return missing(turn, not_shared || !may_share_fill(turn.head, turn.directives));
  turn.object = object;
  const StoredPolicy policy = stored_policy(*object);
  const Verdict verdict = may_serve(policy, turn.directives, worker_.loop.now());
  switch (verdict.use) {
    case Use::serve:
      if (policy.fresh(worker_.loop.now()) &&
          refresh_early(policy, worker_.loop.now(), worker_.random.uniform()))
        (void)refresh(turn, *object);
      return Step::hit;
    case Use::serve_and_refresh:
      if (refresh(turn, *object)) return Step::hit;
      [[fallthrough]];
    case Use::validate:
      if (serves_in_outage(turn, policy) && refresh(turn, *object)) return Step::hit;
      cache_status_.forward = verdict.why == Why::response_no_cache || !policy.fresh(worker_.loop.now())
                                  ? CacheForward::stale
                                  : CacheForward::request;
      if (object->body().state() == Body::State::complete) stale_ = ObjectRef::share(object);
      want_ = stored_meta(*object).is_part() ? Want::part : want_whole(turn, object);
      return head_only_ ? Step::pass : Step::fill;
    case Use::refuse:
      break;
  }
  return answer_local(504, "The stored answer is stale, and only-if-cached forbids to ask for another.\n",
                      Outcome::failed);
}

/// No origin of the site answers, as far as is known, and it may serve then: the user need not wait until one more request
/// has failed, which takes up to first_byte_timeout.
bool Request::serves_in_outage(const Turn& turn, const StoredPolicy& policy) const {
  const TimePoint now = worker_.loop.now();
  return !policy.fresh(now) && !turn.directives.no_cache && turn.route.site->in_outage(now) &&
         may_serve_after_error(policy, turn.directives, now).use == Use::serve;
}

// Nothing that could answer is stored: what is to be asked for? A HEAD as it is; and so what is this user's alone,
// whose conditions and range are then the origin's to judge.
Request::Step Request::missing(Turn& turn, bool own) {
  if (turn.part != nullptr && find_cover(turn)) return deliver_cover(turn);
  if (may_fill(turn.directives).use == Use::refuse)
    return answer_local(504, "Not stored here, and only-if-cached forbids to ask for it.\n", Outcome::failed);
  if (head_only_) return Step::pass;
  if (own) {
    alone_ = true;
    want_ = Want::answer;
    return Step::fill;
  }
  want_ = want_whole(turn, nullptr);
  if (want_ == Want::slice) return Step::fill;
  if (asks_for_part(turn.head.fields)) {
    want_ = Want::part;
  } else if (turn.part != nullptr && take_parts(turn)) {
    want_ = Want::rest;
  }
  return Step::fill;
}

Request::Step Request::hit(Turn& turn) {
  const Object& object = *turn.object;
  const StoredPolicy policy = stored_policy(object);
  outcome_ = policy.fresh(worker_.loop.now()) ? Outcome::hit : Outcome::stale;
  cache_status_.stored = false;
  cache_status_.ttl = policy.ttl(worker_.loop.now());
  if (Fill* fill = object.fill()) {  // it is still coming: listen first, then look
    fill_ = FillRef::share(fill);
    fill_->listen(worker_.loop, *this);
  }
  return Step::deliver;
}

Request::Step Request::fill(Turn& turn) {
  if (++fills_ > fills_max) {
    if (alone_)
      return answer_local(503, "This object changes faster than it can be fetched.\n", Outcome::failed);
    // Again and again what came was for others, or gone: its own answer will do.
    alone_ = true;
    if (!stale_) want_ = Want::answer;
  }
  std::function<bool(const Object&)> suitable;  // what an origin is to judge nothing stored can answer
  // Nothing stands in for what is stale but what fits as well: an answer without Vary that yields is behind any variant.
  const auto place = [](const Object& o) { return stored_meta(o).yields ? o.variant().empty() ? 2 : 1 : 0; };
  const Object* better = turn.object != nullptr ? turn.object : stale_.get();
  if (want_ != Want::answer)
    suitable = [&](const Object& object) {
      if (stale_ && !stored_policy(object).fresh(worker_.loop.now())) return false;
      return usable(turn, object) && (better == nullptr || place(object) <= place(*better));
    };
  const uint64_t variant = alone_ ? 0 : likely_variant(turn);
  Store::Begun begun = worker_.store.begin(make_key(turn), alone_, suitable, variant);
  if (begun.object) {
    turn.held = std::move(begun.object);
    turn.object = turn.held.get();
    cache_status_.forward = CacheForward::none;
    return Step::hit;
  }
  if (want_ == Want::rest) cache_status_.forward = CacheForward::partial;
  if (!saved_) save(turn);
  fill_ = begun.fill;
  fill_->listen(worker_.loop, *this);
  asker_ = static_cast<bool>(begun.filler);
  cache_status_.collapsed = !asker_;
  if (asker_) fetch(turn, std::move(begun.filler));
  return Step::progress;
}

Request::Step Request::progress(Turn& turn) {
  if (sliced_) return progress_sliced(turn);
  const Fill& fill = *fill_.get();
  switch (fill.stage()) {
    case Fill::Stage::asked:
      return Step::wait;
    case Fill::Stage::failed:
      return take_failure(turn);
    case Fill::Stage::alone:
      if (!asker_) {
        leave_fill();
        alone_ = true;
        if (!stale_) want_ = Want::answer;
        cache_status_.collapsed = false;
        return Step::fill;
      }
      outcome_ = passed_ ? Outcome::passed : Outcome::miss;
      break;
    case Fill::Stage::shared:
      // Purged by a tag that nobody could know of when the fill was joined: it may be older than this request.
      if (!asker_ && (!answers(turn, *fill.object()) || fill.object()->purged())) {
        // Of its own variant it was, but other bytes: the next fill may be of others again.
        alone_ =
            alone_ || ((want_ == Want::part || want_ == Want::slice) && turn.matcher.matches(*fill.object()));
        leave_fill();
        return Step::lookup;
      }
      // It may be for nobody but the one who asked, unless the origin has confirmed it for each (no-cache, max-age=0).
      if (!asker_ && !may_reuse(turn, *fill.object())) {
        leave_fill();
        alone_ = true;
        cache_status_.collapsed = false;
        return Step::lookup;
      }
      outcome_ = asker_ ? Outcome::miss : Outcome::collapsed;
      if (fill.note() == note::completed) cache_status_.forward_status = note::completed;
      break;
  }
  if (fill.note() == note::confirmed) {
    outcome_ = Outcome::revalidated;
    cache_status_.forward_status = note::confirmed;
  }
  // Broken before a byte of it was used: no better than no answer.
  if (fill.object()->body().state() == Body::State::broken) return take_failure(turn);
  cache_status_.stored = fill.stores() && end_is_known(*fill.object());
  turn.held = fill.object();
  turn.object = turn.held.get();
  return Step::deliver;
}

Request::Step Request::take_failure(Turn& turn) {
  const uint16_t note = fill_->note();
  const bool said = (note & note::said) != 0;
  const uint16_t why = note & ~note::said;
  leave_fill();
  if (stale_ && !stale_->purged() &&
      may_serve_after_error(stored_policy(*stale_), turn.directives, worker_.loop.now()).use == Use::serve) {
    turn.held = stale_;
    turn.object = turn.held.get();
    outcome_ = Outcome::stale;
    cache_status_.ttl = stored_policy(*stale_).ttl(worker_.loop.now());
    if (said) cache_status_.forward_status = why;
    return Step::deliver;
  }
  return answer_failure(why);
}

Request::Step Request::answer_failure(uint16_t why) {
  // RFC 9111 section 5.2.2.2: 504 where a stale answer would have served, had it not been forbidden.
  if (why == note::unreachable && stale_ && stored_policy(*stale_).never_stale)
    return answer_local(504,
                        "No web server of this site could be asked whether the stored answer still holds.\n",
                        Outcome::failed);
  if (why == note::gateway_timeout)
    return answer_local(504, "No web server of this site answered in time.\n", Outcome::failed);
  if (why == note::overloaded)
    return answer_local(503, "The web servers of this site do not answer just now, or have too much to do.\n",
                        Outcome::failed);
  return answer_local(502, "No web server of this site could answer.\n", Outcome::failed);
}

Request::Step Request::deliver(Turn& turn) {
  const Object& object = *turn.object;
  if (stored_meta(object).slice > 0) return deliver_sliced(turn);
  const Body::State state = object.body().state();
  const bool alone = fill_ && fill_->stage() == Fill::Stage::alone;
  std::optional<Cursor> cursor;
  const bool in_one_piece = state == Body::State::complete && !alone;
  if (!in_one_piece) cursor = object.cursor();
  if (in_one_piece ? object.body().first() == nullptr : !cursor) {
    leave_fill();  // it turned out too large to be stored, and its beginning has gone by
    return Step::lookup;
  }
  Answer answer;
  const bool from_store = is_hit(outcome_) || outcome_ == Outcome::collapsed;
  // What is stored, or was asked for without this user's conditions, is ours to judge by them.
  const bool of_origin = fill_ && (passed_ || (alone && want_ == Want::answer));
  make_answer(turn, !of_origin, from_store, answer);
  hand_over(answer, std::move(cursor));
  return Step::done;
}

/// RFC 9111 section 5.1: Age says that the answer was neither made nor confirmed for this request.
void Request::make_answer(const Turn& turn, bool choose, bool has_age, Answer& answer) {
  const Object& object = *turn.object;
  deliver_object(*worker_.scratch, object, turn.head, choose, worker_.loop.wall(), answer);
  if (turn.route.prefixed)
    put_under_prefix(*worker_.scratch, turn.head.host, turn.route.site->site->content_prefix, answer);
  const bool own = asker_ && asked_ && !has_age && answer.status != 304;
  if (own) answer.own_lines = asked_->own_lines;
  if (has_age || (stored_meta(object).aged && !(own && asked_->has_age)))
    answer.age = std::max(Duration::zero(), stored_policy(object).age(worker_.loop.now()));
}

// --- what the steps are made of ---

void Request::refuse(Peer& peer, uint16_t status, std::string_view text, std::string_view bytes) {
  if (running_) {  // what was noted of it stays
    const bool noted = noted_;
    const auto lengths = note_lengths_;
    std::string note = std::move(note_);
    start(peer);
    noted_ = noted;
    note_lengths_ = lengths;
    note_ = std::move(note);
  } else {
    start(peer);
    if (worker_.log != nullptr && worker_.shared.log->draws(worker_.random)) note_refused(bytes);
  }
  (void)answer_local(status, text, Outcome::local);
}

void Request::end(uint64_t bytes) {
  if (!running_) return;
  running_ = false;
  log(bytes);
  reset();
}

void Request::start(Peer& peer) {
  if (running_) reset();  // the request is refused in the middle of it
  peer_ = &peer;
  running_ = true;
  begun_ = answered_ = worker_.loop.now();
}

void Request::reset() {
  leave_fill();
  if (asked_ && asked_->fetch != nullptr) asked_->fetch->asker_left();
  forget_asked();
  worker_.saved_requests.give_back(std::move(saved_));
  stale_.reset();
  parts_.clear();
  piece_.reset();
  sliced_.reset();
  at_ = end_ = ahead_ = next_part_ = 0;
  site_ = nullptr;
  cache_status_ = {};
  status_ = 0;
  outcome_ = Outcome::left;
  has_wish_ = delivering_ = head_only_ = asker_ = alone_ = passed_ = tunnel_ = covered_ = own_piece_ = false;
  tells_id_ = tells_timing_ = noted_ = false;
  fills_ = 0;
  id_length_ = 0;
  note_.clear();
  note_lengths_ = {};
}

void Request::forget_asked() {
  if (asked_) asked_->on_interim = nullptr;
  worker_.askers.give_back(std::move(asked_));
}

void Request::leave_fill() {
  leave();
  fill_.reset();
}

void Request::on_progress() {
  if (delivering_ && sliced_ && !piece_) return piece_arrived();
  if (delivering_) {
    read_ahead();
    return peer_->moved();
  }
  if (fill_->stage() == Fill::Stage::asked) return;
  RequestHead& head = worker_.scratch->request;
  std::shared_ptr<SavedRequest> saved = saved_;  // outlives the end of the request
  saved->restore(head);
  Turn turn(head);
  turn.view = &saved->view();
  pseudonym_ = turn.view->pseudonym;
  turn.route = saved->route();
  turn.directives = read_request_directives(head.fields);
  Peer& peer = *peer_;  // this may be another's request when the steps are over
  run(turn, Step::progress);
  worker_.saved_requests.give_back(std::move(saved));
  peer.resumed();
}

void Request::save(const Turn& turn) {
  saved_ = worker_.saved_requests.take();
  saved_->save(turn.head, turn.route, turn.view->shared_from_this(), peer_->address(), request_id());
}

Request::Step Request::answer_local(uint16_t status, std::string_view text, Outcome outcome,
                                    std::string_view allow) {
  Answer answer;
  answer.status = status;
  answer.text = text;
  answer.allow = allow;
  outcome_ = outcome;
  hand_over(answer);
  return Step::done;
}

void Request::hand_over(Answer& answer, std::optional<Cursor> cursor) {
  if (answer.object == nullptr) {
    answer.body = !head_only_;
    if (status_has_content(answer.status)) answer.length = answer.text.size();
    cursor.reset();
  }
  char room[256];
  // RFC 9211 section 2: not on what this server says by itself, unless that was made from something stored.
  if (answer.object != nullptr || answer.status == 416)
    answer.cache_status = format_cache_status(pseudonym_, cache_status_, room);
  status_ = answer.status;
  answered_ = rt::monotonic_now();
  char timing[128];
  if (tells_timing_) answer.server_timing = format_timing(timing);
  if (tells_id_) answer.request_id = request_id();
  if (!answer.body) cursor.reset();
  if (!cursor) leave_fill();  // no more will come of it
  if (answer.piece == nullptr)
    worker_.saved_requests.give_back(std::move(saved_));  // no more will be asked for
  delivering_ = true;
  peer_->answer(answer, std::move(cursor));
}

}  // namespace popnet::http
