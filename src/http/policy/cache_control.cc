#include "http/policy/cache_control.h"

#include <algorithm>

#include "common/text.h"
#include "http/wire/list.h"
#include "http/wire/scan.h"
#include "http/wire/structured.h"

namespace popnet::http {
namespace {

/// A duration directive: the first counts, and what is not a number is zero (RFC 9111 section 4.2.1).
void set_duration(std::optional<Duration>& field, const Directive& directive) {
  if (!field) field = std::chrono::seconds(parse_delta_seconds(directive.value).value_or(0));
}

/// A comma list of one name or more, and nothing else ("a b", a quote that is not closed).
bool is_list_of_names(std::string_view list) {
  bool any = false;
  for (ListItems items(list); items.next(); any = true)
    if (!scan::all(items.item(), scan::token)) return false;
  return any;
}

/// 'no-cache' binds the whole response, 'no-cache="a, b"' the fields that it names. A second list, or one with quoted pairs, is
/// more than is kept of it: it binds all. So does one that names none, or of which nobody knows what it names.
void set_qualified(bool& whole, std::string_view& fields, std::string_view list) {
  if (!is_list_of_names(list) || !fields.empty())
    whole = true;
  else
    fields = list;
}

/// White space beside the "=" is an error (section 5.2 has no place for it), but what the directive meant is
/// plain: it counts, with an invalid value, so that nothing is kept longer than was meant.
Directive read_element(std::string_view element) {
  Directive directive = parse_directive(element);
  const std::string_view name = trim(directive.name, " \t");
  const bool spaced = name.size() != directive.name.size() ||
                      (!directive.value.empty() && !directive.quoted &&
                       (directive.value.front() == ' ' || directive.value.front() == '\t'));
  directive.name = name;
  if (spaced) directive.value = {};
  return directive;
}

struct Flag {
  std::string_view name;
  bool ResponseDirectives::*member;
  bool restricts = true;  // what may be done with the response
};
constexpr Flag response_flags[] = {
    {"no-store", &ResponseDirectives::no_store},
    {"public", &ResponseDirectives::is_public, false},
    {"must-revalidate", &ResponseDirectives::must_revalidate},
    {"proxy-revalidate", &ResponseDirectives::proxy_revalidate},
    {"must-understand", &ResponseDirectives::must_understand, false},
    {"immutable", &ResponseDirectives::immutable, false},
};
struct Time {
  std::string_view name;
  std::optional<Duration> ResponseDirectives::*member;
};
constexpr Time response_times[] = {
    {"max-age", &ResponseDirectives::max_age},
    {"s-maxage", &ResponseDirectives::s_maxage},
    {"stale-while-revalidate", &ResponseDirectives::stale_while_revalidate},
    {"stale-if-error", &ResponseDirectives::stale_if_error},
};

void apply(ResponseDirectives& out, const Directive& directive) {
  for (const Flag& flag : response_flags)
    if (iequals(directive.name, flag.name)) out.*flag.member = true;
  for (const Time& time : response_times)
    if (iequals(directive.name, time.name)) set_duration(out.*time.member, directive);
  if (iequals(directive.name, "no-cache")) set_qualified(out.no_cache, out.no_cache_fields, directive.value);
  if (iequals(directive.name, "private")) set_qualified(out.is_private, out.private_fields, directive.value);
}

/// Of a member that stands twice the last counts (RFC 8941 section 4.2.2): what the earlier one said goes.
void forget(ResponseDirectives& out, std::string_view key) {
  for (const Flag& flag : response_flags)
    if (key == flag.name) out.*flag.member = false;
  for (const Time& time : response_times)
    if (key == time.name) (out.*time.member).reset();
  if (key == "no-cache") out.no_cache = false, out.no_cache_fields = {};
  if (key == "private") out.is_private = false, out.private_fields = {};
}

/// RFC 9213 section 2.1: a value of another type than the directive has is not to be used. Where that would have
/// more stored, or longer, it counts for the least.
void apply_targeted(ResponseDirectives& out, const DictionaryMember& member) {
  using Type = DictionaryMember::Type;
  forget(out, member.key);
  if (member.type == Type::boolean && !member.is_true()) return;
  for (const Time& time : response_times)
    if (member.key == time.name) {
      const auto seconds =
          member.type == Type::integer ? parse_delta_seconds(member.text) : std::optional<uint32_t>{};
      out.*time.member = std::chrono::seconds(seconds.value_or(0));
    }
  for (const Flag& flag : response_flags)
    if (member.key == flag.name) out.*flag.member = flag.restricts || member.is_true();
  const std::string_view fields = member.type == Type::string ? member.text : std::string_view{};
  if (member.key == "no-cache") set_qualified(out.no_cache, out.no_cache_fields, fields);
  if (member.key == "private") set_qualified(out.is_private, out.private_fields, fields);
}

/// A targeted field is a dictionary of structured fields; parameters of its members are not looked at. False
/// when it is empty or has an error: then it is as if it were not there (RFC 9213 section 2.1).
bool read_targeted(const Fields& response, FieldName name, ResponseDirectives& out) {
  for (const Field& field : response) {
    if (field.id != name) continue;
    std::string_view text = trim(field.value, " ");
    if (text.empty() && response.repeated(name)) return false;  // joined to the others, a comma too many
    for (DictionaryMember member; !text.empty();) {
      if (!take_member(text, member)) return false;
      out.targeted = true;
      apply_targeted(out, member);
    }
  }
  return out.targeted;
}

}  // namespace

RequestDirectives read_request_directives(const Fields& request) {
  RequestDirectives out;
  for (ListItems items(request, FieldName::cache_control); items.next();) {
    const Directive directive = read_element(items.item());
    if (iequals(directive.name, "no-cache"))
      out.no_cache = true;
    else if (iequals(directive.name, "no-store"))
      out.no_store = true;
    else if (iequals(directive.name, "only-if-cached"))
      out.only_if_cached = true;
    else if (iequals(directive.name, "max-age"))
      set_duration(out.max_age, directive);
    else if (iequals(directive.name, "min-fresh"))
      set_duration(out.min_fresh, directive);
    else if (iequals(directive.name, "max-stale") && !directive.has_value)
      out.max_stale_any = true;
    else if (iequals(directive.name, "max-stale"))
      set_duration(out.max_stale, directive);
    else if (iequals(directive.name, "stale-if-error"))
      set_duration(out.stale_if_error, directive);
  }
  return out;
}

ResponseDirectives read_response_directives(const Fields& response) {
  for (const FieldName name : {FieldName::popnet_cache_control, FieldName::cdn_cache_control}) {
    if (!response.has(name)) continue;
    ResponseDirectives targeted;
    if (read_targeted(response, name, targeted)) return targeted;
  }
  ResponseDirectives out;
  for (ListItems items(response, FieldName::cache_control); items.next();)
    apply(out, read_element(items.item()));
  return out;
}

}  // namespace popnet::http
