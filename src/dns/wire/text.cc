#include "dns/wire/text.h"

#include <map>

#include "dns/wire/protocol.h"

namespace popnet::dns {

const char* rcode_name(size_t rcode) {
  switch (static_cast<Rcode>(rcode)) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::notauth:
      return "NOTAUTH";
    case Rcode::badvers:
      return "BADVERS";
    case Rcode::badcookie:
      return "BADCOOKIE";
  }
  return nullptr;
}

std::string type_name(size_t number) {
  static const std::map<size_t, const char*> names = {
      {1, "A"},      {2, "NS"},     {5, "CNAME"},    {6, "SOA"},    {12, "PTR"},   {13, "HINFO"},
      {15, "MX"},    {16, "TXT"},   {28, "AAAA"},    {29, "LOC"},   {33, "SRV"},   {35, "NAPTR"},
      {39, "DNAME"}, {43, "DS"},    {44, "SSHFP"},   {46, "RRSIG"}, {47, "NSEC"},  {48, "DNSKEY"},
      {52, "TLSA"},  {59, "CDS"},   {60, "CDNSKEY"}, {64, "SVCB"},  {65, "HTTPS"}, {99, "SPF"},
      {251, "IXFR"}, {252, "AXFR"}, {255, "ANY"}};
  const auto found = names.find(number);
  return found != names.end() ? found->second : "TYPE" + std::to_string(number);
}

}  // namespace popnet::dns
