#include "demo/screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"

namespace popnet::demo {

std::string render(const std::vector<Advice>& advice, const Screen& room) {
  size_t longest_command = 0, longest_line = 0;
  for (const Advice& a : advice) longest_command = std::max(longest_command, a.command.size());
  for (const Advice& a : advice)
    longest_line = std::max(longest_line, 2 + longest_command + 4 + a.shows.size());
  const bool wide = longest_line <= room.columns;
  const bool high = 1 + 2 * advice.size() <= room.lines;
  std::string text = "try, in another terminal:\n";
  for (const Advice& a : advice) {
    if (wide)
      text += fmt::format("  {:<{}}  # {}\n", a.command, longest_command, a.shows);
    else if (high)
      text += fmt::format("  # {}\n  {}\n", a.shows, a.command);
    else
      text += fmt::format("  {}\n", a.command);
  }
  return text;
}

std::string fit(const std::string& text, const Screen& screen) {
  std::string fitting;
  size_t lines = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (lines == screen.lines) break;
    if (lines++ > 0) fitting += '\n';
    fitting += line.substr(0, screen.columns);
  }
  return fitting;
}

}  // namespace popnet::demo
