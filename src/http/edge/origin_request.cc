#include "http/edge/origin_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"
#include "http/policy/forwarding.h"
#include "http/wire/list.h"
#include "http/wire/writer.h"

namespace popnet::http {

namespace {

void append_port(std::string& host, std::string_view port) {
  if (!port.empty()) host.append(":").append(port);
}

/// What the origin learns of the host that was asked for. Of what may be stored it is what the key says
/// (policy/key.h), for the answer is for all of it; else the name is as the user wrote it.
std::string asked_host(const RequestHead& head, bool may_store) {
  std::string host(head.host);
  if (may_store) {
    for (char& c : host) c = to_lower(c);
    if (host.ends_with('.')) host.pop_back();
  }
  if (head.own_port != 0) append_port(host, std::to_string(head.own_port));
  return host;
}

/// The site's fixed one, else the user's; HTTP/1.0 users may have none.
std::string origin_host(const model::Site& site, const RequestHead& head, bool may_store) {
  if (!site.origin_host.empty()) return site.origin_host;
  if (!head.host.empty()) {
    std::string host = asked_host(head, may_store);
    if (!may_store && head.own_port == 0) append_port(host, head.port);
    return host;
  }
  return site.hostnames.empty() ? site.origins.front().endpoint.to_string() : site.hostnames.front().name;
}

ForWhom for_whom(Want want, bool may_store) {
  switch (want) {
    case Want::answer:
      return may_store ? ForWhom::first : ForWhom::asker;
    case Want::part:
      return ForWhom::part;
    case Want::whole:
    case Want::rest:
    case Want::slice:
      break;
  }
  return ForWhom::store;
}

/// RFC 9111 section 4.3.1.
void write_validation(Scratch& scratch, const Object& stored, WallTime now, HeadWriter& out) {
  read_stored_fields(stored, scratch.fields);
  scratch.merged.clear();
  if (!add_validation(read_validators(scratch.fields, now), scratch.merged)) return;
  for (const Field& field : scratch.merged) out.field(field.name, field.value);
}

/// RFC 9111 section 3.4: If-Range, so that the bytes that come fit those that are here.
void write_range(Scratch& scratch, const ByteRange& range, const Object* same_as, WallTime now,
                 HeadWriter& out) {
  out.field(FieldName::range, fmt::format("bytes={}-{}", range.first, range.last));
  if (same_as == nullptr) return;
  read_stored_fields(*same_as, scratch.fields);
  out.field(FieldName::if_range, strong_validator(read_validators(scratch.fields, now)));
}

void write_body_framing(const Upload& upload, HeadWriter& out) {
  switch (upload.framing().kind) {
    case Framing::Kind::chunked:
      return out.field(FieldName::transfer_encoding, "chunked");
    case Framing::Kind::length:
      return out.field(FieldName::content_length, upload.framing().length);
    case Framing::Kind::until_close:  // a tunnel
      out.field(FieldName::connection, "upgrade");
      return out.field(FieldName::upgrade, "websocket");
    case Framing::Kind::none:
      return;
  }
}

/// RFC 9110 section 8.6: these are sent with a length also where they carry nothing.
bool expects_content(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch;
}

/// RFC 9112 section 3.2.4: OPTIONS with an absolute target that has neither path nor query.
bool is_about_server(const RequestHead& head) {
  const Target& target = head.target;
  if (head.method != Method::options || target.form != TargetForm::absolute) return false;
  return target.text.find_first_of("/?", target.text.find("://") + 3) == target.text.npos;
}

/// RFC 9110 section 7.6.2.
void write_max_forwards(const RequestHead& head, HeadWriter& out) {
  const auto left = parse_decimal(head.fields.get(FieldName::max_forwards));
  if (left && *left > 0) out.field(FieldName::max_forwards, *left - 1);
}

}  // namespace

std::string origin_name(const model::Site& site, const RequestHead& head, bool may_store) {
  std::string name = to_lower(origin_host(site, head, may_store));
  if (name.starts_with('[')) return name.substr(1, name.find(']') - 1);
  name.resize(std::min(name.size(), name.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool write_origin_request(Scratch& scratch, const SavedRequest& request, const RequestHead& head,
                          const OriginRequest& what, WallTime now, std::string& text) {
  HeadWriter out(scratch.head);
  out.request_line(head.method_text, is_about_server(head) ? Target{.path = "*"} : head.target);
  const model::Site& site = *request.route().site->site;
  const std::string asked = asked_host(head, what.may_store);
  const bool as_asked = site.origin_host.empty() && !head.host.empty() && what.may_store;
  out.field(FieldName::host, as_asked ? asked : origin_host(site, head, what.may_store));
  const HopByHop hop(head.fields);
  const ForWhom whom =
      for_whom(what.want, what.may_store && (head.method == Method::get || head.method == Method::head));
  const bool counted = head.method == Method::options && head.fields.has(FieldName::max_forwards);
  for (const Field& field : head.fields) {
    if (!is_forwarded_request(field, hop, whom)) continue;
    if (!counted || field.id != FieldName::max_forwards) out.field(field.name, field.value);
  }
  if (counted) write_max_forwards(head, out);
  if (what.validate != nullptr) write_validation(scratch, *what.validate, now, out);
  if (what.range) write_range(scratch, *what.range, what.same_as, now, out);
  char via[1024];
  out.field(FieldName::via, make_via(head.fields, head.minor, request.view().received_by, via));
  out.field(FieldName::x_forwarded_for, request.client().to_string());
  if (!head.host.empty()) out.field(FieldName::x_forwarded_host, asked);
  out.field(FieldName::x_forwarded_proto, "http");
  out.field(FieldName::x_request_id, request.request_id());
  if (what.upload != nullptr)
    write_body_framing(*what.upload, out);
  else if (expects_content(head.method))
    out.field(FieldName::content_length, uint64_t{0});
  out.end();
  text.assign(out.written());
  return out.ok();
}

}  // namespace popnet::http
