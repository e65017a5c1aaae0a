#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::ClientLatency;
using model::ClientPrior;
using model::Config;
using model::GeoPoint;
using model::Network;
using model::Pop;
using model::Zone;

const Table<Config>& config_table() {
  static const Table<Config> table(
      "config", "The top level of the file.",
      {
          option("network", &Config::network).section(network_table()).help("The network as a whole."),
          option("dns", &Config::dns).section(dns_table()).help("How the DNS servers treat those who ask."),
          option("node", &Config::node).section(node_table()).help("This process."),
          option("bus", &Config::bus).section(bus_table()).help("How nodes talk to each other."),
          option("pops", &Config::pops)
              .section(pop_table())
              .at_most(4096)
              .preset_help("one POP named `local` at the addresses that `node` listens on")
              .help("Points of presence."),
          option("sites", &Config::sites).section(site_table()).help("Customers: hostnames, origins, rules."),
          option("clients", &Config::clients)
              .section(client_table())
              .help("What is known of client networks before they are measured."),
          option("zones", &Config::zones).section(zone_table()).help("DNS zones answered from master files."),
      });
  return table;
}

const Table<Network>& network_table() {
  static const Table<Network> table(
      "network", {"The network as a whole: the same on every node.", R"(network:
  name: example
  zone: cdn.example.net
  contact: hostmaster@example.net
  content_hostname: content.cdn.example.net
  pop_probes:
    - {kind: http, path: /.well-known/popnet/health, interval: 2s, timeout: 1s}
)"},
      {
          option("name", &Network::name)
              .text("popnet")
              .check(is_label)
              .restart()
              .help("Networks that share a bus tell each other apart by it; for people too."),
          option("zone", &Network::zone)
              .dns_name()
              .help("The network's own DNS zone. Each POP is found in it as `<pop>.<zone>`, and is one of "
                    "its name servers. If `zones` has a file of this name, the POPs are added to it."),
          option("contact", &Network::contact)
              .text()
              .check(is_mail_address)
              .preset_help("hostmaster@`zone`")
              .help("Mail address of the operator, told in the zone's SOA record."),
          option("content_hostname", &Network::content_hostname)
              .dns_name()
              .help(
                  "Hostname shared by all sites that have a `content_prefix`. It resolves to the best POP."),
          option("ttl", &Network::ttl)
              .duration("0", "7d", "5m")
              .check(is_whole_seconds)
              .help("TTL of names that nothing is decided for: name servers, POPs, the zone itself."),
          option("content_ttl", &Network::content_ttl)
              .duration("0", "1d", "20s")
              .check(is_whole_seconds)
              .help("TTL of `content_hostname`."),
          option("pop_probes", &Network::pop_probes)
              .probes()
              .at_most(16)
              .preset_help("one `http` probe of /.well-known/popnet/health and one `host` probe")
              .help("How every POP measures every other, and (kind `host`) itself."),
          option("pop_load", &Network::pop_load)
              .section(load_table())
              .help("What makes up the load of a POP."),
          option("pop_controller", &Network::pop_controller)
              .section(controller_table())
              .help("How fast a loaded POP gives clients away."),
          option("pop_load_target", &Network::pop_load_target)
              .number(0.05, 10, 0.8)
              .help("A POP above this load gives clients to the next best, while any POP is below it."),
          option("client_latency", &Network::client_latency)
              .section(client_latency_table())
              .help("Measuring the round trip to the resolvers that ask."),
          option("geo_file", &Network::geo_file)
              .file("a MaxMind DB")
              .help(
                  "A MaxMind DB (`.mmdb`) that says where client networks are, for chains with `continents`, "
                  "`countries` or `subdivisions`, and, if it has coordinates, for the distance between POPs "
                  "and clients that nobody has measured. Read with the config; the same on all nodes, so "
                  "that they answer alike."),
          option("dnssec", &Network::dnssec)
              .section(dnssec_table())
              .help("Signing the zones that popnet makes: the network's own without a file, and those of "
                    "hostnames "
                    "that are in no zone."),
      });
  return table;
}

const Table<ClientLatency>& client_latency_table() {
  static const Table<ClientLatency> table(
      "client_latency",
      {"Each POP measures the round trip to resolvers that have asked: ICMP echo first, then TCP. One "
       "resolver stands for "
       "its whole client network.",
       R"(client_latency:
  rate_max: 50
  max_age: 6h
)"},
      {
          option("enabled", &ClientLatency::enabled).boolean(true).help("Measure at all."),
          option("ipv4_prefix", &ClientLatency::ipv4_prefix)
              .integer(8, 32, 24)
              .help("Length of an IPv4 client network: one decision and one measurement for each."),
          option("ipv6_prefix", &ClientLatency::ipv6_prefix)
              .integer(16, 128, 48)
              .help("Length of an IPv6 client network."),
          option("rate_max", &ClientLatency::rate_max)
              .number(0.1, 100000, 20)
              .help("Measurements that a POP starts each second, all networks together."),
          option("interval", &ClientLatency::interval)
              .duration("100ms", "7d", "1m")
              .help("Least time between two measurements of one network by one POP."),
          option("timeout", &ClientLatency::timeout)
              .duration("10ms", "1m", "2s")
              .help("How long to wait for an answer."),
          option("max_age", &ClientLatency::max_age)
              .duration("1s", "30d", "1h")
              .help("An older measurement is not used any more."),
      });
  return table;
}

const Table<Pop>& pop_table() {
  static const Table<Pop> table(
      "pops", {"Points of presence. DNS answers with their `addresses`.", R"(pops:
  - name: ams
    addresses: [192.0.2.10, 2001:db8::10]
    location: {latitude: 52.37, longitude: 4.90}
    capacity: 10Gbit
)"},
      {
          option("name", &Pop::name)
              .text()
              .check(is_label)
              .required()
              .help("Unique; becomes `<name>.<zone>` in DNS."),
          option("addresses", &Pop::addresses)
              .address()
              .at_most(2)
              .required()
              .help("What DNS answers with: at most one IPv4 and one IPv6 address."),
          option("http_port", &Pop::http_port).integer(1, 65535, 80).help("Port of its edge."),
          option("dns_port", &Pop::dns_port).integer(1, 65535, 53).help("Port of its DNS server."),
          option("location", &Pop::location)
              .section(location_table())
              .help("Where it stands, for clients whose latency nobody knows."),
          option("capacity", &Pop::capacity_bits)
              .bit_rate("0", "1000Tbit", "0")
              .help("Of its uplink, each second. 0: unknown, traffic is no part of its load."),
          option("weight", &Pop::weight)
              .number(0.001, 1000, 1)
              .help("Share of clients relative to other POPs, for hostnames that `select: weighted`."),
          option("groups", &Pop::groups)
              .text()
              .check(is_word)
              .at_most(64)
              .help("Names under which rules of a hostname's `chain` know it together with others."),
      });
  return table;
}

const Table<GeoPoint>& location_table() {
  static const Table<GeoPoint> table(
      "location",
      {"A place on earth, in degrees (WGS 84).", "location: {latitude: 52.37, longitude: 4.90}\n"},
      {
          option("latitude", &GeoPoint::latitude).number(-90, 90).required().help("North is positive."),
          option("longitude", &GeoPoint::longitude).number(-180, 180).required().help("East is positive."),
      });
  return table;
}

const Table<ClientPrior>& client_table() {
  static const Table<ClientPrior> table(
      "clients",
      {"What is known of client networks beforehand. Used until they are measured; the most specific network "
       "counts.",
       R"(clients:
  - network: 198.51.100.0/24
    latency: {ams: 8ms, nyc: 85ms}
  - network: 2001:db8:1::/48
    location: {latitude: 40.71, longitude: -74.01}
)"},
      {
          option("network", &ClientPrior::network).prefix().required().help("Unique."),
          option("latency", &ClientPrior::latency)
              .duration_map(&ClientPrior::PopLatency::pop_name, &ClientPrior::PopLatency::latency, "0", "10s")
              .at_most(4096)
              .help("Round trip from POPs, by their names. Need not name all."),
          option("location", &ClientPrior::location)
              .section(location_table())
              .help("Where the network is; POPs near it come first when no latency is known."),
      });
  return table;
}

const Table<Zone>& zone_table() {
  static const Table<Zone> table(
      "zones",
      {"DNS zones answered from master files (RFC 1035 section 5) or fetched from another server, beside the "
       "network's "
       "own zone. Names in them that are hostnames of a site are decided, not static.",
       R"(zones:
  - name: example.com
    file: example.com.zone
)"},
      {
          option("name", &Zone::name)
              .zone_name()
              .required()
              .help("The zone's apex; unique. Any name of the DNS: `.` is the root (a local copy, RFC 8806), "
                    "`0/25.2.0.192.in-addr.arpa` a classless reverse zone (RFC 2317). Characters other than "
                    "letters, digits, `-`, `_` and `/` are escaped as in master files: `\\.`, `\\032`."),
          option("file", &Zone::file)
              .file("a master file")
              .check(is_something)
              .help("Its master file. Either this or `secondary` is needed."),
          option("dnssec", &Zone::dnssec).section(dnssec_table()).help("Signing the zone."),
          option("transfer", &Zone::transfer)
              .section(transfer_table())
              .help("Copies of the zone for secondaries."),
          option("secondary", &Zone::secondary)
              .section(secondary_table())
              .help("The zone's primaries, instead of a file."),
      });
  return table;
}

}  // namespace popnet::config
