#include "http/edge/access_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "records/text.h"

namespace popnet::http {

namespace {

constexpr size_t ring_bytes = size_t{1} << 20;
constexpr auto between_drains = std::chrono::milliseconds(20);
constexpr int drains_between_looks = 50;

size_t text_max(size_t text) {
  return text == LogEntry::path ? LogEntry::path_max : LogEntry::text_max;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

void put_escaped(std::string_view text, std::string& out) {
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += hex_digits[byte >> 4];
      out += hex_digits[byte & 15];
    } else {
      out += c;
    }
  }
}

std::tm utc(WallTime time) {
  return fmt::gmtime(
      static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count()));
}

constexpr std::array<model::LogField, 15> all_fields = {
    model::LogField::time,  model::LogField::request_id, model::LogField::client,
    model::LogField::site,  model::LogField::method,     model::LogField::host,
    model::LogField::path,  model::LogField::protocol,   model::LogField::status,
    model::LogField::bytes, model::LogField::cache,      model::LogField::first_byte,
    model::LogField::total, model::LogField::user_agent, model::LogField::referer};

const char* name_of(model::LogField field) {
  static constexpr std::array<const char*, all_fields.size()> names = {
      "time",   "request_id", "client", "site",       "method", "host",       "path",   "protocol",
      "status", "bytes",      "cache",  "first_byte", "total",  "user_agent", "referer"};
  return names[static_cast<size_t>(field)];
}

void put_value(const LogEntry& entry, const LogTexts& texts, model::LogField field, std::string& out) {
  using model::LogField;
  const auto to = std::back_inserter(out);
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  switch (field) {
    case LogField::time:
      return records::put_json_time(entry.time, out);
    case LogField::request_id:
      return records::put_json(texts[LogEntry::request_id], out);
    case LogField::client:
      return records::put_json(entry.client.to_string(), out);
    case LogField::site:
      return records::put_json(texts[LogEntry::site], out);
    case LogField::method:
      return records::put_json(texts[LogEntry::method], out);
    case LogField::host:
      return records::put_json(texts[LogEntry::host], out);
    case LogField::path:
      return records::put_json(texts[LogEntry::path], out);
    case LogField::protocol:
      fmt::format_to(to, "\"HTTP/1.{}\"", entry.minor);
      return;
    case LogField::status:
      fmt::format_to(to, "{}", entry.status);
      return;
    case LogField::bytes:
      fmt::format_to(to, "{}", entry.bytes);
      return;
    case LogField::cache:
      return records::put_json(to_string(entry.outcome), out);
    case LogField::first_byte:
      fmt::format_to(to, "{:.6f}", seconds(entry.first_byte));
      return;
    case LogField::total:
      fmt::format_to(to, "{:.6f}", seconds(entry.total));
      return;
    case LogField::user_agent:
      return records::put_json(texts[LogEntry::user_agent], out);
    case LogField::referer:
      return records::put_json(texts[LogEntry::referer], out);
  }
}

}  // namespace

// --- the ring ---

bool LogRing::put(LogEntry entry, const LogTexts& texts) {
  size_t bytes = sizeof(LogEntry);
  for (size_t i = 0; i < texts.size(); ++i) {
    entry.lengths[i] = static_cast<uint16_t>(std::min(texts[i].size(), text_max(i)));
    bytes += entry.lengths[i];
  }
  std::byte* to = ring_.reserve(bytes);
  if (to == nullptr) return false;
  std::memcpy(to, &entry, sizeof entry);
  to += sizeof entry;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (entry.lengths[i] > 0) std::memcpy(to, texts[i].data(), entry.lengths[i]);
    to += entry.lengths[i];
  }
  ring_.commit();
  return true;
}

void LogRing::read(std::span<const std::byte> record, LogEntry& entry, LogTexts& texts) {
  std::memcpy(&entry, record.data(), sizeof entry);
  const char* text = reinterpret_cast<const char*>(record.data() + sizeof entry);
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i] = {text, entry.lengths[i]};
    text += entry.lengths[i];
  }
}

// --- lines ---

void write_json(const LogEntry& entry, const LogTexts& texts, std::span<const model::LogField> fields,
                std::string& out) {
  if (fields.empty()) fields = all_fields;
  char before = '{';
  for (const model::LogField field : fields) {
    out += before;
    before = ',';
    out.append("\"").append(name_of(field)).append("\":");
    put_value(entry, texts, field, out);
  }
  out += "}\n";
}

void write_combined(const LogEntry& entry, const LogTexts& texts, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{} - - [{:%d/%b/%Y:%H:%M:%S} +0000] \"", entry.client.to_string(),
                 utc(entry.time));
  put_escaped(texts[LogEntry::method], out);
  out += ' ';
  put_escaped(texts[LogEntry::path], out);
  fmt::format_to(std::back_inserter(out), " HTTP/1.{}\" {} {} \"", entry.minor, entry.status, entry.bytes);
  put_escaped(texts[LogEntry::referer], out);
  out += "\" \"";
  put_escaped(texts[LogEntry::user_agent], out);
  out += "\"\n";
}

// --- the log ---

Result<std::unique_ptr<AccessLog>> AccessLog::open(const model::AccessLog& options, int threads) {
  std::unique_ptr<AccessLog> log(new AccessLog(options, threads));
  if (const Status opened = log->file_.open(); !opened.ok()) return opened.error();
  log->thread_ = std::make_unique<records::Periodic>("access-log", between_drains,
                                                     [self = log.get()] { self->drain(); });
  return log;
}

AccessLog::AccessLog(const model::AccessLog& options, int threads)
    : options_(options), file_(options.file, "node.access_log.file") {
  for (int i = 0; i < threads; ++i) rings_.push_back(std::make_unique<LogRing>(ring_bytes));
}

AccessLog::~AccessLog() = default;

uint64_t AccessLog::dropped() const {
  uint64_t sum = file_.unwritten();
  for (const auto& ring : rings_) sum += ring->dropped();
  return sum;
}

void AccessLog::drain() {
  for (const auto& ring : rings_) {
    ring->take([this](const LogEntry& entry, const LogTexts& texts) {
      if (options_.format == model::AccessLog::Format::combined)
        write_combined(entry, texts, file_.lines());
      else
        write_json(entry, texts, options_.fields, file_.lines());
      file_.line_added();
    });
  }
  file_.flush();
  if (--looks_in_ > 0) return;
  looks_in_ = drains_between_looks;
  file_.look_for_rotation();
}

}  // namespace popnet::http
