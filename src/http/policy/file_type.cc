#include "http/policy/file_type.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "common/text.h"
#include "http/policy/path_reading.h"

namespace popnet::http {
namespace {

/// A kind of files: how they end, and how their media types begin (RFC 6838; "image/" is all of a kind).
struct Kind {
  std::array<std::string_view, 12> endings;
  std::array<std::string_view, 6> types;
};
constexpr Kind kinds[] = {
    {{"css"}, {"text/css"}},
    {{"js", "mjs"}, {"text/javascript", "application/javascript", "application/x-javascript"}},
    {{"json", "map"}, {"application/json", "text/json"}},
    {{"wasm"}, {"application/wasm"}},
    {{"png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "tif", "tiff", "jxl"}, {"image/"}},
    {{"woff", "woff2", "ttf", "otf", "eot"},
     {"font/", "application/font", "application/x-font", "application/vnd.ms-fontobject"}},
    {{"mp4", "webm", "mov", "mkv", "avi", "m4v", "ogv", "m4s", "ts"},
     {"video/", "audio/", "application/mp4", "application/vnd.apple.mpegurl"}},
    {{"mp3", "ogg", "oga", "wav", "flac", "m4a", "aac", "opus"}, {"audio/", "video/", "application/ogg"}},
    {{"m3u8"},
     {"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"}},
    {{"mpd"}, {"application/dash+xml"}},
    {{"pdf"}, {"application/pdf"}},
    {{"zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar"}, {"application/"}},
    {{"exe", "msi", "deb", "rpm", "apk", "dmg", "iso", "bin", "jar", "class"}, {"application/"}},
    {{"doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods"}, {"application/"}},
    {{"csv"}, {"text/csv", "text/plain", "application/csv"}},
    {{"txt"}, {"text/plain"}},
    {{"xml", "xsl", "rss", "atom"},
     {"text/xml", "application/xml", "application/rss", "application/atom", "application/xslt"}},
};
/// "application/" of an archive or a document is any but these, in which applications answer their users.
constexpr std::string_view answers[] = {"application/json", "application/xml", "application/xhtml",
                                        "application/javascript"};

std::string_view ending_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  return dot == name.npos ? std::string_view{} : name.substr(dot + 1);
}

bool begins_with(std::string_view text, std::string_view begin) {
  return iequals(text.substr(0, begin.size()), begin);
}

bool is_of(const Kind& kind, std::string_view type) {
  return std::any_of(kind.types.begin(), kind.types.end(), [&](std::string_view begin) {
    if (begin.empty() || !begins_with(type, begin)) return false;
    return begin != "application/" || std::none_of(std::begin(answers), std::end(answers),
                                                   [&](std::string_view a) { return begins_with(type, a); });
  });
}

bool fits(std::string_view path, std::string_view type) {
  const std::string_view ending = ending_of(path);
  if (ending.empty()) return true;
  for (const Kind& kind : kinds)
    for (const std::string_view known : kind.endings)
      if (!known.empty() && iequals(known, ending)) return is_of(kind, type);
  return true;
}

}  // namespace

bool type_fits_path(std::string_view path, std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')), " \t");
  if (iequals(type, "application/octet-stream")) return true;
  const PathReadings readings(path);
  if (readings.refused()) return false;
  return fits(readings.asked(), type) && fits(readings.usual(), type) && fits(readings.bare(), type);
}

}  // namespace popnet::http
