#include "http/policy/path_reading.h"

#include <span>

#include "common/percent.h"
#include "common/text.h"

namespace popnet::http {
namespace {

bool is_unreserved(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// No reading is longer than the text: `out` has room for that.
std::string_view decode_unreserved(std::string_view text, char* out) {
  char* const begin = out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = escaped_byte(text, i);
    const bool decode = byte >= 0 && is_unreserved(byte);
    *out++ = decode ? static_cast<char>(byte) : text[i];
    if (decode) i += 2;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

std::string_view read_usual(std::string_view text, char* out) {
  char* const begin = out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = escaped_byte(text, i);
    char c = byte >= 0 ? static_cast<char>(byte) : text[i];
    if (byte >= 0) i += 2;
    if (c == '\\') c = '/';
    if (c == '/' && out != begin && out[-1] == '/') continue;
    *out++ = c;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

/// Of a usual reading. What is left empty by it goes too: "/;a/x" is "/x".
std::string_view drop_parameters(std::string_view text, char* out) {
  char* const begin = out;
  bool parameter = false;
  for (const char c : text) {
    parameter = c == ';' || (parameter && c != '/');
    if (parameter || (c == '/' && out != begin && out[-1] == '/')) continue;
    *out++ = c;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

bool has_dot_segment(std::string_view path) {
  for (size_t at = path.find("/."); at != path.npos; at = path.find("/.", at + 1)) {
    std::string_view rest = path.substr(at + 2);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '/') return true;
  }
  return false;
}

bool is_plain(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\\' || c == ';' || (c == '/' && before == '/')) return false;
    before = c;
  }
  return true;
}

}  // namespace

PathReadings::PathReadings(std::string_view path) : plain_(is_plain(path)) {
  if (path.empty()) path = "/";
  asked_ = usual_ = bare_ = path;
  if (!plain_) {
    if (path.size() > path_max) {
      refused_ = true;
      return;
    }
    asked_ = decode_unreserved(path, rooms_[0].data());
    usual_ = read_usual(path, rooms_[1].data());
    bare_ = drop_parameters(usual_, rooms_[2].data());
    refused_ = has_dot_segment(usual_) || has_dot_segment(bare_);
  }
  refused_ = refused_ || has_dot_segment(asked_);
}

std::string usual_reading(std::string_view text) {
  std::string out(text.size(), '\0');
  out.resize(read_usual(text, out.data()).size());
  return out;
}

}  // namespace popnet::http
