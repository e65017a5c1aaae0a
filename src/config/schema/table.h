// The typed option table: one row defines an option of the config file completely: its name, type, unit,
// bounds, default, help, the effect of a change, and the member of the struct that it fills. The loader,
// `--set`, `popnet check` and the manual walk the same rows, so none of them can drift from another.
//
//   const Table<HttpOptions>& http_options() {
//     static const Table<HttpOptions> table("http", "Fetches a URL and takes the time to its first byte.", {
//       option("path", &HttpOptions::path).text("/").help("Path and query to ask for."),
//       option("port", &HttpOptions::port).integer(0, 65535, 0).help("Port; 0 means the target's own."),
//       option("follow", &HttpOptions::follow).boolean(false).help("Follow redirects."),
//     });
//     return table;
//   }
//
// The member's type gives the form: T is one value, std::optional<T> one that may be absent, std::vector<T> a
// list. A default is written as in the file and is parsed by the row itself, so it obeys the row's own
// bounds. A row or a default that contradicts itself is our bug and throws std::logic_error when the table is
// made.
//
// A table is immutable once made, and any thread may read it. Nothing here knows YAML: scalars arrive as
// text.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/units.h"
#include "config/schema/row.h"
#include "config/schema/scalar.h"
#include "model/config.h"

namespace popnet::config {

namespace detail {

template <class M>
struct Element {
  using Type = M;
  static constexpr Form form = Form::one;
  static M& slot(M& member) { return member; }
};
template <class T>
struct Element<std::optional<T>> {
  using Type = T;
  static constexpr Form form = Form::one;
  static T& slot(std::optional<T>& member) { return member.emplace(); }
};
template <class T>
struct Element<std::vector<T>> {
  using Type = T;
  static constexpr Form form = Form::list;
  static T& slot(std::vector<T>& member) { return member.emplace_back(); }
};

/// From the text in the file to the value.
template <class T>
using Parse = std::function<Result<T>(std::string_view text)>;
/// A condition on one value.
template <class T>
using Check = std::function<Status(const T& value)>;

/// For values that we wrote into a table ourselves.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::logic_error(result.error().message);
  return std::move(result).value();
}

}  // namespace detail

template <class S>
class Table;

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

/// One value of a choice: as written, as held, and what it means.
template <class T>
struct Choice {
  std::string name;
  T value;
  std::string help = {};
};

// What depends on the member's type alone stands outside of Option, for the compiler's sake: tables have many structs,
// and few types.
namespace detail {

inline Parse<std::string> text() {
  return [](std::string_view text) -> Result<std::string> { return std::string(text); };
}
inline Parse<double> number(double low, double high) {
  return [=](std::string_view text) { return parse_number(text, low, high); };
}
inline Parse<Duration> duration(const std::string& low, const std::string& high) {
  return [low = must(parse_duration(low)), high = must(parse_duration(high))](std::string_view text) {
    return parse_duration_between(text, low, high);
  };
}
inline Parse<uint64_t> size(const std::string& low, const std::string& high) {
  return [low = must(parse_size(low)), high = must(parse_size(high))](std::string_view text) {
    return parse_size_between(text, low, high);
  };
}
inline Parse<uint64_t> bit_rate(const std::string& low, const std::string& high) {
  return [low = must(parse_bit_rate(low)), high = must(parse_bit_rate(high))](std::string_view text) {
    return parse_bit_rate_between(text, low, high);
  };
}

template <Integer T>
Parse<T> integer(int64_t low, int64_t high) {
  return [low, high](std::string_view text) -> Result<T> {
    auto value = parse_integer(text, low, high);
    if (!value) return value.error();
    return static_cast<T>(*value);
  };
}

template <class T>
Parse<T> choice(std::vector<Choice<T>> choices, std::vector<ChoiceName> names) {
  return [choices = std::move(choices), names = std::move(names)](std::string_view text) -> Result<T> {
    for (const auto& c : choices)
      if (c.name == text) return c.value;
    return not_a_choice(text, names);
  };
}

template <class M, class T = typename Element<M>::Type>
std::function<Status(void*, std::string_view)> setter(Parse<T> parse, Check<T> check) {
  return [parse = std::move(parse), check = std::move(check)](void* member, std::string_view text) -> Status {
    auto value = parse(text);
    if (!value) return value.error();
    if (check)
      if (Status status = check(*value); !status) return status;
    M& place = *static_cast<M*>(member);
    if constexpr (std::same_as<M, std::vector<T>>)
      place.push_back(std::move(value).value());
    else
      place = std::move(value).value();
    return {};
  };
}

template <class M>
bool same(const void* a, const void* b) {
  return *static_cast<const M*>(a) == *static_cast<const M*>(b);
}

template <class M>
void* open(void* member) {
  return &Element<M>::slot(*static_cast<M*>(member));
}

/// How far behind the beginning of a D the member of its base S stands.
template <class D, class S, class M>
ptrdiff_t offset(M S::*member) {
  static const D like;
  const S& base = like;
  return reinterpret_cast<const char*>(&(base.*member)) - reinterpret_cast<const char*>(&like);
}

}  // namespace detail

/// Builds one row for the member `M S::*`. Exactly one of the type functions is called, then any of the
/// others.
template <class S, class M>
class Option {
 public:
  using T = typename detail::Element<M>::Type;

  Option(std::string name, M S::*member) : member_(member) {
    row_.name = std::move(name);
    row_.form = detail::Element<M>::form;
  }

  // Types. The last argument of each is the default, written as in the file; without one the member stays as
  // its struct makes it (empty, absent), which the manual shows as "none".

  Option& text() requires std::same_as<T, std::string> { return typed(Type::text, {}, detail::text()); }
  Option& text(std::string preset) requires std::same_as<T, std::string> {
    return text().preset({std::move(preset)});
  }

  /// The path of a file that can be read when the config is. `content`: what should be in it.
  Option& file(std::string content) requires std::same_as<T, std::string> {
    row_.content = std::move(content);
    return typed(Type::file, {}, detail::text());
  }

  /// A name of the DNS; kept in lower case, without the final dot.
  Option& dns_name() requires std::same_as<T, std::string> {
    return typed(Type::dns_name, {}, parse_dns_name);
  }
  Option& dns_name(std::string preset) requires std::same_as<T, std::string> {
    return dns_name().preset({std::move(preset)});
  }

  /// Of a zone's apex, see parse_zone_name().
  Option& zone_name() requires std::same_as<T, std::string> {
    return typed(Type::zone_name, {}, parse_zone_name);
  }

  Option& integer(int64_t low, int64_t high) requires Integer<T> {
    return typed(Type::integer, std::to_string(low) + " to " + std::to_string(high),
                 detail::integer<T>(low, high));
  }
  Option& integer(int64_t low, int64_t high, int64_t preset) requires Integer<T> {
    return integer(low, high).preset({std::to_string(preset)});
  }

  Option& number(double low, double high) requires std::same_as<T, double> {
    return typed(Type::number, format_number(low) + " to " + format_number(high), detail::number(low, high));
  }
  Option& number(double low, double high, double preset) requires std::same_as<T, double> {
    return number(low, high).preset({format_number(preset)});
  }

  Option& boolean() requires std::same_as<T, bool> { return typed(Type::boolean, {}, parse_boolean); }
  Option& boolean(bool preset) requires std::same_as<T, bool> {
    return boolean().preset({preset ? "true" : "false"});
  }

  Option& duration(const std::string& low, const std::string& high) requires std::same_as<T, Duration> {
    return typed(Type::duration, low + " to " + high, detail::duration(low, high));
  }
  Option& duration(const std::string& low, const std::string& high,
                   std::string preset) requires std::same_as<T, Duration> {
    return duration(low, high).preset({std::move(preset)});
  }

  Option& size(const std::string& low, const std::string& high) requires std::same_as<T, uint64_t> {
    return typed(Type::size, low + " to " + high, detail::size(low, high));
  }
  Option& size(const std::string& low, const std::string& high,
               std::string preset) requires std::same_as<T, uint64_t> {
    return size(low, high).preset({std::move(preset)});
  }

  Option& bit_rate(const std::string& low, const std::string& high) requires std::same_as<T, uint64_t> {
    return typed(Type::bit_rate, low + " to " + high, detail::bit_rate(low, high));
  }
  Option& bit_rate(const std::string& low, const std::string& high,
                   std::string preset) requires std::same_as<T, uint64_t> {
    return bit_rate(low, high).preset({std::move(preset)});
  }

  Option& choice(std::vector<Choice<T>> choices) {
    for (const auto& c : choices) row_.choices.push_back({c.name, c.help});
    return typed(Type::choice, {}, detail::choice<T>(std::move(choices), row_.choices));
  }
  Option& choice(std::vector<Choice<T>> choices, std::string preset) {
    return choice(std::move(choices)).preset({std::move(preset)});
  }

  Option& address() requires std::same_as<T, IpAddress> { return typed(Type::address, {}, parse_address); }
  Option& address(std::string preset) requires std::same_as<T, IpAddress> {
    return address().preset({std::move(preset)});
  }
  Option& endpoint() requires std::same_as<T, Endpoint> { return typed(Type::endpoint, {}, parse_endpoint); }
  Option& endpoint(std::string preset) requires std::same_as<T, Endpoint> {
    return endpoint().preset({std::move(preset)});
  }
  Option& prefix() requires std::same_as<T, Prefix> { return typed(Type::prefix, {}, parse_prefix); }

  /// A mapping with options of its own; for a vector a list of such mappings. A plain (not optional) section
  /// that the file leaves out gets its defaults.
  Option& section(const Table<T>& table) {
    row_.type = Type::section;
    row_.table = &table;
    row_.optional_section = !std::same_as<T, M>;
    row_.open_member = detail::open<M>;
    return *this;
  }

  /// A list of probes: mappings with the options of probe_spec() and those of the kind they name.
  Option& probes() requires std::same_as<M, std::vector<model::ProbeSpec>> {
    row_.type = Type::probes;
    row_.open_member = detail::open<M>;
    return *this;
  }

  /// A mapping with free keys, each to one duration, kept as a list of structs. Order as in the file.
  template <class E>
  Option& duration_map(std::string E::*key, Duration E::*value, const std::string& low,
                       const std::string& high) requires std::same_as<M, std::vector<E>> {
    row_.type = Type::duration;
    row_.form = Form::map;
    row_.bounds = low + " to " + high;
    row_.set_entry = [key, value, low = detail::must(parse_duration(low)),
                      high = detail::must(parse_duration(high))](void* member, const std::string& name,
                                                                 std::string_view text) -> Status {
      auto duration = parse_duration_between(text, low, high);
      if (!duration) return duration.error();
      E& element = static_cast<M*>(member)->emplace_back();
      element.*key = name;
      element.*value = *duration;
      return {};
    };
    return *this;
  }

  /// The same, each to one number.
  template <class E>
  Option& number_map(std::string E::*key, double E::*value, double low,
                     double high) requires std::same_as<M, std::vector<E>> {
    row_.type = Type::number;
    row_.form = Form::map;
    row_.bounds = format_number(low) + " to " + format_number(high);
    row_.set_entry = [key, value, low, high](void* member, const std::string& name,
                                             std::string_view text) -> Status {
      auto number = parse_number(text, low, high);
      if (!number) return number.error();
      E& element = static_cast<M*>(member)->emplace_back();
      element.*key = name;
      element.*value = *number;
      return {};
    };
    return *this;
  }

  // The rest.

  Option& help(std::string text) { return row_.help = std::move(text), *this; }
  /// Must be written; a row has this or a default or neither.
  Option& required() { return row_.required = true, *this; }
  /// A change takes effect only when the node starts anew. Without this word a reload is enough.
  Option& restart() { return row_.effect = Effect::restart, *this; }
  /// Most elements of a list. Where each costs much, or another number counts with them.
  Option& at_most(size_t count) { return row_.count_max = count, *this; }
  /// Default of a list.
  Option& preset(std::vector<std::string> values) { return row_.presets = std::move(values), *this; }
  /// Says in words what an absent option means, where that is not a fixed value.
  Option& preset_help(std::string words) { return row_.preset_help = std::move(words), *this; }
  /// A further condition on one value, asked after type and bounds. The message says what would be right.
  Option& check(detail::Check<T> condition) { return check_ = std::move(condition), *this; }

  /// The finished row for the struct D, which is S or derived from it.
  template <class D>
  [[nodiscard]] Row finish() const requires std::derived_from<D, S> {
    Row row = row_;
    row.offset = detail::offset<D>(member_);
    if (parse_) row.set_member = detail::setter<M>(parse_, check_);
    if constexpr (std::equality_comparable<T>) row.same_members = detail::same<M>;
    return row;
  }

 private:
  Option& typed(Type type, std::string bounds, detail::Parse<T> parse) {
    row_.type = type;
    row_.bounds = std::move(bounds);
    parse_ = std::move(parse);
    return *this;
  }

  Row row_;
  M S::*member_;
  detail::Parse<T> parse_;
  detail::Check<T> check_;
};

template <class S, class M>
Option<S, M> option(std::string name, M S::*member) {
  return Option<S, M>(std::move(name), member);
}

/// A row whose struct is known to the compiler: keeps rows of one struct out of another's table.
template <class S>
struct TypedRow {
  template <class Base, class M>
  TypedRow(const Option<Base, M>& option)  // NOLINT: implicit on purpose
      requires std::derived_from<S, Base> : row(option.template finish<S>()) {}
  Row row;
};

template <class S>
class Table : public TableBase {
 public:
  /// `condition` looks at a whole section once all its options are in, for what one option alone cannot tell.
  Table(std::string name, About about, std::initializer_list<TypedRow<S>> rows,
        std::function<Status(const S&)> condition = {})
      : TableBase(std::move(name), std::move(about)) {
    for (const TypedRow<S>& typed : rows) add(typed.row);
    if (condition)
      condition_ = [condition = std::move(condition)](const void* object) {
        return condition(*static_cast<const S*>(object));
      };
    (void)make();
  }

  /// An object with every default filled in; options without one are as the struct makes them.
  [[nodiscard]] S make() const {
    S object;
    fill_presets(&object);
    return object;
  }
};

/// One kind of probe as the loader sees it: a name, its table, and how to make its options. main makes one
/// for each kind with kind_table() and hands the list to the loader; nothing registers itself.
struct KindTable {
  struct Made {
    std::shared_ptr<model::KindOptions>
        options;             // bare: who reads the file adds the defaults of what it leaves out
    void* object = nullptr;  // the same, as the struct that `table` describes
  };
  std::string name;
  const TableBase* table = nullptr;
  std::function<Made()> make;
  bool affects_health = true;  // what a probe's option of this name is when it is not written
};

/// The kind's name is the table's name. Kinds that measure load, not life, give affects_health = false.
template <std::derived_from<model::KindOptions> S>
KindTable kind_table(const Table<S>& table, bool affects_health = true) {
  return {table.name(), &table,
          []() -> KindTable::Made {
            auto options = std::make_shared<S>();
            return {options, options.get()};
          },
          affects_health};
}

}  // namespace popnet::config
