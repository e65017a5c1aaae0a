#include "http/edge/fetch.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "http/edge/intake.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/policy/invalidation.h"
#include "http/wire/list.h"
#include "http/wire/writer.h"
#include "routing/decide.h"

namespace popnet::http {

namespace {
constexpr int interims_max = 16;  // 1xx answers before the final one
}  // namespace

Fetch::Fetch(Worker& worker, Task task)
    : worker_(worker),
      task_(std::move(task)),
      site_(*task_.request->route().site),
      timer_(worker.loop, [this] { on_timeout(); }) {}

Fetch::~Fetch() {
  if (connection_) leave_origin(false);
}

void Fetch::start(const RequestHead& head) {
  starting_ = true;
  attended_ = task_.filler.fill().listeners() > 0;
  if (task_.upload) task_.upload->on_data = [this] { on_upload(); };
  // What was purged between its lookup and the begin of the fill may not live on in what that brings.
  if (task_.stale && task_.stale->purged()) task_.stale.reset();
  if (task_.part && task_.part->purged()) {
    task_.part.reset();
    task_.want = Want::whole;
  }
  if (write_request(head)) {
    plan_origins();
    try_next();
  } else {
    give_up(note::bad_gateway);
  }
  starting_ = false;
}

void Fetch::cancel() {
  if (state_ != State::ended) give_up(note::bad_gateway);
}

// --- origins ---

void Fetch::plan_origins() {
  std::array<uint32_t, 64> in_flight;  // more origins than that: the rest counts as idle
  const size_t count = std::min(site_.origins.size(), in_flight.size());
  for (size_t i = 0; i < count; ++i)
    in_flight[i] = site_.origins[i]->in_flight.load(std::memory_order_relaxed);
  const routing::Snapshot& snapshot = *task_.request->view().snapshot;
  order_ = routing::decide_fill(*snapshot.config, snapshot.map, site_.index,
                                std::span(in_flight).first(count), worker_.random.next());
  const auto& states = snapshot.map.sites[site_.index].origins;
  const auto first = order_.targets.begin(), last = first + order_.count;
  const auto dead = std::find_if(first, last, [&](uint16_t i) { return !states[i].alive; });
  const double draw = worker_.random.uniform();
  std::stable_partition(
      first, dead, [&](uint16_t i) { return draw < site_.origins[i]->health.share(worker_.loop.now()); });
}

/// Retries are a share of the requests: when all origins fail, they are not asked all the more often.
bool Fetch::may_retry() {
  const auto thread = static_cast<size_t>(worker_.index);
  RetryBudget& budget = site_.state->retries[thread];
  if (tried_ == 0) {
    budget.on_request();
    return true;
  }
  const bool may = budget.take(worker_.loop.now());
  SiteCounters& counters = site_.state->counters[thread];
  (may ? counters.retries : counters.retries_refused).add();
  return may;
}

void Fetch::try_next() {
  const bool idempotent = is_idempotent(task_.request->method());
  for (; tried_ < order_.count && may_retry(); ++tried_) {
    origin_ = order_.targets[tried_];
    if (connect_to(site_.site->origins[origin_], idempotent)) return;
  }
  give_up(last_note_);
}

OriginPeer Fetch::peer_of(const model::Origin& origin) const {
  if (!origin.tls) return {origin.endpoint};
  return {origin.endpoint, site_.tls[origin_], origin.tls_name.empty() ? name_ : origin.tls_name};
}

bool Fetch::connect_to(const model::Origin& origin, bool allow_pooled) {
  OriginState& state = *site_.origins[origin_];
  const OriginPeer peer = peer_of(origin);
  if (allow_pooled) connection_ = worker_.pool.take(peer, *this);
  if (!connection_) {
    auto made = origin.tls && !peer.tls ? Result<std::unique_ptr<OriginConnection>>(
                                              Error{ErrorCode::invalid, "its tls_ca_file could not be used"})
                                        : worker_.pool.connect(peer, *this);
    if (!made) {
      state.failed(worker_.loop.now(), site_.site->name, origin.name, made.error().message);
      return false;
    }
    connection_ = std::move(*made);
    worker_.counters.origin_connections.add();
  }
  state.in_flight.fetch_add(1, std::memory_order_relaxed);
  state.fills.fetch_add(1, std::memory_order_relaxed);
  worker_.counters.fills.add();
  sent_ = 0;
  in_.clear();
  interims_ = 0;
  request_time_ = worker_.loop.now();
  if (connection_->connected()) {
    on_connected();
  } else {
    state_ = State::connecting;
    timer_.arm_after(worker_.shared.timeouts.connect);
  }
  return true;
}

void Fetch::on_connected() {
  state_ = State::awaiting_head;
  timer_.arm_after(worker_.shared.timeouts.first_byte);
  send();
}

void Fetch::on_connect_failed(const Error& error) {
  attempt_failed(note::bad_gateway, error.message);
}

void Fetch::on_timeout() {
  switch (state_) {
    case State::connecting:
      if (!connection_) return give_up(last_note_);  // put off by start()
      return attempt_failed(note::gateway_timeout, "no connection in time");
    case State::awaiting_head:
      return attempt_failed(note::gateway_timeout, "no answer in time");
    case State::reading_body:
      return body_broken("the body stopped coming, or came too slowly");
    case State::ended:
      return;
  }
}

/// Nothing of an answer was used: may the request be sent once more?
bool Fetch::may_repeat() const {
  if (task_.upload && !task_.upload->untouched()) return false;
  return sent_ == 0 || is_idempotent(task_.request->method());
}

void Fetch::attempt_failed(uint16_t note, std::string_view why) {
  const model::Origin& origin = site_.site->origins[origin_];
  const bool stale_connection = connection_->reused() && in_.empty() && note == note::bad_gateway;
  const bool repeat = may_repeat();
  leave_origin(false);
  if (stale_connection && repeat && connect_to(origin, false)) return;
  if (!stale_connection) {
    site_.origins[origin_]->failed(worker_.loop.now(), site_.site->name, origin.name, why);
    last_note_ = note;
  }
  if (!repeat) return give_up(note);
  ++tried_;
  try_next();
}

void Fetch::leave_origin(bool keep_connection) {
  site_.origins[origin_]->in_flight.fetch_sub(1, std::memory_order_relaxed);
  const bool request_over = sent_ == out_.size() && (!task_.upload || task_.upload->all_sent());
  worker_.pool.give_back(std::move(connection_), keep_connection && request_over);
}

// --- request ---

bool Fetch::write_request(const RequestHead& head) {
  OriginRequest what{task_.want, task_.may_store, nullptr, task_.part.get(), task_.upload.get()};
  if (!unconditional_ && task_.want != Want::answer) what.validate = task_.stale.get();
  const auto& origins = site_.site->origins;
  if (std::any_of(origins.begin(), origins.end(), [](const model::Origin& o) { return o.tls; }))
    name_ = origin_name(*site_.site, head, task_.may_store);
  return write_origin_request(*worker_.scratch, *task_.request, head, what, worker_.loop.wall(), out_);
}

void Fetch::send() {
  bool blocked = false;
  while (sent_ < out_.size() && !blocked) {
    const ssize_t n = connection_->write(std::string_view(out_).substr(sent_));
    if (n > 0)
      sent_ += static_cast<size_t>(n);
    else
      blocked = true;
  }
  // What a client sends before a tunnel stands might be meant as requests: it waits for the 101.
  const bool open = !is_tunnel() || state_ == State::reading_body;
  while (open && task_.upload && !blocked && !task_.upload->data().empty()) {
    const ssize_t n = connection_->write(task_.upload->data());
    if (n > 0)
      task_.upload->consume(static_cast<size_t>(n));
    else
      blocked = true;
  }
  // A broken connection is found by reading: an answer may have come before the origin closed.
  connection_->want_write(blocked && (errno == EAGAIN || errno == EINTR));
}

void Fetch::on_writable() {
  send();
}

void Fetch::on_upload() {
  if (state_ == State::ended) return;
  if (task_.upload->failed()) return cancel();
  if (!connection_ || !connection_->connected()) return;
  if (is_tunnel() && state_ == State::reading_body) timer_.arm_after(body_patience());
  send();
}

// --- answer: head ---

void Fetch::on_readable() {
  if (state_ == State::awaiting_head) return read_head();
  if (state_ == State::reading_body) read_body();
}

void Fetch::read_head() {
  Scratch& scratch = *worker_.scratch;
  std::memcpy(scratch.in.data(), in_.data(), in_.size());
  const ssize_t n = connection_->read(std::span(scratch.in).subspan(in_.size()));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0)
    return attempt_failed(note::bad_gateway,
                          in_.empty() ? "closed without an answer" : "broke off in the head");

  std::string_view bytes(scratch.in.data(), in_.size() + static_cast<size_t>(n));
  size_t judged = in_.size();
  for (;;) {
    const Parsed parsed = parse_response(bytes, worker_.shared.limits.heads, scratch.response, judged);
    if (parsed.failed()) return attempt_failed(note::bad_gateway, to_string(parsed.fault));
    if (!parsed.complete()) {
      in_.assign(bytes);
      return;
    }
    bytes.remove_prefix(parsed.length);
    if (!scratch.response.interim()) return on_head(scratch.response, bytes);
    if (is_tunnel() && grants_tunnel(scratch.response)) return on_tunnel(scratch.response, bytes);
    if (scratch.response.status == 101 || ++interims_ > interims_max)
      return attempt_failed(note::bad_gateway, "an interim answer that nobody asked for");
    pass_on(scratch.response);
    judged = 0;
  }
}

// RFC 9110 section 15.2: passed on but for 100, which we have said ourselves. To the one who asked; who
// joined the fill waits for the answer.
void Fetch::pass_on(const ResponseHead& interim) {
  if (interim.status == 100 || !task_.asker || !task_.asker->on_interim) return;
  HeadWriter out(worker_.scratch->head);
  const HopByHop hop(interim.fields);
  for (const Field& field : interim.fields)
    if (is_forwarded_response(field, hop)) out.field(field.name, field.value);
  if (out.ok()) task_.asker->on_interim(interim.status, out.written());
}

// RFC 9110 section 7.8. From here on the two connections are one: what comes from the origin is a body
// without end, what comes from the client an upload without end.
void Fetch::on_tunnel(const ResponseHead& head, std::string_view rest) {
  response_time_ = worker_.loop.now();
  response_wall_ = worker_.loop.wall();
  task_.request->restore(worker_.scratch->request);
  in_.clear();
  framing_ = {Framing::Kind::until_close, 0};
  keep_alive_ = false;
  open(worker_.scratch->request, head);
  if (task_.asker) task_.asker->own_lines = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  state_ = State::reading_body;
  timer_.arm_after(body_patience());
  send();
  take_body(rest);
}

void Fetch::on_head(const ResponseHead& head, std::string_view rest) {
  response_time_ = worker_.loop.now();
  response_wall_ = worker_.loop.wall();
  RequestHead& request = worker_.scratch->request;
  task_.request->restore(request);

  if (task_.asker) task_.asker->origin_time = response_time_ - request_time_;

  const ResponseFraming framing = response_framing(head, request.method);
  if (framing.fault != Fault::none) return attempt_failed(note::bad_gateway, to_string(framing.fault));
  framing_ = framing.body;
  keep_alive_ = head.keep_alive && (framing_.kind != Framing::Kind::none || rest.empty());
  in_.clear();
  if (head.status >= 502 && head.status <= 504)
    (void)site_.origins[origin_]->health.failed(response_time_);
  else
    site_.origins[origin_]->health.succeeded();
  if (task_.want != Want::answer && head.status == 304) {
    if (!confirm_stored(request, head)) ask_in_full("304 to a request without conditions");
    return;
  }
  if (task_.stale && task_.want != Want::answer && is_origin_error(head.status) &&
      may_serve_after_error(stored_policy(*task_.stale), {}, response_time_).use == Use::serve) {
    leave_origin(false);
    return give_up(head.status);
  }
  if (task_.want == Want::rest && (head.status == 206 || head.status == 416)) {
    if (head.status == 416 || !open_rest(request, head)) return ask_in_full("a part that was not asked for");
  } else {
    invalidate(request, head);
    if (request.method == Method::head && head.status == 200 && task_.may_store) heed_head(request, head);
    open(request, head);
  }
  state_ = State::reading_body;
  timer_.arm_after(body_patience());
  left_ = framing_.length;
  if (framing_.kind == Framing::Kind::chunked) chunks_.emplace(ChunkExtensions::ignore);
  take_body(rest);
}

Exchange Fetch::exchange() const {
  return {request_time_, response_time_, response_wall_};
}

// A 304 that does not speak of what we hold, or that nobody asked for; a rest that does not fit the part: the
// object is asked for in full.
void Fetch::ask_in_full(std::string_view why) {
  if (unconditional_ || task_.want == Want::answer) return attempt_failed(note::bad_gateway, why);
  unconditional_ = true;
  task_.want = Want::whole;
  task_.part.reset();
  leave_origin(false);
  RequestHead& request = worker_.scratch->request;
  if (!write_request(request) || !connect_to(site_.site->origins[origin_], false)) give_up(note::bad_gateway);
}

/// RFC 9111 section 4.3.4. False when it does not fit the stored object.
bool Fetch::confirm_stored(const RequestHead& request, const ResponseHead& head) {
  if (!task_.stale || unconditional_) return false;
  Fields& stored = worker_.scratch->fields;
  read_stored_fields(*task_.stale, stored);
  if (!confirms(head.fields, stored)) return false;
  Intake intake(worker_, *task_.request, exchange());
  if (!intake.take_update(*task_.stale, request, head)) return false;
  if (task_.asker) task_.asker->own_lines = intake.own_lines();
  leave_origin(keep_alive_);
  task_.filler.note(note::confirmed);
  finish(task_.filler.commit_refreshed(task_.stale, intake.draft()));
  return true;
}

/// RFC 9111 section 3.4: the part that is stored and what comes now are the whole. False when they do not
/// fit.
bool Fetch::open_rest(const RequestHead& request, const ResponseHead& head) {
  const auto missing = missing_range(*task_.part);
  const auto place = parse_content_range(head.fields.get(FieldName::content_range));
  const StoredMeta& meta = stored_meta(*task_.part);
  Fields& stored = worker_.scratch->fields;
  read_stored_fields(*task_.part, stored);
  if (!missing || !place || place->range.first != missing->first || place->range.last != missing->last ||
      place->whole != meta.whole_size || framing_.kind != Framing::Kind::length ||
      framing_.length != missing->size() || !confirms(head.fields, stored))
    return false;
  Intake intake(worker_, *task_.request, exchange());
  if (!intake.take_rest(*task_.part, request, head)) return false;
  if (task_.asker) task_.asker->own_lines = intake.own_lines();
  task_.filler.note(note::completed);
  task_.filler.open(intake.draft());
  if (missing->first > 0) append_stored_part();
  return true;
}

void Fetch::append_stored_part() {
  const Body& body = task_.part->body();
  iovec pieces[16];
  for (uint64_t done = 0; done < body.size();) {
    const size_t count = gather(body.first(), done, body.size() - done, pieces);
    for (size_t i = 0; i < count; ++i) {
      task_.filler.append({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
      done += pieces[i].iov_len;
    }
  }
}

void Fetch::open(const RequestHead& request, const ResponseHead& head) {
  Intake intake(worker_, *task_.request, exchange());
  intake.take_new(request, head, framing_, task_.may_store);
  if (task_.asker) task_.asker->own_lines = intake.own_lines();
  if (intake.keep()) return task_.filler.open(intake.draft());
  const bool leaves_marker = task_.want != Want::answer;
  task_.filler.open_alone(intake.draft(), leaves_marker ? intake.marker() : std::span<const std::byte>{});
}

// RFC 9111 section 4.3.5: what a HEAD says of the stored answer to a GET.
void Fetch::heed_head(const RequestHead& request, const ResponseHead& head) {
  const Key key = worker_.key(site_, request);
  VariantMatcher matcher(request.fields);
  const Object* stored = worker_.store.lookup(key, [&](const Object& o) {
    return o.kind() == Object::Kind::response && o.body().state() == Body::State::complete &&
           stored_meta(o).status == 200 && matcher.matches(o);
  });
  if (stored == nullptr) return;
  Fields& fields = worker_.scratch->fields;
  read_stored_fields(*stored, fields);
  if (!head_confirms(head.fields, fields, stored->body().size())) {
    worker_.store.purge(key, Purge::soft);
    return;
  }
  const ObjectRef base = ObjectRef::share(stored);
  Intake intake(worker_, *task_.request, exchange());
  if (!intake.take_update(*base, request, head)) return;
  Store::Begun begun = worker_.store.begin(key, true, [](const Object&) { return false; });
  (void)begun.filler.commit_refreshed(base, intake.draft());
}

void Fetch::invalidate(const RequestHead& request, const ResponseHead& head) {
  const bool ignore_query = site_.site->cache.ignore_query;
  Invalidation plan;
  plan_invalidation(site_.site->name, request, head, ignore_query, plan);
  for (uint8_t i = 0; i < plan.count; ++i) {
    const std::string_view key = worker_.keys.make(plan.keys[i]);
    if (!key.empty())
      worker_.store.purge(worker_.store.key(site_.state->space, key), Purge::hard, &task_.filler.fill());
  }
}

// --- end ---

void Fetch::give_up(uint16_t note) {
  if (starting_) {  // nobody is told within start(): the timer comes back here
    last_note_ = note;
    state_ = State::connecting;
    timer_.arm_after(Duration::zero());
    return;
  }
  if (connection_) leave_origin(false);
  task_.filler.note(note);
  finish(task_.filler.abandon());
}

void Fetch::finish(FillRef fill) {
  state_ = State::ended;
  timer_.cancel();
  if (task_.upload) task_.upload->on_data = nullptr;
  worker_.bury(*this);
  fill->tell(worker_.loop);
}

}  // namespace popnet::http
