#include "http/edge/intake.h"

#include <algorithm>

#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/policy/tags.h"
#include "http/wire/list.h"
#include "http/wire/writer.h"

namespace popnet::http {

namespace {

constexpr Duration unshared_memory = std::chrono::seconds(120);  // "hit for miss"

std::span<const std::byte> bytes_of(const StoredMeta& meta) {
  return std::as_bytes(std::span(&meta, 1));
}

/// The variant of no object: Vary names fields, and "*" is none.
constexpr std::string_view no_variant = "*";

/// Refusals that speak of who has asked, how often, or how: what is stored is no worse for it. The others say that it is
/// gone.
bool is_about_asker(uint16_t status) {
  return status >= 400 && status < 500 && status != 404 && status != 410 && status != 451;
}

void append_line(std::string& out, const Field& field) {
  out.append(field.name).append(": ").append(field.value).append("\r\n");
}

}  // namespace

std::optional<ContentRange> placed_part(const ResponseHead& head, const Framing& framing) {
  if (head.status != 206 || framing.kind == Framing::Kind::none) return {};
  const auto place = parse_content_range(head.fields.get(FieldName::content_range));
  const bool agree =
      framing.kind != Framing::Kind::length || (place && place->range.size() == framing.length);
  return agree ? place : std::nullopt;
}

FreshnessOptions Intake::freshness_options() const {
  FreshnessOptions options;
  const model::Rule* rule = saved_.route().rule;
  if (rule != nullptr) options.lifetime = rule->ttl;
  options.stale_if_error = saved_.route().site->site->cache.stale_if_error;
  return options;
}

StoreOptions Intake::store_options() const {
  StoreOptions options;
  options.lifetime_by_rule = saved_.route().rule != nullptr && saved_.route().rule->ttl.has_value();
  const model::CacheOptions& cache = saved_.route().site->site->cache;
  options.set_cookie = cache.set_cookie;
  options.check_type = cache.check_type;
  return options;
}

bool Intake::take_tags(const Fields& fields) {
  std::vector<std::string_view> names;
  if (!read_tags(fields, names)) return false;
  const Space& space = saved_.route().site->state->space;
  for (const std::string_view name : names) tags_.push_back(space.tag(name));
  return true;
}

void Intake::write_via(const ResponseHead& head, HeadWriter& out) const {
  char via[1024];
  out.field(FieldName::via, make_via(head.fields, head.minor, saved_.view().received_by, via));
}

void Intake::take_new(const RequestHead& request, const ResponseHead& head, const Framing& framing,
                      bool may_keep) {
  // Of what is not stored nobody asks how long it is fresh, nor, unless it has an age already, how old it is.
  const ResponseDirectives directives =
      may_keep ? read_response_directives(head.fields) : ResponseDirectives{};
  meta_ = {};
  meta_.status = head.status;
  meta_.head_only = request.method == Method::head;
  meta_.aged = head.fields.has(FieldName::age);
  if (framing.kind == Framing::Kind::length) meta_.content_length = framing.length;
  if (meta_.head_only && head.fields.has(FieldName::content_length))
    meta_.content_length =
        parse_decimal(head.fields.get(FieldName::content_length)).value_or(meta_.content_length);
  if (may_keep || meta_.aged)
    meta_.policy = assess(head.status, head.fields, directives, exchange_, freshness_options());

  const model::CacheOptions& cache = saved_.route().site->site->cache;
  const auto place = placed_part(head, framing);
  std::optional<uint64_t> length;
  if (framing.kind == Framing::Kind::length) length = framing.length;
  if (framing.kind == Framing::Kind::none) length = 0;
  const bool too_large = (place ? place->range.size() : length.value_or(0)) > cache.object_size_max;
  const RequestDirectives asked = read_request_directives(request.fields);
  const StoreDecision decision =
      may_keep ? may_store(request, asked, head, directives, store_options()) : StoreDecision{};
  const bool varies_little = may_keep && make_variant(read_vary(head.fields), request.fields, variant_);
  keep_ = varies_little && !too_large && (head.status != 206 || place) && decision.store() &&
          take_tags(head.fields);
  if (keep_ && place) meta_.content_length = *(length = place->range.size());
  const bool whole = place && place->range.size() == place->whole;
  if (keep_ && whole) {
    meta_.status = 200;  // nothing is missing: it answers every request
  } else if (keep_ && place) {
    meta_.part_first = place->range.first;
    meta_.whole_size = place->whole;
  }

  meta_.version = keep_ ? version_of(head.fields, exchange_.response_wall, meta_.is_part()) : 0;

  HeadWriter out(worker_.scratch->head);
  out.status_line(meta_.status);
  meta_.status_line = static_cast<uint16_t>(out.size());
  const HopByHop hop(head.fields);
  bool dated = false;
  for (const Field& field : head.fields) {
    // Who asked gets the Age as it came, later ones what has become of it.
    if (field.id == FieldName::age && !own_age_ && !hop.has(field)) {
      append_line(own_lines_, field);
      own_age_ = true;
    }
    if (!is_forwarded_response(field, hop)) continue;
    dated = dated || field.id == FieldName::date;
    if (field.id == FieldName::content_range && keep_ && place) continue;  // made for each answer
    if (!keep_ || is_stored(field, hop, directives, cache.set_cookie))
      out.field(field.name, field.value);
    else if (field.id != FieldName::content_range)  // he may get a part, with ours
      append_line(own_lines_, field);
  }
  if (!dated) out.field(FieldName::date, worker_.date.at(exchange_.response_wall));
  write_via(head, out);

  draft_ = {bytes_of(meta_),       variant_, out.written(), length,
            cache.object_size_max, tags_,    stays_beside,  !meta_.head_only};
  // An origin that fails now says nothing about what it will answer when it works, nor a request about others, nor a part
  // that is too large, or whose place cannot be relied on, about other parts.
  const bool of_this_part = head.status == 206 && decision.store() && (!place || too_large);
  // Nor does a request about others of whose fields those that Vary names are too long to be kept.
  std::string of_nobody;
  const bool of_long_fields =
      may_keep && !varies_little && make_variant(read_vary(head.fields), Fields{}, of_nobody);
  if (may_keep && !is_origin_error(head.status) && !is_of_request(decision.why) && !of_this_part &&
      !of_long_fields) {
    const bool ends_variant = varies_little && !is_about_asker(head.status);
    leaves_ = {exchange_.response_time + unshared_memory,
               ends_variant ? std::string_view(variant_) : no_variant, has_tags(head.fields)};
  }
}

void Intake::take_sliced(const RequestHead& request, const ResponseHead& head, uint64_t whole, uint64_t slice,
                         uint64_t series) {
  take_new(request, head, {Framing::Kind::none, 0}, true);
  keep_ = keep_ && !strong_validator(read_validators(head.fields, exchange_.response_wall)).empty();
  meta_.content_length = whole;
  meta_.slice = slice;
  meta_.series = series;
}

/// The stored fields with those of `head`, as an object of that status.
bool Intake::merge(const Object& stored, const RequestHead& request, const ResponseHead& head,
                   uint16_t status) {
  Scratch& scratch = *worker_.scratch;
  read_stored_fields(stored, scratch.fields);
  if (!merge_update(scratch.fields, head.fields, scratch.merged)) return false;
  if (!scratch.merged.has(FieldName::date) &&
      !scratch.merged.add(FieldName::date, worker_.date.at(exchange_.response_wall)))
    return false;
  meta_ = stored_meta(stored);
  meta_.status = status;
  meta_.aged = head.fields.has(FieldName::age);
  const ResponseDirectives directives = read_response_directives(scratch.merged);
  const RequestDirectives asked = read_request_directives(request.fields);
  keep_ = may_update(request, asked, directives);
  if (forbids_storing(directives) && !asked.no_store)
    leaves_ = {exchange_.response_time + unshared_memory, stored.variant(),
               has_tags(head.fields) || !stored.tags().empty()};
  meta_.policy = assess(status, scratch.merged, directives, exchange_, freshness_options());

  HeadWriter out(scratch.head);
  if (status == stored_meta(stored).status)
    out.prepared(stored.head().substr(0, meta_.status_line));
  else
    out.status_line(status);
  meta_.status_line = static_cast<uint16_t>(out.size());
  const HopByHop hop(scratch.fields);                // what the update's Connection names has not been merged
  const bool via = head.fields.has(FieldName::via);  // without this hop, which what is stored has
  for (const Field& field : scratch.merged) {
    if (via && field.id == FieldName::via) continue;
    if (is_stored(field, hop, directives, saved_.route().site->site->cache.set_cookie))
      out.field(field.name, field.value);
    else if (is_forwarded_response(field, hop) && field.id != FieldName::content_range)
      append_line(own_lines_, field);
  }
  if (via) write_via(head, out);
  if (!out.ok() || !make_variant(read_vary(scratch.merged), request.fields, variant_)) return false;
  meta_.yields = meta_.is_default = false;  // it is the latest now
  meta_.version = version_of(scratch.merged, exchange_.response_wall, meta_.is_part() && status != 200);
  draft_ = {bytes_of(meta_), variant_, out.written(), std::nullopt,
            UINT64_MAX,      tags_,    stays_beside,  !meta_.head_only};
  return true;
}

bool Intake::take_update(const Object& stored, const RequestHead& request, const ResponseHead& head) {
  if (!merge(stored, request, head, stored_meta(stored).status)) return false;
  // The stored fields lack them: the object has its tags by itself.
  if (!has_tags(head.fields)) tags_.assign(stored.tags().begin(), stored.tags().end());
  if (!take_tags(head.fields)) return false;
  draft_.tags = tags_;
  return true;
}

bool Intake::take_joined(std::span<const ObjectRef> parts, const JoinPlan& plan, uint64_t whole,
                         const RequestHead& request, const ResponseHead& head) {
  size_t newest = parts.size() - 1;
  for (const auto* pieces : {&plan.before, &plan.behind}) {
    for (const JoinPlan::Piece& piece : *pieces) {
      newest = std::min(newest, piece.part);
      const std::span<const uint64_t> tags = parts[piece.part]->tags();
      tags_.insert(tags_.end(), tags.begin(), tags.end());
    }
  }
  const bool complete = plan.range.size() == whole;
  if (!merge(*parts[newest], request, head, complete ? 200 : 206) || !keep_ || !take_tags(head.fields))
    return false;
  std::sort(tags_.begin(), tags_.end());
  tags_.erase(std::unique(tags_.begin(), tags_.end()), tags_.end());
  meta_.content_length = plan.range.size();
  meta_.part_first = plan.range.first;
  meta_.whole_size = complete ? StoredMeta::unknown_length : whole;
  draft_.tags = tags_;
  draft_.length = meta_.content_length;
  draft_.size_max = saved_.route().site->site->cache.object_size_max;
  return *draft_.length <= draft_.size_max;
}

}  // namespace popnet::http
