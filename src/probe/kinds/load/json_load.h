// Reads CPU and memory shares out of a JSON page. The text is hostile.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace popnet::probe {

struct JsonFields {
  std::string cpu;     // JSON pointer (RFC 6901); empty = not read
  std::string memory;  // the same
  double scale = 1;    // what a machine in full use is
};

struct JsonFigures {
  std::optional<double> cpu;  // 0 .. 1
  std::optional<double> memory;
};

/// Errors are put for operators: "no number at /cpu".
Result<JsonFigures> read_json_load(std::string_view page, const JsonFields& fields);

/// Whether the text is a JSON pointer: empty, or "/..." with every '~' followed by 0 or 1.
Status is_json_pointer(const std::string& text);

}  // namespace popnet::probe
