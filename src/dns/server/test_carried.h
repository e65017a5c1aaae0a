// The example zones of RFC 4035 (by NSEC) and RFC 5155 (by NSEC3, with opt-out), signed by somebody else: their denials as
// these documents have them, and signatures that nobody can verify.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "dns/server/test_world.h"

namespace popnet::dns {

/// Adds to every line a signature for it, but to glue and NS records of delegations.
inline std::string signed_text(std::string_view zone) {
  std::string text;
  while (!zone.empty()) {
    const std::string line(zone.substr(0, zone.find('\n')));
    zone.remove_prefix(std::min(zone.size(), line.size() + 1));
    text += line + "\n";
    const size_t owner_end = line.find(' '), type_at = line.find(" IN ");
    if (line.empty() || line.ends_with("; not signed")) continue;
    const std::string owner = line.substr(0, owner_end), rest = line.substr(type_at + 4);
    const auto labels =
        owner == "example." ? 1 : std::count(owner.begin(), owner.end(), '.') - (owner[0] == '*');
    text += fmt::format(
        "{} 3600 IN RRSIG {} 5 {} 3600 20400101000000 20200101000000 38519 example. c2lnbmF0dXJl\n", owner,
        rest.substr(0, rest.find(' ')), labels);
  }
  return text;
}

inline constexpr const char* common_zone =
    R"(example. 3600 IN SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600
example. 3600 IN NS ns1.example.
example. 3600 IN MX 1 xx.example.
example. 3600 IN DNSKEY 256 3 5 AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBVrZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61e
a.example. 3600 IN NS ns1.a.example. ; not signed
a.example. 3600 IN DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
ns1.a.example. 3600 IN A 192.0.2.5 ; not signed
ai.example. 3600 IN A 192.0.2.9
ns1.example. 3600 IN A 192.0.2.1
ns2.example. 3600 IN A 192.0.2.2
*.w.example. 3600 IN MX 1 ai.example.
x.w.example. 3600 IN MX 1 xx.example.
x.y.w.example. 3600 IN MX 1 xx.example.
xx.example. 3600 IN A 192.0.2.10
)";
/// RFC 4035 appendix A, and aliases that wildcards make, one of them for a name below a delegation of example.com.
inline constexpr const char* nsec_zone = R"(b.example. 3600 IN NS ns1.b.example. ; not signed
ns1.b.example. 3600 IN A 192.0.2.7 ; not signed
*.alias.example. 3600 IN CNAME a.z.w.example.
*.out.example. 3600 IN CNAME host.sub.example.com.
example. 3600 IN NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY
a.example. 3600 IN NSEC ai.example. NS DS RRSIG NSEC
ai.example. 3600 IN NSEC *.alias.example. A RRSIG NSEC
*.alias.example. 3600 IN NSEC b.example. CNAME RRSIG NSEC
b.example. 3600 IN NSEC ns1.example. NS RRSIG NSEC
ns1.example. 3600 IN NSEC ns2.example. A RRSIG NSEC
ns2.example. 3600 IN NSEC *.out.example. A RRSIG NSEC
*.out.example. 3600 IN NSEC *.w.example. CNAME RRSIG NSEC
*.w.example. 3600 IN NSEC x.w.example. MX RRSIG NSEC
x.w.example. 3600 IN NSEC x.y.w.example. MX RRSIG NSEC
x.y.w.example. 3600 IN NSEC xx.example. MX RRSIG NSEC
xx.example. 3600 IN NSEC example. A RRSIG NSEC
)";
/// RFC 5155 appendix A: opt-out leaves out the delegation of c; and that of d.e, and so e, too.
inline constexpr const char* nsec3_zone = R"(c.example. 3600 IN NS ns1.c.example. ; not signed
d.e.example. 3600 IN NS ns1.c.example. ; not signed
ns1.c.example. 3600 IN A 192.0.2.7 ; not signed
2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN A 192.0.2.127
example. 3600 IN NSEC3PARAM 1 0 12 aabbccdd
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 3600 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG
2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 IN NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
2vptu5timamqttgl4luu9kg21e0aor3s.example. 3600 IN NSEC3 1 1 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG
35mthgpgcu1qg68fab165klnsnk3dpvl.example. 3600 IN NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG
b4um86eghhds6nea196smvmlo4ors995.example. 3600 IN NSEC3 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG
gjeqe526plbf1g8mklp59enfd789njgi.example. 3600 IN NSEC3 1 1 12 aabbccdd ji6neoaepv8b5o6k4ev33abha8ht9fgc A RRSIG
ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. 3600 IN NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h
k8udemvp1j2f7eg6jebps17vp3n8i58h.example. 3600 IN NSEC3 1 1 12 aabbccdd kohar7mbb8dc2ce8a9qvl8hon4k53uhi
kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example. 3600 IN NSEC3 1 1 12 aabbccdd q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG
q04jkcevqvmu85r014c7dkba38o0ji5r.example. 3600 IN NSEC3 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG
r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. 3600 IN NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv MX RRSIG
t644ebqk9bibcna874givr6joj62mlhv.example. 3600 IN NSEC3 1 1 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG
)";

class CarriedWorld {
 public:
  explicit CarriedWorld(const char* part)
      : world_(signed_text(std::string(common_zone) + part), config(), nullptr, "example") {}

  [[nodiscard]] const View& view() const { return world_.view(); }
  /// With DO.
  [[nodiscard]] TestAnswer ask(std::string_view name, uint16_t type) const {
    return world_.ask(TestQuery(name, type).edns(1232, 0, 0x8000), Transport::tcp);
  }
  [[nodiscard]] TestAnswer ask(std::span<const uint8_t> message, Transport transport) const {
    return world_.ask(message, transport);
  }
  [[nodiscard]] TestAnswer ask_plainly(std::string_view name, uint16_t type) const {
    return world_.ask(TestQuery(name, type).edns(), Transport::tcp);
  }

 private:
  [[nodiscard]] model::Config config() const {
    model::Config config = test_config();
    config.zones.push_back({"example.com", unsigned_.path(), {}});
    return config;
  }

  const TempFile unsigned_{test_zone};
  TestWorld world_;
};

}  // namespace popnet::dns
