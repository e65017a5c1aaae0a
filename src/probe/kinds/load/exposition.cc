#include "probe/kinds/load/exposition.h"

#include <charconv>
#include <cmath>
#include <string>

#include "common/text.h"

namespace popnet::probe {

namespace {

/// name{label="value",...} value [timestamp], borrowed from the page.
struct Line {
  std::string_view name;
  std::string_view labels;  // between the braces
  double value = 0;
};

/// The end of a label set: the first brace that is not inside quotes.
size_t closing_brace(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '}' && !quoted) {
      return i;
    }
  }
  return text.npos;
}

std::optional<Line> read_line(std::string_view text) {
  Line line;
  const size_t end = text.find_first_of("{ \t");
  if (end == text.npos || text.starts_with('#')) return std::nullopt;
  line.name = text.substr(0, end);
  text.remove_prefix(end);
  if (text.starts_with('{')) {
    text.remove_prefix(1);
    const size_t brace = closing_brace(text);
    if (brace == text.npos) return std::nullopt;
    line.labels = text.substr(0, brace);
    text.remove_prefix(brace + 1);
  }
  text = trim(text);
  const std::string_view number = text.substr(0, text.find_first_of(" \t"));
  const auto [rest, error] = std::from_chars(number.begin(), number.end(), line.value);
  if (error != std::errc() || rest != number.end() || !std::isfinite(line.value)) return std::nullopt;
  return line;
}

/// The value of label `name`, as written (escapes are not undone: the modes we look for have none); empty
/// when there is none.
std::string_view label(std::string_view labels, const std::string& name) {
  const std::string start = name + "=\"";
  size_t at = labels.find(start);
  while (at != labels.npos && at > 0 && labels[at - 1] != ',' && labels[at - 1] != ' ')
    at = labels.find(start, at + 1);
  if (at == labels.npos) return {};
  labels.remove_prefix(at + start.size());
  return labels.substr(0, labels.find('"'));
}

void take(const Line& line, NodeFigures& figures) {
  if (line.name == "node_cpu_seconds_total") {
    if (!figures.cpu) figures.cpu.emplace();
    const std::string_view mode = label(line.labels, "mode");
    figures.cpu->total += line.value;
    if (mode == "idle" || mode == "iowait") figures.cpu->idle += line.value;
  } else if (line.name == "node_memory_MemTotal_bytes") {
    figures.memory_total = line.value;
  } else if (line.name == "node_memory_MemAvailable_bytes") {
    figures.memory_available = line.value;
  }
}

}  // namespace

NodeFigures read_exposition(std::string_view page) {
  NodeFigures figures;
  while (!page.empty()) {
    const size_t end = page.find('\n');
    if (const auto line = read_line(trim(page.substr(0, end)))) take(*line, figures);
    page.remove_prefix(end == page.npos ? page.size() : end + 1);
  }
  return figures;
}

}  // namespace popnet::probe
