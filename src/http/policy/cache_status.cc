#include "http/policy/cache_status.h"

#include <algorithm>
#include <charconv>

#include "http/wire/scan.h"

namespace popnet::http {
namespace {

std::string_view to_string(CacheForward forward) {
  switch (forward) {
    case CacheForward::none:
      return "";
    case CacheForward::bypass:
      return "bypass";
    case CacheForward::method:
      return "method";
    case CacheForward::uri_miss:
      return "uri-miss";
    case CacheForward::vary_miss:
      return "vary-miss";
    case CacheForward::miss:
      return "miss";
    case CacheForward::request:
      return "request";
    case CacheForward::stale:
      return "stale";
    case CacheForward::partial:
      return "partial";
  }
  return "";
}

class ValueWriter {
 public:
  explicit ValueWriter(std::span<char> room) : room_(room) {}

  void put(std::string_view text) {
    ok_ = ok_ && room_.size() - size_ >= text.size();
    if (!ok_) return;
    std::copy(text.begin(), text.end(), room_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
  }
  void put(int64_t number) {
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    put({digits, static_cast<size_t>(end - digits)});
  }
  /// A token of structured fields (RFC 8941 section 3.3.4) as it is, anything else as a string.
  void put_name(std::string_view name) {
    const bool letter = !name.empty() && ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z');
    if (letter && scan::all(name, scan::token)) return put(name);
    put("\"");
    for (const char c : name) {
      if (c < 0x20 || c == 0x7f) continue;
      if (c == '"' || c == '\\') put("\\");
      put({&c, 1});
    }
    put("\"");
  }
  [[nodiscard]] std::string_view text() const {
    return ok_ ? std::string_view(room_.data(), size_) : std::string_view{};
  }

 private:
  std::span<char> room_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace

std::string_view format_cache_status(std::string_view cache, const CacheStatus& status,
                                     std::span<char> room) {
  ValueWriter out(room);
  out.put_name(cache);
  if (status.forward == CacheForward::none) {
    out.put("; hit");
  } else {
    out.put("; fwd=");
    out.put(to_string(status.forward));
  }
  if (status.forward_status) {
    out.put("; fwd-status=");
    out.put(int64_t{*status.forward_status});
  }
  if (status.ttl) {
    out.put("; ttl=");
    out.put(std::chrono::floor<std::chrono::seconds>(*status.ttl).count());
  }
  if (status.stored) out.put("; stored");
  if (status.collapsed) out.put("; collapsed");
  if (!status.detail.empty()) {
    out.put("; detail=");
    out.put_name(status.detail);
  }
  return out.text();
}

}  // namespace popnet::http
