#include "dns/zone/fields.h"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "common/text.h"

namespace popnet::dns {

namespace {

using enum FieldKind;

// RFC 7218 section 2. Tables of ldns's shape end with a null.
ldns_lookup_table usages[] = {{0, "PKIX-TA"}, {1, "PKIX-EE"},    {2, "DANE-TA"},
                              {3, "DANE-EE"}, {255, "PrivCert"}, {0, nullptr}};
ldns_lookup_table selectors[] = {{0, "Cert"}, {1, "SPKI"}, {255, "PrivSel"}, {0, nullptr}};
ldns_lookup_table matching_types[] = {
    {0, "Full"}, {1, "SHA2-256"}, {2, "SHA2-512"}, {255, "PrivMatch"}, {0, nullptr}};

ldns_lookup_table schemes[] = {{1, "NOTIFY"}, {0, nullptr}};  // RFC 9859 section 6.2
ldns_lookup_table protocols[] = {{1, "ICMP"}, {6, "TCP"}, {17, "UDP"}, {0, nullptr}};

// Of types that ldns has no name for.
struct TypeName {
  std::string_view name;
  uint16_t type;
};
constexpr uint16_t type_dsync = 66, type_hhit = 67, type_brid = 68, type_resinfo = 261, type_wallet = 262,
                   type_cla = 263;
constexpr TypeName more_types[] = {{"NINFO", LDNS_RR_TYPE_NINFO},
                                   {"RKEY", LDNS_RR_TYPE_RKEY},
                                   {"AVC", LDNS_RR_TYPE_AVC},
                                   {"AMTRELAY", LDNS_RR_TYPE_AMTRELAY},
                                   {"RESINFO", type_resinfo},
                                   {"TA", LDNS_RR_TYPE_TA},
                                   {"DSYNC", type_dsync},
                                   {"HHIT", type_hhit},
                                   {"BRID", type_brid},
                                   {"WALLET", type_wallet},
                                   {"CLA", type_cla}};

constexpr size_t fields_max = 9;
struct TypeFields {
  uint16_t type;
  Field fields[fields_max + 1];  // the last one is none
};

// Frequent types come first: they are looked for one after the other.
const TypeFields table[] = {
    {LDNS_RR_TYPE_A, {{ipv4, "address"}}},
    {LDNS_RR_TYPE_AAAA, {{ipv6, "address"}}},
    {LDNS_RR_TYPE_NS, {{name, "name server"}}},
    {LDNS_RR_TYPE_CNAME, {{name, "target"}}},
    {LDNS_RR_TYPE_MX, {{u16, "preference"}, {name, "exchange"}}},
    {LDNS_RR_TYPE_TXT, {{more_strings, "text"}}},
    {LDNS_RR_TYPE_PTR, {{name, "target"}}},
    {LDNS_RR_TYPE_DS,
     {{u16, "key tag"}, {u8, "algorithm", ldns_algorithms}, {u8, "digest type"}, {hex, "digest"}}},
    {LDNS_RR_TYPE_RRSIG,
     {{type, "type covered"},
      {u8, "algorithm", ldns_algorithms},
      {u8, "labels"},
      {ttl, "original TTL"},
      {time, "expiration"},
      {time, "inception"},
      {u16, "key tag"},
      {name, "signer's name"},
      {base64, "signature"}}},
    {LDNS_RR_TYPE_NSEC, {{name, "next name"}, {types, "types"}}},
    {LDNS_RR_TYPE_NSEC3,
     {{u8, "hash algorithm"},
      {u8, "flags"},
      {u16, "iterations"},
      {sized_hex, "salt"},
      {sized_base32, "next hash"},
      {types, "types"}}},
    {LDNS_RR_TYPE_SOA,
     {{name, "primary"},
      {name, "mailbox"},
      {u32, "serial"},
      {period, "refresh"},
      {period, "retry"},
      {period, "expire"},
      {ttl, "minimum"}}},
    {LDNS_RR_TYPE_SRV, {{u16, "priority"}, {u16, "weight"}, {u16, "port"}, {name, "target"}}},
    {LDNS_RR_TYPE_HTTPS, {{u16, "priority"}, {name, "target"}, {service_parameters, "parameters"}}},
    {LDNS_RR_TYPE_SVCB, {{u16, "priority"}, {name, "target"}, {service_parameters, "parameters"}}},
    {LDNS_RR_TYPE_CAA, {{u8, "flags"}, {tag, "tag"}, {long_string, "value"}}},
    {LDNS_RR_TYPE_TLSA,
     {{u8, "usage", usages},
      {u8, "selector", selectors},
      {u8, "matching type", matching_types},
      {hex, "certificate data"}}},
    {LDNS_RR_TYPE_SMIMEA,
     {{u8, "usage", usages},
      {u8, "selector", selectors},
      {u8, "matching type", matching_types},
      {hex, "certificate data"}}},
    {LDNS_RR_TYPE_SSHFP, {{u8, "algorithm"}, {u8, "fingerprint type"}, {hex, "fingerprint"}}},
    {LDNS_RR_TYPE_NAPTR,
     {{u16, "order"},
      {u16, "preference"},
      {string, "flags"},
      {string, "services"},
      {string, "regular expression"},
      {name, "replacement"}}},
    {LDNS_RR_TYPE_DNAME, {{name, "target"}}},
    {LDNS_RR_TYPE_DNSKEY,
     {{u16, "flags"}, {u8, "protocol"}, {u8, "algorithm", ldns_algorithms}, {base64, "public key"}}},
    {LDNS_RR_TYPE_CDS,
     {{u16, "key tag"}, {u8, "algorithm", ldns_algorithms}, {u8, "digest type"}, {hex, "digest"}}},
    {LDNS_RR_TYPE_CDNSKEY,
     {{u16, "flags"}, {u8, "protocol"}, {u8, "algorithm", ldns_algorithms}, {base64, "public key"}}},
    {LDNS_RR_TYPE_NSEC3PARAM,
     {{u8, "hash algorithm"}, {u8, "flags"}, {u16, "iterations"}, {sized_hex, "salt"}}},
    {LDNS_RR_TYPE_CSYNC, {{u32, "serial"}, {u16, "flags"}, {types, "types"}}},
    {LDNS_RR_TYPE_ZONEMD, {{u32, "serial"}, {u8, "scheme"}, {u8, "hash algorithm"}, {hex, "digest"}}},
    {LDNS_RR_TYPE_LOC, {{location, "location"}}},
    {LDNS_RR_TYPE_APL, {{prefixes, "prefixes"}}},
    {LDNS_RR_TYPE_CERT,
     {{u16, "type", ldns_cert_algorithms},
      {u16, "key tag"},
      {u8, "algorithm", ldns_algorithms},
      {base64, "certificate"}}},
    {LDNS_RR_TYPE_HINFO, {{string, "CPU"}, {string, "operating system"}}},
    {LDNS_RR_TYPE_RP, {{name, "mailbox"}, {name, "name of TXT records"}}},
    {LDNS_RR_TYPE_AFSDB, {{u16, "subtype"}, {name, "host"}}},
    {LDNS_RR_TYPE_URI, {{u16, "priority"}, {u16, "weight"}, {long_string, "target"}}},
    {LDNS_RR_TYPE_OPENPGPKEY, {{base64, "public key"}}},
    {LDNS_RR_TYPE_DHCID, {{base64, "digest"}}},
    {LDNS_RR_TYPE_SPF, {{more_strings, "text"}}},
    {LDNS_RR_TYPE_AVC, {{more_strings, "text"}}},
    {type_resinfo, {{more_strings, "text"}}},
    {type_wallet, {{more_strings, "text"}}},
    {type_cla, {{more_strings, "text"}}},
    {type_dsync, {{type, "type"}, {u8, "scheme", schemes}, {u16, "port"}, {name, "target"}}},
    {type_hhit, {{base64, "data"}}},
    {type_brid, {{base64, "data"}}},
    {LDNS_RR_TYPE_NINFO, {{more_strings, "text"}}},
    {LDNS_RR_TYPE_IPSECKEY,
     {{u8, "precedence"},
      {u8, "gateway type"},
      {u8, "algorithm"},
      {gateway, "gateway"},
      {optional_base64, "public key"}}},
    {LDNS_RR_TYPE_AMTRELAY, {{u8, "precedence"}, {relay_type, "discovery and type"}, {relay, "relay"}}},
    {LDNS_RR_TYPE_HIP, {{host_identity, "host identity"}, {more_names, "rendezvous servers"}}},
    {LDNS_RR_TYPE_KX, {{u16, "preference"}, {name, "exchanger"}}},
    {LDNS_RR_TYPE_RT, {{u16, "preference"}, {name, "host"}}},
    {LDNS_RR_TYPE_PX, {{u16, "preference"}, {name, "RFC 822 domain"}, {name, "X.400 domain"}}},
    {LDNS_RR_TYPE_NID, {{u16, "preference"}, {node_id, "node identifier"}}},
    {LDNS_RR_TYPE_L32, {{u16, "preference"}, {ipv4, "locator"}}},
    {LDNS_RR_TYPE_L64, {{u16, "preference"}, {node_id, "locator"}}},
    {LDNS_RR_TYPE_LP, {{u16, "preference"}, {name, "name of the locators"}}},
    {LDNS_RR_TYPE_EUI48, {{eui48, "address"}}},
    {LDNS_RR_TYPE_EUI64, {{eui64, "address"}}},
    {LDNS_RR_TYPE_GPOS, {{string, "longitude"}, {string, "latitude"}, {string, "altitude"}}},
    {LDNS_RR_TYPE_X25, {{string, "address"}}},
    {LDNS_RR_TYPE_ISDN, {{string, "address"}, {optional_string, "subaddress"}}},
    {LDNS_RR_TYPE_MINFO, {{name, "mailbox of requests"}, {name, "mailbox of errors"}}},
    {LDNS_RR_TYPE_MB, {{name, "host"}}},
    {LDNS_RR_TYPE_MG, {{name, "mailbox"}}},
    {LDNS_RR_TYPE_MR, {{name, "mailbox"}}},
    {LDNS_RR_TYPE_MD, {{name, "host"}}},
    {LDNS_RR_TYPE_MF, {{name, "host"}}},
    {LDNS_RR_TYPE_NSAP_PTR, {{name, "target"}}},
    {LDNS_RR_TYPE_TALINK, {{name, "previous"}, {name, "next"}}},
    {LDNS_RR_TYPE_KEY,
     {{u16, "flags"}, {u8, "protocol"}, {u8, "algorithm", ldns_algorithms}, {optional_base64, "public key"}}},
    {LDNS_RR_TYPE_RKEY,
     {{u16, "flags"}, {u8, "protocol"}, {u8, "algorithm", ldns_algorithms}, {base64, "public key"}}},
    {LDNS_RR_TYPE_SIG,
     {{type, "type covered"},
      {u8, "algorithm", ldns_algorithms},
      {u8, "labels"},
      {ttl, "original TTL"},
      {time, "expiration"},
      {time, "inception"},
      {u16, "key tag"},
      {name, "signer's name"},
      {base64, "signature"}}},
    {LDNS_RR_TYPE_NXT, {{name, "next name"}, {old_types, "types"}}},
    {LDNS_RR_TYPE_WKS, {{ipv4, "address"}, {u8, "protocol", protocols}, {services, "services"}}},
    {LDNS_RR_TYPE_NSAP, {{nsap, "address"}}},
    {LDNS_RR_TYPE_ATMA, {{atm_address, "address"}}},
    {LDNS_RR_TYPE_EID, {{hex, "endpoint identifier"}}},
    {LDNS_RR_TYPE_NIMLOC, {{hex, "locator"}}},
    {LDNS_RR_TYPE_A6, {{suffix, "address"}}},
    {LDNS_RR_TYPE_SINK, {{u8, "meaning"}, {u8, "coding"}, {u8, "subcoding"}, {optional_base64, "data"}}},
    {LDNS_RR_TYPE_DLV,
     {{u16, "key tag"}, {u8, "algorithm", ldns_algorithms}, {u8, "digest type"}, {hex, "digest"}}},
    {LDNS_RR_TYPE_TA,
     {{u16, "key tag"}, {u8, "algorithm", ldns_algorithms}, {u8, "digest type"}, {hex, "digest"}}},
};

}  // namespace

std::span<const Field> fields_of(uint16_t type) {
  const auto* found = std::ranges::find(table, type, &TypeFields::type);
  if (found == std::end(table)) return {};
  const auto* end = std::ranges::find(found->fields, none, &Field::kind);
  return {found->fields, end};
}

std::string fields_text(uint16_t type) {
  std::string text;
  for (const Field& field : fields_of(type)) text.append(text.empty() ? "" : ", ").append(field.name);
  return text;
}

std::string type_text(uint16_t type) {
  if (const auto* found = std::ranges::find(more_types, type, &TypeName::type); found != std::end(more_types))
    return std::string(found->name);
  const ldns_rr_descriptor* known = ldns_rr_descript(type);
  const bool named = known != nullptr && known->_name != nullptr && known != ldns_rr_descript(0);
  return named ? known->_name : fmt::format("TYPE{}", type);
}

std::optional<uint16_t> read_type(std::string_view text) {
  constexpr std::string_view unknown = "TYPE";
  if (text.size() > unknown.size() && iequals(text.substr(0, unknown.size()), unknown)) {
    uint16_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + unknown.size(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return number;
    return std::nullopt;
  }
  for (const TypeName& more : more_types)
    if (iequals(text, more.name)) return more.type;
  const auto number = ldns_get_rr_type_by_name(std::string(text).c_str());
  if (number == 0) return std::nullopt;
  return static_cast<uint16_t>(number);
}

}  // namespace popnet::dns
