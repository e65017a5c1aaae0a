#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::Dnssec;

const Table<Dnssec>& dnssec_table() {
  static const Table<Dnssec> table(
      "dnssec",
      {"Signing a zone (DNSSEC). Keys are made and rolled by the node that has `manage_keys`, and lie in "
       "`key_dir`; "
       "records of the zone file are signed when it is read, decided answers and denials as they are asked "
       "for.",
       R"(zones:
  - name: example.com
    file: example.com.zone
    dnssec: {enabled: true, algorithm: ed25519, keys: ksk-zsk, zsk_lifetime: 30d}
)"},
      {
          option("enabled", &Dnssec::enabled).boolean(false).help("Sign the zone."),
          option("algorithm", &Dnssec::algorithm)
              .choice({{"ecdsa-p256", model::DnssecAlgorithm::ecdsa_p256,
                        "ECDSA P-256 with SHA-256 (13): every validator knows it"},
                       {"ed25519", model::DnssecAlgorithm::ed25519, "Ed25519 (15)"}},
                      "ecdsa-p256")
              .help("Of the zone's first keys, and of all that are made when a roll is asked for, or `keys` "
                    "changes. Others keep theirs."),
          option("denial", &Dnssec::denial)
              .choice(
                  {{"compact", model::Denial::compact,
                    "NSEC for the name itself, with the type NXNAME (RFC 9824): one signature"},
                   {"nsec3", model::Denial::nsec3,
                    "NSEC3 around the hash of the name (RFC 7129 appendix B), without salt or more rounds: "
                    "up to three signatures, NXDOMAIN as ever"}},
                  "compact")
              .help("How the zone proves that something is not there."),
          option("keys", &Dnssec::split)
              .choice({{"csk", false, "one key signs everything"},
                       {"ksk-zsk", true,
                        "one key signs the keys, another the rest; only the first is known to the parent"}},
                      "csk")
              .help("Which keys the zone has."),
          option("ksk_lifetime", &Dnssec::ksk_lifetime)
              .duration("0", "3650d", "0")
              .check(is_whole_seconds)
              .help("A CSK or KSK older than this gets a successor. 0: only when asked for. A roll waits "
                    "until the "
                    "parent has the new DS."),
          option("zsk_lifetime", &Dnssec::zsk_lifetime)
              .duration("0", "3650d", "0")
              .check(is_whole_seconds)
              .help("A ZSK older than this is replaced. 0: only when asked for."),
          option("validity", &Dnssec::validity)
              .duration("1h", "365d", "14d")
              .check(is_whole_seconds)
              .help("How long signatures last. They are made anew when less than half of it is left."),
          option("dnskey_ttl", &Dnssec::dnskey_ttl)
              .duration("1s", "7d", "1h")
              .check(is_whole_seconds)
              .help("TTL of DNSKEY, CDS and CDNSKEY records."),
          option("zone_ttl_max", &Dnssec::zone_ttl_max)
              .duration("1s", "30d", "1d")
              .check(is_whole_seconds)
              .help("The highest TTL in the zone: how long rolls wait for old signatures to leave caches. A "
                    "record "
                    "with a higher one is an error."),
          option("ds_ttl", &Dnssec::ds_ttl)
              .duration("1s", "30d", "1d")
              .check(is_whole_seconds)
              .help("TTL of the DS records in the parent zone."),
          option("propagation", &Dnssec::propagation)
              .duration("0", "30d", "5m")
              .check(is_whole_seconds)
              .help("How long it may take until all servers of the zone serve a change."),
      });
  return table;
}

}  // namespace popnet::config
