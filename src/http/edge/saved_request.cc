#include "http/edge/saved_request.h"

#include "http/edge/spares.h"

namespace popnet::http {

void SavedRequest::save(const RequestHead& head, const Route& route, std::shared_ptr<const View> view,
                        const IpAddress& client, std::string_view request_id) {
  method_ = head.method;
  own_port_ = head.own_port;
  https_ = head.https;
  minor_ = head.minor;
  keep_alive_ = head.keep_alive;
  expect_continue_ = head.expect_continue;
  body_ = head.body;
  route_ = route;
  view_ = std::move(view);
  client_ = client;
  const Target& t = head.target;
  size_t bytes = head.method_text.size() + t.text.size() + t.path.size() + t.query.size() + head.host.size() +
                 head.port.size() + request_id.size();
  for (const Field& f : head.fields) bytes += f.name.size() + f.value.size();
  bytes_.reserve(bytes);
  method_text_ = keep(head.method_text);
  target_ = {t.form, keep(t.text), keep(t.path), keep(t.query), t.has_query};
  host_ = keep(head.host);
  port_ = keep(head.port);
  request_id_ = keep(request_id);
  lines_.reserve(head.fields.size());
  for (const Field& f : head.fields) {
    const std::string_view name = keep(f.name);
    lines_.push_back({f.id, name, keep(f.value)});
  }
  route_.path = target_.path;
}

void SavedRequest::clear() {
  clear_text(bytes_);
  lines_.clear();
  view_.reset();
}

std::string_view SavedRequest::keep(std::string_view text) {
  const size_t at = bytes_.size();
  bytes_.append(text);
  return std::string_view(bytes_).substr(at);
}

void SavedRequest::restore(RequestHead& head) const {
  head.method = method_;
  head.method_text = method_text_;
  head.target = target_;
  head.host = host_;
  head.port = port_;
  head.own_port = own_port_;
  head.https = https_;
  head.minor = minor_;
  head.keep_alive = keep_alive_;
  head.expect_continue = expect_continue_;
  head.body = body_;
  head.fields.clear();
  for (const Field& f : lines_) (void)head.fields.add(f.id, f.name, f.value);
}

}  // namespace popnet::http
