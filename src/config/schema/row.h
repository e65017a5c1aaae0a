// A row and a table without the struct they fill: what the loader and the manual walk. Made by
// config/schema/table.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace popnet::config {

enum class Type : uint8_t {
  text,
  file,
  dns_name,
  zone_name,
  integer,
  number,
  boolean,
  duration,
  size,
  bit_rate,
  choice,
  address,
  endpoint,
  prefix,
  section,
  probes
};
/// "text", "whole number", …: for the manual and for messages.
const char* to_string(Type type);

/// How many values, and how they are written.
enum class Form : uint8_t {
  one,   ///< key: value
  list,  ///< key: [value, value]; a lone scalar is a list of one
  map,   ///< key: {name: value, name: value}
};

/// When a change of the file is felt.
enum class Effect : uint8_t {
  live,     ///< at the next reload (SIGHUP, API, bus)
  restart,  ///< when the node starts anew
};

struct ChoiceName {
  std::string name;
  std::string help;
};

class TableBase;

/// What the manual says of a whole section.
struct About {
  About(const char* text, const char* yaml = "")
      : help(text), example(yaml) {}  // NOLINT: implicit on purpose
  std::string help;
  std::string example;  // YAML, as it would stand in the file under the section's key
};

/// One option. What it does it does to a member, of a type that only its maker knows; where that is in the struct that
/// the row's table describes says `offset`.
struct Row {
  std::string name;
  Type type = Type::text;
  Form form = Form::one;
  Effect effect = Effect::live;
  bool required = false;
  size_t count_max = SIZE_MAX;       // of a list or mapping
  bool optional_section = false;     // stays absent (or an empty list) unless written
  std::string bounds;                // in words: "10ms to 1m"; empty where the type says all
  std::vector<ChoiceName> choices;   // Type::choice only
  std::vector<std::string> presets;  // the default, as written in the file; several for a list
  std::string preset_help;           // the default in words, where it depends on other options
  std::string help;
  std::string content;               // Type::file only: what should be in it ("a master file")
  const TableBase* table = nullptr;  // Type::section only

  ptrdiff_t offset = 0;  // bytes
  std::function<Status(void* member, std::string_view text)> set_member;
  std::function<Status(void* member, const std::string& key, std::string_view text)> set_entry;
  std::function<void*(void* member)> open_member;
  std::function<bool(const void* a, const void* b)> same_members;

  // The same for the address of the struct.

  /// Scalars: parses and stores one value; appends to a list.
  Status set(void* object, std::string_view text) const { return set_member(at(object), text); }
  /// Form::map: stores one entry.
  Status set_key(void* object, const std::string& key, std::string_view text) const {
    return set_entry(at(object), key, text);
  }
  /// Sections and probes: the struct to fill; a new one at the end of a list.
  [[nodiscard]] void* open(void* object) const { return open_member(at(object)); }
  /// Has the option the same value in both? Of sections it cannot be told: yes.
  [[nodiscard]] bool same(const void* a, const void* b) const {
    return !same_members || same_members(at(a), at(b));
  }

  [[nodiscard]] bool is_scalar() const { return type != Type::section && type != Type::probes; }

 private:
  [[nodiscard]] void* at(void* object) const { return static_cast<char*>(object) + offset; }
  [[nodiscard]] const void* at(const void* object) const { return static_cast<const char*>(object) + offset; }
};

class TableBase {
 public:
  TableBase(const TableBase&) = delete;
  TableBase& operator=(const TableBase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& help() const { return about_.help; }
  [[nodiscard]] const std::string& example() const { return about_.example; }
  [[nodiscard]] std::span<const Row> rows() const { return rows_; }
  /// Null when there is no such option.
  [[nodiscard]] const Row* find(std::string_view name) const;
  /// The option whose name looks most like `name`; empty when none is near.
  [[nodiscard]] std::string nearest(std::string_view name) const;
  /// Gives every option its default, those of plain sections too.
  void fill_presets(void* object) const;
  /// Stores the default of one row.
  static void fill_preset(const Row& row, void* object);
  /// The table's own condition on a filled section.
  [[nodiscard]] Status check(const void* object) const { return condition_ ? condition_(object) : Status(); }

 protected:
  TableBase(std::string name, About about) : name_(std::move(name)), about_(std::move(about)) {}
  ~TableBase() = default;
  void add(Row row);

  std::function<Status(const void*)> condition_;

 private:
  std::string name_;
  About about_;
  std::vector<Row> rows_;
};

/// The refusal of a word that is none of `choices`, with the nearest one named.
Error not_a_choice(std::string_view text, std::span<const ChoiceName> choices);

/// The candidate that a slip of the finger would make into `word` (edit distance at most a third of its
/// length, at least 1); empty when there is none.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

}  // namespace popnet::config
