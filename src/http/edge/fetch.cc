#include "http/edge/fetch.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/text.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/policy/invalidation.h"
#include "http/policy/storing.h"
#include "http/wire/list.h"
#include "http/wire/writer.h"
#include "routing/decide.h"

namespace popnet::http {

namespace {
constexpr uint64_t unattended_max = 1 << 20;  // bytes fetched for nobody; see worth_finishing()
constexpr int interims_max = 16;              // 1xx answers before the final one
constexpr Duration unshared_memory = std::chrono::seconds(120);  // how long a marker holds

StoredMeta marker_meta(TimePoint now) {
  StoredMeta meta;
  meta.policy.response_time = now;
  meta.policy.lifetime = unshared_memory;
  return meta;
}

std::span<const std::byte> bytes_of(const StoredMeta& meta) {
  return std::as_bytes(std::span(&meta, 1));
}

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
}

void Fetch::try_next() {
  const bool idempotent = is_idempotent(task_.request->method());
  for (; tried_ < order_.count; ++tried_) {
    origin_ = order_.targets[tried_];
    if (connect_to(site_.site->origins[origin_], idempotent)) return;
  }
  give_up(last_note_);
}

bool Fetch::connect_to(const model::Origin& origin, bool allow_pooled) {
  OriginState& state = *site_.origins[origin_];
  if (allow_pooled) connection_ = worker_.pool.take(origin.endpoint, *this);
  if (!connection_) {
    auto made = origin.tls ? Result<std::unique_ptr<OriginConnection>>(Error{
                                 ErrorCode::invalid, "HTTPS to origins is not supported by this version"})
                           : worker_.pool.connect(origin.endpoint, *this);
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
  HeadWriter out(worker_.scratch->head);
  out.request_line(head.method_text, head.target);
  write_fields(out, head);
  out.end();
  out_.assign(out.written());
  return out.ok();
}

/// The site's fixed one, else the user's; HTTP/1.0 users may have none.
std::string Fetch::origin_host(const RequestHead& head) const {
  const model::Site& site = *site_.site;
  if (!site.origin_host.empty()) return site.origin_host;
  if (!task_.pass && !head.host.empty())  // what the key says (policy/key.h): the answer is for all of it
    return to_lower(head.host.substr(0, head.host.size() - (head.host.ends_with('.') ? 1 : 0)));
  if (!head.host.empty())
    return std::string(head.host) + (head.port.empty() ? "" : ":") + std::string(head.port);
  return site.hostnames.empty() ? site.origins.front().endpoint.to_string() : site.hostnames.front().name;
}

void Fetch::write_fields(HeadWriter& out, const RequestHead& head) const {
  out.field(FieldName::host, origin_host(head));
  const HopByHop hop(head.fields);
  for (const Field& field : head.fields)
    if (is_forwarded_request(field, hop, !task_.pass)) out.field(field.name, field.value);
  if (task_.stale && !unconditional_) {
    Fields& stored = worker_.scratch->fields;
    read_stored_fields(*task_.stale, stored);
    Fields& conditions = worker_.scratch->merged;
    conditions.clear();
    if (add_validation(read_validators(stored, worker_.loop.wall()), conditions))
      for (const Field& field : conditions) out.field(field.name, field.value);
  }

  char via[1024];
  out.field(FieldName::via, make_via(head.fields, head.minor, task_.request->view().pseudonym, via));
  out.field(FieldName::x_forwarded_for, task_.request->client().to_string());
  if (!head.host.empty()) out.field(FieldName::x_forwarded_host, head.host);
  out.field(FieldName::x_forwarded_proto, "http");
  if (!task_.upload) return;
  if (task_.upload->framing().kind == Framing::Kind::chunked)
    out.field(FieldName::transfer_encoding, "chunked");
  else
    out.field(FieldName::content_length, task_.upload->framing().length);
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
  while (task_.upload && !blocked && !task_.upload->data().empty()) {
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
  if (connection_ && connection_->connected()) send();
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
    if (scratch.response.status == 101 || ++interims_ > interims_max)
      return attempt_failed(note::bad_gateway, "an interim answer that nobody asked for");
    judged = 0;
  }
}

void Fetch::on_head(const ResponseHead& head, std::string_view rest) {
  response_time_ = worker_.loop.now();
  response_wall_ = worker_.loop.wall();
  RequestHead& request = worker_.scratch->request;
  task_.request->restore(request);

  const ResponseFraming framing = response_framing(head, request.method);
  if (framing.fault != Fault::none) return attempt_failed(note::bad_gateway, to_string(framing.fault));
  framing_ = framing.body;
  keep_alive_ = head.keep_alive && (framing_.kind != Framing::Kind::none || rest.empty());
  in_.clear();
  if (!task_.pass && head.status == 304) {
    if (!confirm_stored(request, head)) attempt_failed_on_304();
    return;
  }
  if (task_.stale && !task_.pass && is_origin_error(head.status) &&
      may_serve_after_error(stored_policy(*task_.stale), {}, response_time_).use == Use::serve) {
    leave_origin(false);
    return give_up(head.status);
  }
  invalidate(request, head);
  open(request, head);
  state_ = State::reading_body;
  timer_.arm_after(worker_.shared.timeouts.between_bytes);
  left_ = framing_.length;
  if (framing_.kind == Framing::Kind::chunked) chunks_.emplace();
  take_body(rest);
}

Exchange Fetch::exchange() const {
  return {request_time_, response_time_, response_wall_};
}

FreshnessOptions Fetch::freshness_options() const {
  FreshnessOptions options;
  const model::Rule* rule = task_.request->route().rule;
  if (rule != nullptr) options.lifetime = rule->ttl;
  options.stale_if_error = site_.site->cache.stale_if_error;
  return options;
}

// A 304 that does not speak of what we hold, or that nobody asked for: the object is asked for in full.
void Fetch::attempt_failed_on_304() {
  if (!task_.stale || unconditional_)
    return attempt_failed(note::bad_gateway, "304 to a request without conditions");
  unconditional_ = true;
  leave_origin(false);
  RequestHead& request = worker_.scratch->request;
  if (!write_request(request) || !connect_to(site_.site->origins[origin_], false)) give_up(note::bad_gateway);
}

/// RFC 9111 section 4.3.4. False when it does not fit the stored object.
bool Fetch::confirm_stored(const RequestHead& request, const ResponseHead& head) {
  if (!task_.stale || unconditional_) return false;
  Scratch& scratch = *worker_.scratch;
  const Object& stale = *task_.stale;
  read_stored_fields(stale, scratch.fields);
  if (!confirms(head.fields, scratch.fields)) return false;
  if (!merge_not_modified(scratch.fields, head.fields, scratch.merged)) return false;

  StoredMeta meta = stored_meta(stale);
  const ResponseDirectives directives = read_response_directives(scratch.merged);
  meta.policy = assess(meta.status, scratch.merged, directives, exchange(), freshness_options());
  HeadWriter out(scratch.head);
  out.prepared(stale.head().substr(0, meta.status_line));
  const HopByHop hop(head.fields);
  for (const Field& field : scratch.merged)
    if (is_stored(field, hop, directives)) out.field(field.name, field.value);
  std::string variant;
  if (!out.ok() || !make_variant(read_vary(scratch.merged), request.fields, variant)) return false;

  leave_origin(keep_alive_);
  task_.filler.note(note::confirmed);
  Draft draft{bytes_of(meta), variant, out.written(), std::nullopt, UINT64_MAX};
  finish(task_.filler.commit_refreshed(task_.stale, draft));
  return true;
}

void Fetch::open(const RequestHead& request, const ResponseHead& head) {
  Scratch& scratch = *worker_.scratch;
  const ResponseDirectives directives = read_response_directives(head.fields);
  const FreshnessOptions options = freshness_options();
  StoredMeta meta;
  meta.status = head.status;
  if (framing_.kind == Framing::Kind::length) meta.content_length = framing_.length;
  if (request.method == Method::head && head.fields.has(FieldName::content_length))
    meta.content_length =
        parse_decimal(head.fields.get(FieldName::content_length)).value_or(meta.content_length);
  meta.policy = assess(head.status, head.fields, directives, exchange(), options);

  const uint64_t size_max = site_.site->cache.object_size_max;
  const bool too_large = framing_.kind == Framing::Kind::length && framing_.length > size_max;
  StoreOptions storing;
  storing.lifetime_by_rule = options.lifetime.has_value();
  std::string variant;
  const bool store =
      !task_.pass && !too_large &&
      may_store(request, read_request_directives(request.fields), head, directives, storing).store() &&
      make_variant(read_vary(head.fields), request.fields, variant);

  HeadWriter out(scratch.head);
  out.status_line(head.status);
  meta.status_line = static_cast<uint16_t>(out.size());
  const HopByHop hop(head.fields);
  for (const Field& field : head.fields)
    if (is_forwarded_response(field, hop) && (!store || is_stored(field, hop, directives)))
      out.field(field.name, field.value);
  if (!head.fields.has(FieldName::date)) out.field(FieldName::date, worker_.date.at(response_wall_));
  char via[1024];
  out.field(FieldName::via, make_via(head.fields, head.minor, task_.request->view().pseudonym, via));

  std::optional<uint64_t> length;
  if (framing_.kind == Framing::Kind::length) length = framing_.length;
  if (framing_.kind == Framing::Kind::none) length = 0;
  const Draft draft{bytes_of(meta), variant, out.written(), length, size_max};
  if (store) return task_.filler.open(draft);
  const StoredMeta marker = marker_meta(response_time_);
  task_.filler.open_alone(draft, task_.pass ? std::span<const std::byte>{} : bytes_of(marker));
}

void Fetch::invalidate(const RequestHead& request, const ResponseHead& head) {
  const bool ignore_query = site_.site->cache.ignore_query;
  const Invalidation plan = plan_invalidation(site_.site->name, request, head, ignore_query);
  for (uint8_t i = 0; i < plan.count; ++i) {
    const std::string_view key = worker_.keys.make(plan.keys[i]);
    if (!key.empty()) worker_.store.purge(worker_.store.key(site_.state->space, key), Purge::hard);
  }
}

// --- answer: body ---

void Fetch::read_body() {
  if (task_.filler.fill().listeners() == 0 && !worth_finishing()) {
    if (task_.filler.passes()) return body_broken({});
    task_.filler.stop_storing();  // who finds it in the store just now has until the next bytes to listen
  }
  const bool direct = framing_.kind != Framing::Kind::chunked;  // straight into the store
  Scratch& scratch = *worker_.scratch;
  std::memcpy(scratch.in.data(), in_.data(), in_.size());
  std::span<char> room = direct ? task_.filler.room() : std::span(scratch.in).subspan(in_.size());
  if (framing_.kind == Framing::Kind::length) room = room.first(std::min<uint64_t>(room.size(), left_));
  const ssize_t n = connection_->read(room);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n == 0 && framing_.kind == Framing::Kind::until_close) return body_complete(false);
  if (n <= 0) return body_broken("broke off in the body");
  expect_more(static_cast<size_t>(n));
  if (!direct) return take_chunks({scratch.in.data(), in_.size() + static_cast<size_t>(n)});
  task_.filler.advance(static_cast<size_t>(n));
  body_moved(static_cast<size_t>(n), keep_alive_);
}

/// A trickle of an answer that one user alone waits for may be what he wants: events, a log. One that is
/// shared holds up everybody who asks for the object.
void Fetch::expect_more(size_t count) {
  const EdgeTimeouts& timeouts = worker_.shared.timeouts;
  moved_ += count;
  if (moved_ < timeouts.progress_bytes && !task_.filler.passes()) return;
  moved_ = 0;
  timer_.arm_after(timeouts.between_bytes);
}

/// Nobody listens. A refresh was never for anybody; else what is left must be little, or no more than has
/// come: or users who leave at once could make us fetch, and throw out others' objects for, what nobody
/// reads.
bool Fetch::worth_finishing() const {
  if (task_.filler.passes()) return false;
  if (!attended_) return true;
  if (framing_.kind != Framing::Kind::length) return received_ <= unattended_max;
  return left_ <= std::max(unattended_max, received_);
}

/// Bytes that came with the head, or of a chunked body. In the thread's scratch memory: after tell() they are
/// gone.
void Fetch::take_body(std::string_view bytes) {
  switch (framing_.kind) {
    case Framing::Kind::none:
      return body_complete(keep_alive_);
    case Framing::Kind::chunked:
      return take_chunks(bytes);
    case Framing::Kind::until_close:
      task_.filler.append(bytes);
      return body_moved(bytes.size(), false);
    case Framing::Kind::length: {
      const std::string_view body = bytes.substr(0, std::min<uint64_t>(bytes.size(), left_));
      task_.filler.append(body);
      return body_moved(body.size(), keep_alive_ && body.size() == bytes.size());
    }
  }
}

/// `count` more bytes are in the store; `reusable` should the body end here.
void Fetch::body_moved(size_t count, bool reusable) {
  worker_.counters.fill_bytes.add(count);
  received_ += count;
  if (framing_.kind == Framing::Kind::length) {
    left_ -= count;
    if (left_ == 0) return body_complete(reusable);
  }
  task_.filler.tell(worker_.loop);
  wait_for_room();
}

void Fetch::take_chunks(std::string_view bytes) {
  size_t count = 0;
  for (;;) {
    const ChunkedReader::Step step = chunks_->next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.state) {
      case ChunkedReader::State::data:
        task_.filler.append(step.data);
        count += step.data.size();
        break;
      case ChunkedReader::State::need_more:
        in_.assign(bytes);
        return body_moved(count, false);
      case ChunkedReader::State::done:
        worker_.counters.fill_bytes.add(count);
        return body_complete(keep_alive_ && bytes.empty());
      case ChunkedReader::State::error:
        return body_broken(to_string(step.fault));
    }
  }
}

void Fetch::wait_for_room() {
  if (state_ == State::ended) return;  // told followers, the last of which has given up
  Worker* worker = &worker_;
  const auto resume = [worker, self = this] {
    if (!worker->lives(self) || self->state_ != State::reading_body) return;
    self->connection_->want_read(true);
    self->timer_.arm_after(worker->shared.timeouts.between_bytes);
  };
  if (!task_.filler.full(worker_.loop, resume)) return;
  connection_->want_read(false);
  timer_.cancel();  // it is the reader who is slow, and watched for that
}

void Fetch::body_complete(bool reusable) {
  leave_origin(reusable);
  finish(task_.filler.commit());
}

void Fetch::body_broken(std::string_view why) {
  if (!why.empty())
    site_.origins[origin_]->failed(worker_.loop.now(), site_.site->name, site_.site->origins[origin_].name,
                                   why);
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
