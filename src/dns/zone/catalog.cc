#include "dns/zone/catalog.h"

#include <fmt/format.h>

#include <set>
#include <string>

#include "dns/wire/protocol.h"

namespace popnet::dns {

namespace {

Error broken(const Records& catalog, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("the catalog {} is broken: {}", catalog.apex().to_text(), why)};
}

/// Section 4.2.1: exactly one TXT record, with the string "2".
bool has_version_2(const Records& catalog, const std::string& apex) {
  constexpr std::string_view two(
      "\x01"
      "2",
      2);
  const std::string owner = apex + "\x07version";
  size_t found = 0;
  for (size_t i = catalog.find(owner); i < catalog.size() && catalog[i].owner == owner; ++i) {
    if (catalog[i].type != type::txt) continue;
    const auto data = catalog[i].data;
    if (std::string_view(reinterpret_cast<const char*>(data.data()), data.size()) != two) return false;
    ++found;
  }
  return found == 1;
}

}  // namespace

Result<std::vector<Name>> read_catalog(const Records& catalog) {
  const std::string apex = owner_key(catalog.apex().bytes());
  const std::string above = apex + "\x05zones";
  const size_t labels = count_key_labels(above) + 1;
  if (!has_version_2(catalog, apex))
    return broken(catalog, "it does not say that it is of version 2, with one TXT record at `version`");
  std::vector<Name> members;
  std::set<std::string> seen, nodes;
  for (size_t i = 0; i < catalog.size(); ++i) {
    const Record record = catalog[i];
    if (!record.owner.starts_with(above) || record.type != type::ptr) continue;
    if (count_key_labels(record.owner) != labels) continue;  // a property
    const Name member{NameBytes(record.data)};
    if (!nodes.insert(std::string(record.owner)).second)
      return broken(catalog, fmt::format("{} has a second PTR record", owner_name(record.owner).to_text()));
    if (!seen.insert(owner_key(member.bytes())).second)
      return broken(catalog, fmt::format("{} is in it twice", member.to_text()));
    members.push_back(member);
  }
  if (members.size() > catalog_members_max)
    return broken(catalog, fmt::format("it names more than {} zones", catalog_members_max));
  return members;
}

}  // namespace popnet::dns
