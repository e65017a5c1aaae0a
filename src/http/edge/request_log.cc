// The part of a Request that counts it, and tells people of it: the access log, its id, Server-Timing.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "http/edge/request.h"
#include "http/edge/worker.h"
#include "http/wire/scan.h"

namespace popnet::http {

void Request::log(uint64_t bytes) {
  WorkerCounters& counters = worker_.counters;
  counters.outcomes[static_cast<size_t>(outcome_)].add();
  counters.statuses[status_ / 100].add();
  counters.bytes_sent.add(bytes);
  const Duration first_byte = answered_ - begun_;
  const Duration total = std::max(answered_, worker_.loop.now()) - begun_;
  if (const Source source = source_of(outcome_); source != Source::none && status_ != 0) {
    counters.first_byte[static_cast<size_t>(source)].add(first_byte);
    counters.total[static_cast<size_t>(source)].add(total);
  }
  if (noted_) write_log(bytes, first_byte, total);
  if (site_ == nullptr) return;
  SiteCounters& site = site_->counters[static_cast<size_t>(worker_.index)];
  site.requests.add();
  if (is_hit(outcome_)) site.hits.add();
  site.bytes_sent.add(bytes);
  site.statuses[status_slot(status_)].add();
}

/// What the log will want of the head, which may be gone when the answer has been sent.
void Request::note(const RequestHead& head) {
  noted_ = true;
  note_.clear();
  keep(LogEntry::method, {head.method_text});
  keep(LogEntry::host, {head.host});
  keep(LogEntry::path, {head.target.path, head.target.has_query ? "?" : "", head.target.query});
  keep(LogEntry::user_agent, {head.fields.get(FieldName::user_agent)});
  keep(LogEntry::referer, {head.fields.get(FieldName::referer)});
  note_minor_ = head.minor;
}

/// As much as can be told of what is no request, as it was sent: by no other name will whoever sent it know it.
void Request::note_refused(std::string_view bytes) {
  noted_ = true;
  note_.clear();
  note_minor_ = 1;
  const auto next_line = [&bytes] {
    const size_t size = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, size);
    bytes.remove_prefix(std::min(size + 1, bytes.size()));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  };
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const std::string_view line = next_line();
  const size_t method_end = line.find(' ');
  if (method_end == line.npos || !scan::all(line.substr(0, method_end), scan::token)) return;
  const size_t last = line.rfind(' ');
  const bool versioned = last > method_end && line.substr(last + 1).starts_with("HTTP/");
  if (versioned && line.ends_with("/1.0")) note_minor_ = 0;
  keep(LogEntry::method, {line.substr(0, method_end)});
  std::string_view host;
  for (std::string_view field = next_line(); !field.empty() && host.empty(); field = next_line())
    if (iequals(field.substr(0, 5), "host:")) host = trim(field.substr(5), " \t");
  keep(LogEntry::host, {host});
  keep(LogEntry::path, {trim(line.substr(method_end, versioned ? last - method_end : line.npos), " ")});
}

void Request::keep(LogEntry::Text text, std::initializer_list<std::string_view> pieces) {
  const size_t before = note_.size();
  for (const std::string_view piece : pieces) note_.append(piece.substr(0, LogEntry::path_max));
  note_lengths_[text] = static_cast<uint16_t>(note_.size() - before);
}

void Request::write_log(uint64_t bytes, Duration first_byte, Duration total) {
  LogEntry entry;
  entry.status = status_;
  entry.outcome = outcome_;
  entry.minor = note_minor_;
  entry.client = peer_->address();
  entry.bytes = bytes;
  entry.time = worker_.loop.wall();
  entry.first_byte = status_ != 0 ? first_byte : Duration::zero();
  entry.total = total;
  LogTexts texts;
  std::string_view rest = note_;
  for (const auto text :
       {LogEntry::method, LogEntry::host, LogEntry::path, LogEntry::user_agent, LogEntry::referer}) {
    texts[text] = rest.substr(0, note_lengths_[text]);
    rest.remove_prefix(texts[text].size());
  }
  texts[LogEntry::site] = site_ != nullptr ? std::string_view(site_->name) : std::string_view{};
  texts[LogEntry::request_id] = request_id();
  (void)worker_.log->put(entry, texts);
}

/// The user's own is taken when it is short and plain: it goes to origins and into logs.
void Request::take_id(const Fields& fields) {
  const std::string_view id = fields.get(FieldName::x_request_id);
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (fields.repeated(FieldName::x_request_id) || id.size() > id_.size() ||
      !std::all_of(id.begin(), id.end(), plain))
    return;
  std::copy(id.begin(), id.end(), id_.begin());
  id_length_ = static_cast<uint8_t>(id.size());
}

std::string_view Request::request_id() {
  if (id_length_ == 0) {
    constexpr std::string_view digits = "0123456789abcdef";
    uint64_t number = worker_.random.next();
    for (id_length_ = 0; id_length_ < 16; ++id_length_, number >>= 4) id_[id_length_] = digits[number & 15];
  }
  return {id_.data(), id_length_};
}

/// Server-Timing, durations in milliseconds.
std::string_view Request::format_timing(std::span<char> room) const {
  const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  auto end = fmt::format_to_n(room.data(), room.size(), "cache;desc={}, edge;dur={:.3f}", to_string(outcome_),
                              ms(answered_ - begun_));
  size_t size = std::min(end.size, room.size());
  if (asker_ && asked_)
    size += std::min(fmt::format_to_n(room.data() + size, room.size() - size, ", origin;dur={:.3f}",
                                      ms(asked_->origin_time))
                         .size,
                     room.size() - size);
  return {room.data(), size};
}

}  // namespace popnet::http
