#include "http/edge/fetch.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "http/edge/parts.h"
#include "http/edge/slices.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/wire/writer.h"
#include "routing/decide.h"
#include "rt/clock.h"

namespace popnet::http {

namespace {
constexpr int interims_max = 16;  // 1xx answers before the final one
constexpr Duration refresh_rest =
    std::chrono::seconds(5);  // after a refresh in the background that has failed
}  // namespace

Fetch::Fetch(Worker& worker)
    : worker_(worker),
      timer_(worker.loop, [this] { on_timeout(); }),
      total_timer_(worker.loop, [this] { on_total_timeout(); }),
      sending_(worker.loop, [this] { send(); }),
      head_soon_(worker.loop) {}

Fetch::~Fetch() {
  if (connection_) leave_connection(false);
  leave_gate();
  end_trial();
}

void Fetch::reset() {
  worker_.saved_requests.give_back(std::move(task_.request));
  worker_.askers.give_back(std::move(task_.asker));
  task_ = {};
  site_ = nullptr;
  state_ = State::connecting;
  order_ = {};
  tried_ = 0;
  origin_ = 0;
  entered_ = waited_ = unconditional_ = attended_ = hidden_ = keep_alive_ = counted_ = tunnel_stands_ = false;
  last_note_ = note::bad_gateway;
  clear_text(out_);
  clear_text(in_);
  clear_text(name_);
  sent_ = 0;
  interims_ = 0;
  framing_ = {};
  copying_ = {};
  copy_from_.reset();
  copied_ = 0;
  clear_text(held_);
  join_ = {};
  left_ = moved_ = received_ = 0;
  chunks_.reset();
}

Fetch::Handle Fetch::handle() {
  if (!handle_) handle_ = std::make_shared<Fetch*>(this);
  return handle_;
}

void Fetch::start(Task task, const RequestHead& head) {
  starting_ = true;
  task_ = std::move(task);
  site_ = task_.request->route().site;
  attended_ = task_.filler.fill().listeners() > 0;
  if (task_.asker) task_.asker->fetch = this;
  if (task_.upload) task_.upload->on_data = [this] { on_upload(); };
  // What was purged between its lookup and the begin of the fill may not live on in what that brings.
  if (task_.stale && task_.stale->purged()) task_.stale.reset();
  if (std::any_of(task_.parts.begin(), task_.parts.end(),
                  [](const ObjectRef& part) { return part->purged(); })) {
    task_.parts.clear();
    task_.want = Want::whole;
  }
  const bool client_gone = task_.upload && task_.upload->failed();
  if (client_gone || !write_request(head)) {
    give_up(note::bad_gateway);
  } else if (!may_try()) {
    site_->state->gate.refuse();
    give_up(note::overloaded);
  } else {
    plan_origins();
    try_next();
  }
  starting_ = false;
}

void Fetch::cancel() {
  if (state_ != State::ended) give_up(note::bad_gateway);
}

// He may leave in the midst of a call from here.
void Fetch::asker_left() {
  (void)worker_.loop.post([handle = handle()] {
    if (*handle != nullptr) (*handle)->on_asker_left();
  });
}

/// An answer that nobody else can get is not waited for, but where it tells what has changed. Of one that has begun: read_body().
void Fetch::on_asker_left() {
  const Fill& fill = task_.filler.fill();
  if (state_ == State::ended || fill.listeners() > 0) return;
  if (state_ != State::reading_body) {
    if (!fill.joinable() && is_safe(task_.request->method())) give_up(note::bad_gateway);
  } else if (!hidden_ && copying_.empty() && !worth_finishing()) {
    (void)leave_unattended();
  }
}

// --- origins ---

/// While no origin answers a few requests find out whether one does again. False: there are enough of them.
bool Fetch::may_try() {
  if (!site_->in_outage(worker_.loop.now())) return true;
  std::atomic<uint32_t>& trials = site_->state->trials;
  trial_ = trials.fetch_add(1, std::memory_order_relaxed) < OriginHealth::trials_max;
  if (!trial_) trials.fetch_sub(1, std::memory_order_relaxed);
  return trial_;
}

void Fetch::end_trial() {
  if (std::exchange(trial_, false)) site_->state->trials.fetch_sub(1, std::memory_order_relaxed);
}

void Fetch::plan_origins() {
  if (site_->origins.size() == 1) {  // nothing to decide
    order_.targets[0] = 0;
    order_.count = 1;
    return;
  }
  auto& own = worker_.scratch->targets;  // more origins than that: of the rest nothing is known
  const size_t count = std::min(site_->origins.size(), own.size());
  const TimePoint now = worker_.loop.now();
  for (size_t i = 0; i < count; ++i) {
    const OriginState& origin = *site_->origins[i];
    const uint32_t in_flight = origin.in_flight.load(std::memory_order_relaxed);
    own[i] = {in_flight, origin.first_bytes.ms(now), origin.health.share(now),
              in_flight >= site_->site->fill.origin_requests};
  }
  const routing::Snapshot& snapshot = *task_.request->view().snapshot;
  order_ = routing::decide_fill(*snapshot.config, snapshot.map, site_->index, std::span(own).first(count),
                                site_->state->fill_rate.add(now), worker_.random.next());
}

/// Retries are a share of the requests: when all origins fail, they are not asked all the more often.
bool Fetch::may_retry() {
  const auto thread = static_cast<size_t>(worker_.index);
  RetryBudget& budget = site_->state->retries[thread];
  if (tried_ == 0) {
    if (!waited_) budget.on_request();
    return true;
  }
  const bool may = budget.take(worker_.loop.now());
  SiteCounters& counters = site_->state->counters[thread];
  (may ? counters.retries : counters.retries_refused).add();
  return may;
}

void Fetch::try_next() {
  const bool idempotent = is_idempotent(task_.request->method());
  for (; tried_ < order_.count && may_retry(); ++tried_) {
    origin_ = order_.targets[tried_];
    if (!enter()) {
      if (tried_ > 0) continue;  // who was with one already does not wait for another
      if (!wait_for_turn()) return;
    }
    if (connect_to(site_->site->origins[origin_], idempotent)) return;
    leave_gate();
  }
  give_up(last_note_);
}

bool Fetch::enter() {
  entered_ = site_->state->gate.enter(site_->origins[origin_]->in_flight, site_->site->fill, waited_);
  return entered_;
}

void Fetch::leave_gate() {
  if (std::exchange(entered_, false)) site_->state->gate.leave(site_->origins[origin_]->in_flight);
}

/// True when there is room after all; false when it waits, or has given up.
bool Fetch::wait_for_turn() {
  FillGate& gate = site_->state->gate;
  const auto told = [self = handle(), state = site_->state] {
    if (*self != nullptr && (*self)->state_ == State::queued) return (*self)->on_turn();
    state->gate.pass_on();
  };
  const auto place = gate.wait(this, worker_.loop, told, site_->site->fill, waited_);
  if (place == FillGate::Wait::refused) {
    gate.refuse();
    give_up(note::overloaded);
    return false;
  }
  if (!waited_) timer_.arm_after(site_->site->fill.queue_timeout);
  waited_ = true;
  state_ = State::queued;
  if (place != FillGate::Wait::alone || !enter()) return false;
  (void)gate.cancel(this);  // if it was told meanwhile, it finds this one at work
  return true;
}

void Fetch::on_turn() {
  if (attended_ && task_.filler.fill().listeners() == 0) {  // all have left the queue
    give_up(note::overloaded);
    return site_->state->gate.pass_on();
  }
  plan_origins();
  try_next();
}

OriginPeer Fetch::peer_of(const model::Origin& origin) const {
  if (!origin.tls) return {origin.endpoint};
  return {origin.endpoint, site_->tls[origin_], origin.tls_name.empty() ? name_ : origin.tls_name};
}

bool Fetch::connect_to(const model::Origin& origin, bool allow_pooled) {
  OriginState& state = *site_->origins[origin_];
  const OriginPeer peer = peer_of(origin);
  if (allow_pooled) connection_ = worker_.pool.take(peer, *this);
  if (!connection_) {
    auto made = origin.tls && !peer.tls ? Result<std::unique_ptr<OriginConnection>>(
                                              Error{ErrorCode::invalid, "its tls_ca_file could not be used"})
                                        : worker_.pool.connect(peer, *this);
    if (!made) {
      state.failed(worker_.loop.now(), site_->site->name, origin.name, made.error().message,
                   made.error().code != ErrorCode::machine);
      last_note_ = note::unreachable;
      return false;
    }
    connection_ = std::move(*made);
    worker_.counters.origin_connections.add();
  }
  state.fills.fetch_add(1, std::memory_order_relaxed);
  worker_.counters.fills.add();
  sent_ = 0;
  in_.clear();
  interims_ = 0;
  origin_time_.begin(worker_.loop.now());
  const model::FillOptions& fill = site_->site->fill;
  if (fill.total_timeout > Duration::zero() && !is_tunnel()) total_timer_.arm_after(fill.total_timeout);
  if (connection_->connected()) {
    on_connected();
  } else {
    state_ = State::connecting;
    timer_.arm_after(fill.connect_timeout);
  }
  return true;
}

void Fetch::on_connected() {
  state_ = State::awaiting_head;
  origin_time_.connected(worker_.loop.now());
  timer_.arm_after(site_->site->fill.first_byte_timeout);
  sending_.ask();
}

void Fetch::on_connect_failed(const Error& error) {
  attempt_failed(note::unreachable, error.message, error.code != ErrorCode::machine);
}

void Fetch::on_timeout() {
  switch (state_) {
    case State::queued:
      site_->state->gate.refuse();
      return give_up(note::overloaded);
    case State::connecting:
      if (!connection_) return give_up(last_note_);  // put off by start()
      return attempt_failed(note::gateway_timeout, "no connection in time");
    case State::awaiting_head:
      return attempt_failed(note::gateway_timeout, "no answer in time");
    case State::reading_body:
      if (hidden_) return look_again();
      return body_broken("the body stopped coming, or came too slowly");
    case State::ended:
      return;
  }
}

void Fetch::on_total_timeout() {
  constexpr std::string_view why = "the answer is not complete in time";
  if (state_ == State::reading_body) return body_broken(connection_ ? why : std::string_view());
  if (connection_) attempt_failed(note::gateway_timeout, why);
}

/// Nothing of an answer was used: may the request be sent once more?
bool Fetch::may_repeat() const {
  if (task_.upload && !task_.upload->untouched()) return false;
  return sent_ == 0 || is_idempotent(task_.request->method());
}

void Fetch::attempt_failed(uint16_t note, std::string_view why, bool its_own) {
  const model::Origin& origin = site_->site->origins[origin_];
  const bool stale_connection = connection_->reused() && in_.empty() && note == note::unreachable;
  const bool repeat = may_repeat();
  leave_connection(false);
  if (stale_connection && repeat && connect_to(origin, false)) return;
  leave_gate();
  if (!stale_connection) {
    const TimePoint now = worker_.loop.now();
    OriginState& state = *site_->origins[origin_];
    state.failed(now, site_->site->name, origin.name, why, its_own);
    if (note == note::gateway_timeout) state.first_bytes.add(now, origin_time_.took(now));
    last_note_ = note;
  }
  if (!repeat) return give_up(note);
  ++tried_;
  try_next();
}

/// What this one says is of no use, but no failure of its own. Only for what may be repeated.
void Fetch::ask_another(uint16_t note) {
  leave_origin(false);
  last_note_ = note;
  ++tried_;
  try_next();
}

void Fetch::leave_connection(bool keep) {
  sending_.clear();
  head_soon_.clear();
  const bool request_over = sent_ == out_.size() && (!task_.upload || task_.upload->all_sent());
  worker_.pool.give_back(std::move(connection_), keep && request_over);
}

void Fetch::leave_origin(bool keep_connection) {
  leave_connection(keep_connection);
  leave_gate();
}

// --- request ---

bool Fetch::write_request(const RequestHead& head) {
  OriginRequest what{.want = task_.want, .may_store = task_.may_store, .upload = task_.upload.get()};
  if (task_.want == Want::rest) {
    what.range = missing_range(task_.parts);
    what.same_as = task_.parts.front().get();
  } else if (task_.want == Want::slice) {
    what.range = wanted_slice();
    what.same_as = task_.head.get();
  }
  what.validate = to_validate();
  const auto& origins = site_->site->origins;
  if (std::any_of(origins.begin(), origins.end(), [](const model::Origin& o) { return o.tls; }))
    name_ = origin_name(*site_->site, head, task_.may_store);
  return write_origin_request(*worker_.scratch, *task_.request, head, what, worker_.loop.wall(), out_);
}

void Fetch::begin_waiting() {
  const TimePoint leaves = rt::monotonic_now();
  origin_time_.leaves(leaves);
  const Duration usual = from_ms(site_->origins[origin_]->first_bytes.ms(worker_.loop.now()));
  const Duration patience = worker_.shared.timeouts.busy_poll;
  if (usual > Duration::zero() && usual <= patience) head_soon_.arm(leaves + patience);
}

void Fetch::send() {
  if (sent_ == 0) begin_waiting();
  bool blocked = false;
  while (sent_ < out_.size() && !blocked) {
    const ssize_t n = connection_->write(std::string_view(out_).substr(sent_));
    if (n > 0)
      sent_ += static_cast<size_t>(n);
    else
      blocked = true;
  }
  // What a client sends before a tunnel stands might be meant as requests: it waits for the 101.
  const bool open = !is_tunnel() || tunnel_stands_;
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
  if (tunnel_stands_) timer_.arm_after(body_patience());
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
    return attempt_failed(note::unreachable,
                          in_.empty() ? "closed without an answer" : "broke off in the head");

  std::string_view bytes(scratch.in.data(), in_.size() + static_cast<size_t>(n));
  size_t judged = in_.size();
  for (;;) {
    const Parsed parsed = parse_response(bytes, worker_.shared.limits.heads, scratch.response, judged);
    if (parsed.failed())
      return attempt_failed(note::bad_gateway, to_string(parsed.fault),
                            parsed.fault != Fault::head_too_long && parsed.fault != Fault::too_many_fields);
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
    if (state_ == State::ended) return;  // the client has gone, and its upload with it
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
  keep_alive_ = counted_ = false;
  open(worker_.scratch->request, head, false);
  if (task_.asker) task_.asker->own_lines += "Connection: upgrade\r\nUpgrade: websocket\r\n";
  state_ = State::reading_body;
  tunnel_stands_ = true;
  timer_.arm_after(body_patience());
  send();
  take_body(rest);
}

void Fetch::on_head(const ResponseHead& head, std::string_view rest) {
  head_soon_.clear();
  end_trial();
  response_time_ = worker_.loop.now();
  response_wall_ = worker_.loop.wall();
  RequestHead& request = worker_.scratch->request;
  task_.request->restore(request);

  const Duration took = origin_time_.took(response_time_);
  if (task_.asker) task_.asker->origin_time = took;
  site_->origins[origin_]->first_bytes.add(response_time_, took);

  const ResponseFraming framing = response_framing(head, request.method);
  if (framing.fault != Fault::none) return attempt_failed(note::bad_gateway, to_string(framing.fault));
  framing_ = framing.body;
  keep_alive_ = head.keep_alive && (framing_.kind != Framing::Kind::none || rest.empty());
  in_.clear();
  if (head.status >= 502 && head.status <= 504)
    (void)site_->origins[origin_]->health.failed(response_time_);
  else
    site_->origins[origin_]->health.succeeded();
  left_ = framing_.length;
  counted_ = framing_.kind == Framing::Kind::length;
  FillRef object;  // of the head that has been made, whose first slice this answer is
  if (task_.head) {
    if (is_origin_error(head.status)) return ask_another(note::bad_gateway);
    if (!open_slice(head)) return ask_another(note::changed);
  } else if (task_.want != Want::answer && head.status == 304) {
    if (!confirm_stored(request, head)) ask_in_full("304 to a request without conditions");
    return;
  } else if (task_.stale && is_origin_error(head.status) &&
             may_serve_after_error(stored_policy(*task_.stale), read_request_directives(request.fields),
                                   response_time_)
                     .use == Use::serve) {
    leave_origin(false);
    return give_up(note::said | head.status);
  } else if (task_.want == Want::slice && head.status == 416) {
    if (std::exchange(task_.slice, 0) == 0) return ask_in_full("416 to the first bytes");
    return ask_again();  // how long is it?
  } else if (task_.want == Want::slice && head.status == 206) {
    if (!open_first_slice(request, head, object)) return ask_in_full("a slice that cannot be stored");
  } else if (task_.want == Want::rest && (head.status == 206 || head.status == 416)) {
    if (head.status == 416 || !open_rest(request, head)) return ask_in_full("a part that was not asked for");
  } else {
    invalidate(request, head);
    const bool told =
        request.method == Method::head && head.status == 200 && task_.may_store && heed_head(request, head);
    open(request, head, task_.may_store && !told);
  }
  state_ = State::reading_body;
  timer_.arm_after(body_patience());
  if (framing_.kind == Framing::Kind::chunked) chunks_.emplace(ChunkExtensions::ignore);
  const rt::Loop& loop = worker_.loop;
  if (copying_.empty())
    take_body(rest);
  else
    copy_stored(copying_, rest);
  if (object) object->tell(loop);  // who waits for the object goes on to its slices
}

Exchange Fetch::exchange() const {
  return {origin_time_.since(response_time_), response_time_, response_wall_};
}

// A 304 that does not speak of what we hold, or that nobody asked for; a rest that does not fit the part; slices that
// cannot be stored: the object is asked for in full, or the part of it that the user wants.
void Fetch::ask_in_full(std::string_view why) {
  if (unconditional_ || task_.want == Want::answer) return attempt_failed(note::bad_gateway, why);
  unconditional_ = true;
  const bool part = task_.want == Want::slice && asks_for_part(worker_.scratch->request.fields);
  task_.want = part ? Want::part : Want::whole;
  task_.parts.clear();
  ask_again();
}

/// The same origin.
void Fetch::ask_again() {
  leave_connection(false);
  RequestHead& request = worker_.scratch->request;
  if (!write_request(request) || !connect_to(site_->site->origins[origin_], false))
    give_up(note::bad_gateway);
}

// --- end ---

void Fetch::give_up(uint16_t note) {
  if (starting_) {  // nobody is told within start(): the timer comes back here
    last_note_ = note;
    state_ = State::connecting;
    timer_.arm_after(Duration::zero());
    return;
  }
  if (state_ == State::queued) (void)site_->state->gate.cancel(this);
  if (connection_) leave_connection(false);
  leave_gate();
  if (task_.stale && !task_.asker)
    worker_.store.put_off_refresh(worker_.store.key(site_->state->space, task_.stale->key()),
                                  worker_.loop.now() + refresh_rest);
  task_.filler.note(note);
  finish(cut_or_abandon());
}

void Fetch::finish(FillRef fill) {
  state_ = State::ended;
  timer_.rest();
  total_timer_.rest();
  end_trial();
  if (task_.upload) task_.upload->on_data = nullptr;
  if (task_.asker) task_.asker->fetch = nullptr;
  if (handle_) *handle_ = nullptr;
  handle_.reset();
  worker_.bury(*this);
  fill->tell(worker_.loop);
}

}  // namespace popnet::http
