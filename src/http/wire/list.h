// Readers of list-valued fields (RFC 9110 sections 5.6.1 to 5.6.6 and 12.4.2): comma lists, directives
// ("max-age=60", 'private="a, b"'), weighted lists ("gzip;q=0.5"). They read over all lines of a field as if
// these were joined by commas (section 5.3), skip empty elements, know quoted strings, and copy nothing. Reading a list to its
// end takes time in proportion to its length, whatever it holds.
//
//   for (ListItems items(fields, FieldName::vary); items.next();) use(items.item());
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/wire/fields.h"

namespace popnet::http {

class ListItems {
 public:
  explicit ListItems(std::string_view value) : rest_(value) {}
  /// All lines of that name, in order. The fields must stay.
  ListItems(const Fields& fields, FieldName name);

  /// False at the end.
  bool next();
  /// The present element without white space around it, never empty.
  [[nodiscard]] std::string_view item() const { return item_; }

 private:
  bool next_line();

  const Fields* fields_ = nullptr;
  FieldName name_ = FieldName::other;
  size_t line_ = 0;
  std::string_view rest_;
  std::string_view item_;
  bool plain_quotes_ = false;  // in the rest of this line: none is closed
};

/// One element split at its first "=".
struct Directive {
  std::string_view name;   ///< as sent; compare with iequals
  std::string_view value;  ///< of a quoted string: what is between the quotes, backslashes kept
  bool has_value = false;
  bool quoted = false;
  bool well_formed = true;  ///< name is a token, value a token or a quoted string
};
Directive parse_directive(std::string_view element);

/// One element split at its first ";"; weight in thousandths (q=0.5 is 500), 1000 without q, none when
/// malformed.
struct Weighted {
  std::string_view item;
  std::optional<uint16_t> weight;
};
Weighted parse_weighted(std::string_view element);

/// Digits only; no sign, no overflow.
std::optional<uint64_t> parse_decimal(std::string_view digits);
/// delta-seconds (RFC 9111 section 1.2.2): digits only, 2^31 when larger.
std::optional<uint32_t> parse_delta_seconds(std::string_view digits);

/// Is `token` (any case) an element of that list field?
bool list_has(const Fields& fields, FieldName name, std::string_view token);

}  // namespace popnet::http
