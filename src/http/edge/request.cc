#include "http/edge/request.h"

#include <fmt/format.h>

#include "http/edge/fetch.h"
#include "http/edge/worker.h"
#include "http/policy/forwarding.h"
#include "http/policy/freshness.h"
#include "http/policy/ranges.h"
#include "http/policy/storing.h"
#include "http/wire/writer.h"
#include "routing/decide.h"

namespace popnet::http {

namespace {

constexpr uint8_t fills_max = 8;  // that one request joins or begins, one after the other
constexpr std::string_view allowed_methods = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

bool has_conditions(const Fields& fields) {
  return fields.has(FieldName::if_none_match) || fields.has(FieldName::if_modified_since) ||
         fields.has(FieldName::if_match) || fields.has(FieldName::if_unmodified_since);
}

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

void Request::begin(RequestHead& head) {
  reset();
  running_ = true;
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
  if (head.method == Method::trace || head.method == Method::purge)
    return answer_local(405, "This method is not allowed here.\n", Outcome::local, allowed_methods);
  if (head.fields.has(FieldName::via) && is_loop(head.fields, turn.view->pseudonym))
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
  turn.head.target.path = turn.route.path;
  switch (turn.route.action) {
    case model::Action::cache:
      turn.directives = read_request_directives(turn.head.fields);
      if (may_lookup(turn.head)) return Step::lookup;
      cache_status_.forward = is_safe(turn.head.method) ? CacheForward::request : CacheForward::method;
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
        routing::decide_fill(*snapshot.config, snapshot.map, site.index, {}, worker_.random.next());
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

// Its own exchange with an origin: the client's conditions and ranges are the origin's to judge.
Request::Step Request::pass(Turn& turn) {
  passed_ = true;
  save(turn);
  Store::Begun begun = worker_.store.begin(make_key(turn), true, [](const Object&) { return false; });
  asker_ = true;
  fill_ = begun.fill;
  fill_->listen(worker_.loop, *this);
  fetch(turn, std::move(begun.filler), true);
  return Step::wait;
}

Request::Step Request::lookup(Turn& turn) {
  const Object* object = find(turn);
  if (object == nullptr || object->kind() == Object::Kind::marker) {
    alone_ = object != nullptr || !may_share_fill(turn.head, turn.directives);
    if (may_fill(turn.directives).use != Use::refuse) return Step::fill;
    return answer_local(504, "Not stored here, and only-if-cached forbids to ask for it.\n", Outcome::failed);
  }
  turn.object = object;
  const Verdict verdict = may_serve(stored_policy(*object), turn.directives, worker_.loop.now());
  switch (verdict.use) {
    case Use::serve:
      return Step::hit;
    case Use::serve_and_refresh:
      refresh(turn, *object);
      return Step::hit;
    case Use::validate:
      cache_status_.forward = verdict.why == Why::expired || verdict.why == Why::response_no_cache
                                  ? CacheForward::stale
                                  : CacheForward::request;
      if (object->body().state() == Body::State::complete) stale_ = ObjectRef::share(object);
      return Step::fill;
    case Use::refuse:
      break;
  }
  return answer_local(504, "The stored answer is stale, and only-if-cached forbids to ask for another.\n",
                      Outcome::failed);
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
  if (++fills_ > fills_max)
    return answer_local(503, "This object changes faster than it can be fetched.\n", Outcome::failed);
  if (turn.head.method == Method::head) {  // the whole object is fetched, to be stored
    turn.head.method = Method::get;
    turn.head.method_text = to_string(Method::get);
  }
  Store::Begun begun =
      worker_.store.begin(make_key(turn), alone_, [&](const Object& object) { return usable(turn, object); });
  if (begun.object) {
    turn.held = std::move(begun.object);
    turn.object = turn.held.get();
    cache_status_.forward = CacheForward::none;
    return Step::hit;
  }
  if (!saved_) save(turn);
  fill_ = begun.fill;
  fill_->listen(worker_.loop, *this);
  asker_ = static_cast<bool>(begun.filler);
  cache_status_.collapsed = !asker_;
  if (asker_) fetch(turn, std::move(begun.filler), false);
  return Step::progress;
}

Request::Step Request::progress(Turn& turn) {
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
        cache_status_.collapsed = false;
        return Step::fill;
      }
      outcome_ = passed_ ? Outcome::passed : Outcome::miss;
      break;
    case Fill::Stage::shared:
      if (!asker_ && !turn.matcher.matches(*fill.object())) {
        leave_fill();
        return Step::lookup;
      }
      outcome_ = asker_ ? Outcome::miss : Outcome::collapsed;
      if (fill.note() == note::confirmed) {
        outcome_ = Outcome::revalidated;
        cache_status_.forward_status = note::confirmed;
      }
      break;
  }
  // Broken before a byte of it was used: no better than no answer.
  if (fill.object()->body().state() == Body::State::broken) return take_failure(turn);
  cache_status_.stored = fill.stores() && end_is_known(*fill.object());
  turn.held = fill.object();
  turn.object = turn.held.get();
  return Step::deliver;
}

Request::Step Request::take_failure(Turn& turn) {
  const uint16_t why = fill_->note();
  leave_fill();
  if (stale_ &&
      may_serve_after_error(stored_policy(*stale_), turn.directives, worker_.loop.now()).use == Use::serve) {
    turn.held = stale_;
    turn.object = turn.held.get();
    outcome_ = Outcome::stale;
    cache_status_.ttl = stored_policy(*stale_).ttl(worker_.loop.now());
    return Step::deliver;
  }
  if (why == note::gateway_timeout)
    return answer_local(504, "No web server of this site answered in time.\n", Outcome::failed);
  return answer_local(502, "No web server of this site could answer.\n", Outcome::failed);
}

Request::Step Request::deliver(Turn& turn) {
  const Object& object = *turn.object;
  const StoredMeta& meta = stored_meta(object);
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
  answer.status = meta.status;
  answer.object = &object;
  answer.lines = stored_lines(object);
  answer.body = !head_only_ && status_has_content(meta.status);
  if (meta.content_length != StoredMeta::unknown_length) answer.length = meta.content_length;
  if (state == Body::State::complete && !head_only_) answer.length = object.body().size();
  if (!status_has_content(meta.status)) answer.length.reset();
  if (!alone) {
    answer.age = std::max(Duration::zero(), stored_policy(object).age(worker_.loop.now()));
    if (meta.status == 200 && !apply_conditions(turn, answer)) return Step::done;
  }
  hand_over(answer, std::move(cursor));
  return Step::done;
}

void Request::log(uint64_t bytes) {
  WorkerCounters& counters = worker_.counters;
  counters.outcomes[static_cast<size_t>(outcome_)].add();
  counters.statuses[status_ / 100].add();
  counters.bytes_sent.add(bytes);
  if (site_ == nullptr) return;
  SiteCounters& site = site_->counters[static_cast<size_t>(worker_.index)];
  site.requests.add();
  if (is_hit(outcome_)) site.hits.add();
  site.bytes_sent.add(bytes);
}

// --- what the steps are made of ---

void Request::refuse(uint16_t status, std::string_view text) {
  reset();
  running_ = true;
  (void)answer_local(status, text, Outcome::local);
}

void Request::end(uint64_t bytes) {
  if (!running_) return;
  running_ = false;
  log(bytes);
  reset();
}

void Request::reset() {
  leave_fill();
  saved_.reset();
  stale_.reset();
  site_ = nullptr;
  cache_status_ = {};
  status_ = 0;
  outcome_ = Outcome::local;
  delivering_ = head_only_ = asker_ = alone_ = passed_ = false;
  fills_ = 0;
}

void Request::leave_fill() {
  leave();
  fill_.reset();
}

void Request::on_progress() {
  if (delivering_) return peer_.moved();
  if (fill_->stage() == Fill::Stage::asked) return;
  RequestHead& head = worker_.scratch->request;
  const std::shared_ptr<const SavedRequest> saved = saved_;  // outlives the end of the request
  saved->restore(head);
  Turn turn(head);
  turn.view = &saved->view();
  pseudonym_ = turn.view->pseudonym;
  turn.route = saved->route();
  turn.directives = read_request_directives(head.fields);
  run(turn, Step::progress);
  peer_.resumed();
}

void Request::save(const Turn& turn) {
  saved_ = std::make_shared<const SavedRequest>(turn.head, turn.route, turn.view->shared_from_this(),
                                                peer_.address());
}

Key Request::make_key(const Turn& turn) {
  const SiteView& site = *turn.route.site;
  const std::string_view text =
      worker_.keys.make(key_parts(site.site->name, turn.head, site.site->cache.ignore_query));
  return worker_.store.key(site.state->space, text);
}

const Object* Request::find(Turn& turn) {
  const TimePoint now = worker_.loop.now();
  cache_status_.forward = CacheForward::uri_miss;
  const Object* object = worker_.store.lookup(make_key(turn), [&](const Object& o) {
    if (o.kind() == Object::Kind::marker) return stored_policy(o).fresh(now);
    cache_status_.forward = CacheForward::vary_miss;
    return o.body().state() != Body::State::broken && turn.matcher.matches(o);
  });
  if (object != nullptr) cache_status_.forward = CacheForward::none;
  if (object != nullptr && object->kind() == Object::Kind::marker) cache_status_.forward = CacheForward::miss;
  return object;
}

bool Request::usable(Turn& turn, const Object& object) const {
  if (object.body().state() == Body::State::broken || !turn.matcher.matches(object)) return false;
  const Use use = may_serve(stored_policy(object), turn.directives, worker_.loop.now()).use;
  return use == Use::serve || use == Use::serve_and_refresh;
}

void Request::fetch(Turn& turn, Filler filler, bool pass) {
  Fetch::Task task{pass, std::move(filler), saved_, stale_, nullptr};
  if (pass && turn.head.body.kind != Framing::Kind::none) task.upload = peer_.upload();
  worker_.start(std::make_unique<Fetch>(worker_, std::move(task)), turn.head);
}

// stale-while-revalidate: a fetch that nobody waits for, unless one is under way.
void Request::refresh(Turn& turn, const Object& object) {
  if (object.body().state() != Body::State::complete) return;
  const TimePoint now = worker_.loop.now();
  Store::Begun begun = worker_.store.begin(make_key(turn), false, [&](const Object& other) {
    return turn.matcher.matches(other) && stored_policy(other).fresh(now);
  });
  if (!begun.filler) return;
  const Method method = turn.head.method;
  const std::string_view method_text = turn.head.method_text;
  turn.head.method = Method::get;
  turn.head.method_text = to_string(Method::get);
  save(turn);
  stale_ = ObjectRef::share(&object);
  fetch(turn, std::move(begun.filler), false);
  saved_.reset();
  stale_.reset();
  turn.head.method = method;
  turn.head.method_text = method_text;
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

// RFC 9110 section 13.2.2: conditions first, then the range. False when it has answered.
bool Request::apply_conditions(Turn& turn, Answer& answer) {
  const RequestHead& head = turn.head;
  const bool ranged = head.fields.has(FieldName::range) && answer.length && !head_only_;
  if (!ranged && !has_conditions(head.fields)) [[likely]]
    return true;
  Scratch& scratch = *worker_.scratch;
  read_stored_fields(*answer.object, scratch.fields);
  const Validators validators = read_validators(scratch.fields, worker_.loop.wall());
  switch (evaluate_conditions(head, validators, worker_.loop.wall())) {
    case Condition::proceed:
      break;
    case Condition::failed:
      leave_fill();
      (void)answer_local(412, "The object is not what the request's conditions want.\n", outcome_);
      return false;
    case Condition::not_modified: {
      HeadWriter lines(scratch.head);
      for (const Field& field : scratch.fields)
        if (is_sent_in_not_modified(field)) lines.field(field.name, field.value);
      answer.status = 304;
      answer.lines = lines.written();
      answer.body = false;
      answer.length.reset();
      return true;
    }
  }
  if (ranged) apply_range(turn, validators, answer);
  return true;
}

void Request::apply_range(const Turn& turn, const Validators& validators, Answer& answer) {
  const uint64_t size = *answer.length;
  const RangePlan plan = plan_range(turn.head, validators, size, worker_.loop.wall());
  if (plan.kind == RangePlan::Kind::whole) return;
  answer.content_range = format_content_range(plan, size, worker_.scratch->range);
  if (plan.kind == RangePlan::Kind::part) {
    answer.status = 206;
    answer.first = plan.range.first;
    answer.length = plan.range.size();
    return;
  }
  answer.status = 416;
  answer.object = nullptr;
  answer.lines = {};
  answer.text = "The object is shorter than the range asked for.\n";
  answer.length.reset();
}

void Request::hand_over(Answer& answer, std::optional<Cursor> cursor) {
  if (answer.object == nullptr) {
    answer.body = !head_only_;
    if (status_has_content(answer.status)) answer.length = answer.text.size();
    cursor.reset();
  }
  char room[256];
  if (site_ != nullptr && outcome_ != Outcome::redirected && outcome_ != Outcome::denied)
    answer.cache_status = format_cache_status(pseudonym_, cache_status_, room);
  status_ = answer.status;
  if (!answer.body) cursor.reset();
  if (!cursor) leave_fill();  // no more will come of it
  saved_.reset();
  delivering_ = true;
  peer_.answer(answer, std::move(cursor));
}

}  // namespace popnet::http
