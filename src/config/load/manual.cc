#include "config/load/manual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "config/schema/tables.h"

namespace popnet::config {

namespace {

constexpr std::string_view introduction =
    R"(<!-- Written by `popnet manual` from the option tables in src/config/schema. Do not edit. -->
# Configuration

A node reads one YAML file: `popnet serve --config FILE`. Every option has a default unless it is marked *required*, so
the smallest useful files have a dozen lines; `examples/` has complete ones.

- `popnet check --config FILE` finds everything that is wrong, each as `file:line:column: key: what is wrong, what would
  be right`. Warnings say what is allowed but probably not meant.
- `--set path=value` overrides any option from the command line, for instance
  `--set sites.0.origins.0.address=127.0.0.1:8000`. Elements of lists are counted from 0. What is missing on the way is
  made; the number just behind the end of a list adds an element.
- A key that is not known is an error, and so is a key that stands twice. A key with nothing behind it is as good as not
  written. A single value may stand where a list is expected.
- YAML's anchors, aliases and merge keys (`<<: *name`) work.
- `SIGHUP` or the API make a node read its file again. All of it is taken, or, when something is wrong, nothing. The
  column *change* says when a new value is felt: at this *reload*, or at the next *restart*.
- Relative paths count from the folder of the file they are written in; in `--set`, from the working directory.

## Values

| type | written like | |
|---|---|---|
| text | `shop` | In quotes where YAML would see something else: `"*"`, `"/a: b"`. |
| file | `/etc/popnet/ca.pem` | Its path. A relative one counts from the folder of the file it is written in; in `--set`, from the working directory. It has to be there, and to be a file: no pipe, no device. |
| DNS name | `www.example.com` | Letters, digits, `-` and `_`; case and a final dot do not matter. |
| whole number, number | `8`, `0.25` | |
| true or false | `true` | |
| duration | `500ms`, `20s`, `1h30m` | Units ns, us, ms, s, m, h, d. A bare number is refused. |
| size | `64KiB`, `512MiB`, `20GB` | kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024. |
| bit rate | `500Mbit`, `10Gbit` | Each second; bit, kbit, Mbit, Gbit, Tbit, powers of 1000. |
| IP address | `192.0.2.1`, `"2001:db8::1"` | |
| address:port | `192.0.2.1:80`, `"[2001:db8::1]:80"` | |
| address prefix | `198.51.100.0/24` | No bits may be set behind the length. |
| choice | `least_load` | One of the words listed. |
)";

/// Text that may stand in a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

/// Where GitHub and most others put the anchor of a heading.
std::string link_to(const TableBase& table) {
  return fmt::format("[{0}](#{0})", table.name());
}

std::string type_of(const Row& row) {
  std::string type;
  if (row.type == Type::section) type = fmt::format("section {}", link_to(*row.table));
  if (row.type == Type::probes) type = "list of [probes](#probes)";
  if (type.empty()) type = to_string(row.type);
  if (row.form == Form::list && row.type != Type::probes)
    type = row.table ? "list of " + link_to(*row.table) : fmt::format("list ({})", type);
  if (row.form == Form::map) type = fmt::format("mapping (name: {})", type);
  if (!row.bounds.empty()) type += ", " + row.bounds;
  return row.count_max == SIZE_MAX ? type : fmt::format("{}, at most {}", type, row.count_max);
}

std::string default_of(const Row& row) {
  if (row.required) return "*required*";
  if (!row.preset_help.empty()) return row.preset_help;
  if (row.presets.size() > 1) return fmt::format("`[{}]`", fmt::join(row.presets, ", "));
  if (row.presets.size() == 1)
    return row.presets.front().empty() ? "empty" : fmt::format("`{}`", row.presets.front());
  return row.type == Type::section && !row.optional_section ? "its own defaults" : "none";
}

std::string meaning_of(const Row& row) {
  std::string meaning = row.help;
  for (const ChoiceName& choice : row.choices) {
    meaning += fmt::format("<br>`{}`", choice.name);
    if (!choice.help.empty()) meaning += ": " + choice.help;
  }
  return meaning.starts_with("<br>") ? meaning.substr(4) : meaning;
}

const char* change_of(const Row& row) {
  if (!row.is_scalar() && row.table) return "";  // its own options say
  return row.effect == Effect::live ? "reload" : "restart";
}

std::string rows_of(const TableBase& table) {
  if (table.rows().empty()) return "No options of its own.\n";
  std::string out = "| option | type | default | change | meaning |\n|---|---|---|---|---|\n";
  for (const Row& row : table.rows())
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, cell(type_of(row)), cell(default_of(row)),
                       change_of(row), cell(meaning_of(row)));
  return out;
}

std::string section_of(const TableBase& table, std::string_view heading) {
  std::string out = fmt::format("\n{}\n\n{}\n\n{}", heading, table.help(), rows_of(table));
  if (!table.example().empty()) out += fmt::format("\n```yaml\n{}```\n", table.example());
  return out;
}

/// The tables of a file in the order of the manual: top-level sections, each followed by what only it has in
/// it; what several sections share comes at the end.
class Outline {
 public:
  struct Part {
    const TableBase* table;
    int depth;  // 0: top level
  };

  Outline() {
    count(config_table());
    for (const Row& row : config_table().rows()) walk(*row.table, 0);
    shared_.push_back({&probe_table(), 0});
  }

  [[nodiscard]] const std::vector<Part>& sections() const { return sections_; }
  [[nodiscard]] const std::vector<Part>& shared() const { return shared_; }

 private:
  void count(const TableBase& table) {
    for (const Row& row : table.rows())
      if (row.table && ++uses_[row.table] == 1) count(*row.table);
  }
  void walk(const TableBase& table, int depth) {
    auto& parts = uses_[&table] > 1 ? shared_ : sections_;
    const auto same = [&](const Part& part) { return part.table == &table; };
    if (std::any_of(parts.begin(), parts.end(), same)) return;
    parts.push_back({&table, depth});
    for (const Row& row : table.rows())
      if (row.table) walk(*row.table, depth + 1);
  }

  std::map<const TableBase*, int> uses_;
  std::vector<Part> sections_;
  std::vector<Part> shared_;
};

}  // namespace

std::string manual(std::span<const KindTable> kinds) {
  const Outline outline;
  std::string out(introduction);
  out += section_of(config_table(), "## The file");
  for (const auto& [table, depth] : outline.sections())
    out += section_of(*table, fmt::format("{} {}", depth == 0 ? "##" : "###", table->name()));
  out += "\n## Shared sections\n\nThese stand in more than one place.\n";
  for (const auto& [table, depth] : outline.shared())
    out += section_of(*table, fmt::format("### {}", table->name()));
  out += "\n## Kinds of probe\n\nThe options of a kind stand beside those that every [probe](#probes) has.\n";
  for (const KindTable& kind : kinds) {
    out += section_of(*kind.table, fmt::format("### Kind {}", kind.name));
    if (!kind.affects_health) out += "\nMeasures load: `affects_health` is false unless written.\n";
  }
  return out;
}

}  // namespace popnet::config
