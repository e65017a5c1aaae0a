#include "http/edge/access_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/log.h"

namespace popnet::http {

namespace {

constexpr size_t ring_bytes = size_t{1} << 20;
constexpr size_t lines_bytes = 256 * 1024;  // written at a time
constexpr auto between_drains = std::chrono::milliseconds(20);
constexpr int drains_between_looks = 50;
constexpr size_t alignment = alignof(LogEntry);

constexpr size_t round_up(size_t n) {
  return (n + alignment - 1) / alignment * alignment;
}

size_t text_max(size_t text) {
  return text == LogEntry::path ? LogEntry::path_max : LogEntry::text_max;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

/// What users send is anything: neither quotes nor control characters, nor bytes that are no text, get out.
void put_json(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out += hex_digits[byte >> 4];
      out += hex_digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

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
    case LogField::time: {
      const auto since = entry.time.time_since_epoch();
      const auto ms = std::chrono::floor<std::chrono::milliseconds>(since) -
                      std::chrono::floor<std::chrono::seconds>(since);
      fmt::format_to(to, "\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\"", utc(entry.time), ms.count());
      return;
    }
    case LogField::request_id:
      return put_json(texts[LogEntry::request_id], out);
    case LogField::client:
      return put_json(entry.client.to_string(), out);
    case LogField::site:
      return put_json(texts[LogEntry::site], out);
    case LogField::method:
      return put_json(texts[LogEntry::method], out);
    case LogField::host:
      return put_json(texts[LogEntry::host], out);
    case LogField::path:
      return put_json(texts[LogEntry::path], out);
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
      return put_json(to_string(entry.outcome), out);
    case LogField::first_byte:
      fmt::format_to(to, "{:.6f}", seconds(entry.first_byte));
      return;
    case LogField::total:
      fmt::format_to(to, "{:.6f}", seconds(entry.total));
      return;
    case LogField::user_agent:
      return put_json(texts[LogEntry::user_agent], out);
    case LogField::referer:
      return put_json(texts[LogEntry::referer], out);
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
  entry.size = static_cast<uint32_t>(round_up(bytes));
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const size_t at = tail & (capacity_ - 1);
  const size_t to_end = capacity_ - at;
  const size_t skipped = entry.size > to_end ? to_end : 0;  // an entry lies in one piece
  if (tail + skipped + entry.size - head_.load(std::memory_order_acquire) > capacity_) {
    dropped_.add();
    return false;
  }
  std::byte* to = room_.get() + at;
  if (skipped > 0) {
    const uint32_t none = 0;
    std::memcpy(to + offsetof(LogEntry, size), &none, sizeof none);
    to = room_.get();
  }
  std::memcpy(to, &entry, sizeof entry);
  to += sizeof entry;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (entry.lengths[i] > 0) std::memcpy(to, texts[i].data(), entry.lengths[i]);
    to += entry.lengths[i];
  }
  tail_.store(tail + skipped + entry.size, std::memory_order_release);
  return true;
}

size_t LogRing::read(uint64_t position, LogEntry& entry, LogTexts& texts) const {
  const size_t at = position & (capacity_ - 1);
  const std::byte* from = room_.get() + at;
  std::memcpy(&entry.size, from + offsetof(LogEntry, size), sizeof entry.size);
  if (entry.size == 0) return capacity_ - at;
  std::memcpy(&entry, from, sizeof entry);
  const char* text = reinterpret_cast<const char*>(from + sizeof entry);
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i] = {text, entry.lengths[i]};
    text += entry.lengths[i];
  }
  return entry.size;
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
  if (const Status opened = log->reopen(); !opened.ok()) return opened.error();
  log->thread_ = std::thread([self = log.get()] { self->run(); });
  return log;
}

AccessLog::AccessLog(const model::AccessLog& options, int threads) : options_(options) {
  for (int i = 0; i < threads; ++i) rings_.push_back(std::make_unique<LogRing>(ring_bytes));
  lines_.reserve(lines_bytes + 64 * 1024);
}

AccessLog::~AccessLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

uint64_t AccessLog::dropped() const {
  uint64_t sum = unwritten_.load(std::memory_order_relaxed);
  for (const auto& ring : rings_) sum += ring->dropped();
  return sum;
}

Status AccessLog::reopen() {
  if (options_.file == "-") {
    file_ = rt::UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  } else {
    constexpr mode_t mode = 0640;
    file_ = rt::UniqueFd(::open(options_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode));
  }
  if (file_.valid()) return {};
  return Error{ErrorCode::machine,
               fmt::format("node.access_log.file: cannot open {}: {}", options_.file, std::strerror(errno))};
}

void AccessLog::run() {
  int looks_in = drains_between_looks;
  for (bool stop = false; !stop;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, between_drains, [this] { return stop_; });
      stop = stop_;
    }
    drain();
    if (--looks_in > 0) continue;
    looks_in = drains_between_looks;
    look_for_rotation();
  }
}

void AccessLog::drain() {
  for (const auto& ring : rings_) {
    ring->take([this](const LogEntry& entry, const LogTexts& texts) {
      if (options_.format == model::AccessLog::Format::combined)
        write_combined(entry, texts, lines_);
      else
        write_json(entry, texts, options_.fields, lines_);
      ++lines_count_;
      if (lines_.size() >= lines_bytes) flush();
    });
  }
  flush();
}

void AccessLog::flush() {
  std::string_view left = lines_;
  while (!left.empty()) {
    const ssize_t n = ::write(file_.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    left.remove_prefix(static_cast<size_t>(n));
  }
  const bool failed = !left.empty();
  if (failed && !failing_)
    log::warning("access log {}: {}: what cannot be written is dropped", options_.file, std::strerror(errno));
  failing_ = failed;
  (failed ? unwritten_ : written_).fetch_add(lines_count_, std::memory_order_relaxed);
  lines_.clear();
  lines_count_ = 0;
}

void AccessLog::look_for_rotation() {
  if (options_.file == "-") return;
  struct stat named {};
  struct stat open {};
  const bool there = ::stat(options_.file.c_str(), &named) == 0;
  if (file_.valid() && there && ::fstat(file_.get(), &open) == 0 && named.st_ino == open.st_ino &&
      named.st_dev == open.st_dev)
    return;
  const bool failed_before = !file_.valid();
  if (const Status opened = reopen(); !opened.ok() && !failed_before)
    log::warning("{}", opened.error().message);
}

}  // namespace popnet::http
