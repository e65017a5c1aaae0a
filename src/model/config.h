// The config snapshot: everything an operator has written, parsed, checked and with defaults filled in. A
// plain value, immutable once made; shared by all threads. Names refer to each other by index where hot code
// follows them. Each struct is one section of the YAML file; the tables in config/schema give every field its
// name, unit, bounds, default and help, and are the place to look those up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/time.h"
#include "model/access_log.h"
#include "model/dns_options.h"
#include "model/geo_point.h"
#include "model/http_options.h"

namespace popnet::model {

struct GeoNetworks;  // model/geo.h

/// Options of one probe kind; each folder under probe/kinds derives its own.
struct KindOptions {
  virtual ~KindOptions() = default;
};

/// How to measure one thing of a target, again and again.
struct ProbeSpec {
  std::string kind;            // "http", "tcp", "ftp", "load", "icmp", …: a folder of probe/kinds
  Duration interval{};         // between the starts of two attempts
  Duration timeout{};          // of one attempt
  int rise = 2;                // successes in a row until a dead target counts as alive
  int fall = 2;                // failures in a row until a live target counts as dead
  double jitter = 0.1;         // share of the interval that each attempt may move, 0 .. 1
  Duration max_age{};          // a sample older than this is not used any more
  bool affects_health = true;  // false: measures only
  std::shared_ptr<const KindOptions> options;  // never null after loading
};

/// One customer web server.
struct Origin {
  std::string name;         // unique within its site
  Endpoint endpoint;        // where its HTTP server listens
  bool tls = false;         // speak HTTPS to it
  std::string tls_name;     // what its certificate must be for; empty = the host that is asked for
  bool tls_verify = true;   // else any certificate will do
  std::string tls_ca_file;  // PEM, whom to trust; empty = those the system trusts
  double weight = 1;        // share of users relative to its siblings at equal load; > 0
  std::vector<std::string> groups = {};  // names under which chains know it together with others
  std::vector<ProbeSpec> probes;         // the site's probes and the origin's own, merged by the loader
};

/// What a hostname resolves to.
enum class Resolve { origin, pop };

/// How the target is chosen among the candidates.
enum class Select {
  least_load,  ///< shares moved by measured load (origins), latency and load (POPs)
  latency,     ///< POPs only: lowest latency, load ignored while the POP is healthy
  weighted,    ///< fixed shares by weight
  failover,    ///< the first healthy one in configured order
};

/// How long a client keeps its target, as far as health and load allow.
enum class Persistence {
  network,  ///< a client network has one place among the targets, and keeps it
  none,     ///< each answer is drawn anew
};

/// A question's type, as far as chains tell them apart.
enum class AddressType { a, aaaa };

/// One link of a hostname's chain: for whom it is, among whom it chooses, and how. See routing/chain.h.
struct ChainRule {
  std::string name;  // for people; empty = its number

  // Whom it is for: all that is written must hold.
  std::vector<Prefix> clients = {};
  std::vector<std::string> continents = {}, countries = {},
                           subdivisions = {};  // as in GeoPlace; one must fit
  std::vector<AddressType> types = {};

  // Among whom: as written, and what that means. Written: names of targets and groups; none = all targets.
  struct Weight {
    std::string name;  // of a target or group
    double weight = 1;
    bool operator==(const Weight&) const = default;
  };
  struct Target {
    uint16_t index = 0;  // of the origin in its site, or of the POP
    double weight = 1;   // > 0
    bool operator==(const Target&) const = default;
  };
  std::vector<std::string> target_names = {};
  std::vector<Weight> weights = {};
  std::vector<Target> targets = {};  // in the order written, each once; never empty after loading

  // How: what is absent is as the hostname has it.
  std::optional<Select> select = {};
  std::optional<int> answers_max = {};
  std::optional<Duration> ttl = {}, failing_ttl = {};
  std::optional<Persistence> persistence = {};

  // When the next rule decides instead.
  int healthy_min = 1;       // with fewer targets alive it does not decide
  bool fall_through = true;  // false: decides for all whom it is for, dead or alive

  bool operator==(const ChainRule&) const = default;
};

struct Hostname {
  static constexpr uint32_t no_chain = UINT32_MAX;

  std::string name;  // lower case, no final dot
  Resolve resolve = Resolve::origin;
  Select select = Select::least_load;
  Duration ttl{};                            // whole seconds
  int answers_max = 2;                       // addresses in one answer, where that many targets are good
  std::optional<Duration> failing_ttl = {};  // while a candidate is down; absent: the lower of ttl and 10 s
  Persistence persistence = Persistence::network;
  int ipv4_prefix = 32, ipv6_prefix = 128;   // clients of one such network have one place
  std::vector<std::string> https_alpn = {};  // protocols of its HTTPS record (RFC 9460); empty = none is made
  std::vector<ChainRule> chain = {};         // the first that decides; empty: the above alone
  uint32_t chain_index = no_chain;           // of link_chains(); hostnames with the same chain share one
};

/// What the edge does with a request.
enum class Action {
  cache,     ///< serve from the store, fill from the least loaded origin
  proxy,     ///< hand to the least loaded origin, never stored
  redirect,  ///< 302 to the least loaded origin's own address
  deny,      ///< 403
};

/// The first rule whose path matches decides.
struct Rule {
  std::string path;  // "/static/*" (prefix), "*.png" (suffix), "/x" (exact), "*" (all)
  Action action = Action::cache;
  std::optional<Duration> ttl;  // freshness to use instead of the origin's fields
  std::string redirect_host;    // redirect: host[:port] to send users to; empty = the origin's address:port
  std::optional<uint64_t> slice = {};  // cache: as CacheOptions::slice; absent = what that says
};

/// Weights of what makes up the load of a target; see routing/load.h for the formula.
struct LoadModel {
  double cpu = 1;
  double memory = 0.25;
  double http = 1;
  double ftp = 0.5;
  double tcp = 0;
  Duration http_reference{};  // an HTTP first byte this late counts as load 1
  Duration ftp_reference{};
  Duration tcp_reference{};
};

/// How fast shares follow load; see routing/shares.h.
struct Controller {
  double gain = 0.2;       // share moved each second for a load difference of 1
  double step_max = 0.05;  // most that one share moves in a second
  double deadband = 0.05;  // load differences below this move nothing
};

/// One customer.
struct Site {
  std::string name;  // unique; lower case letters, digits, '-'
  std::vector<Hostname> hostnames;
  std::string content_prefix;   // first path segment under the shared content hostname; empty = none
  std::string origin_host;      // Host field sent to origins; empty = what the user asked for
  std::vector<Origin> origins;  // at least one
  std::vector<Rule>
      rules;  // what none matches: pages (hostnames that resolve to origins) are proxied, all else cached
  LoadModel load;
  Controller controller;
  CacheOptions cache;
  FillOptions fill = {};
  std::vector<Prefix> purge_from;  // client addresses whose PURGE requests are carried out; empty = nobody's
  bool request_id = false;         // answers have the request's X-Request-Id
  bool server_timing = false;      // answers say what they took
  bool any_host = false;          // also answers, at the edge, every Host that nobody names; at most one site
  std::vector<ProbeSpec> probes;  // as written for all origins; Origin::probes has them merged in: use those
};

/// One point of presence.
struct Pop {
  std::string name;                  // unique; lower case letters, digits, '-'
  std::vector<IpAddress> addresses;  // what DNS answers with: at most one IPv4 and one IPv6; at least one
  uint16_t http_port = 80;
  uint16_t dns_port = 53;  // where its DNS server is reached, for probes
  std::optional<GeoPoint> location;
  uint64_t capacity_bits = 0;  // of its uplink, bits each second
  double weight = 1;
  std::vector<std::string> groups = {};  // names under which chains know it together with others
};

/// What is known beforehand of a client network, used until it is measured.
struct ClientPrior {
  Prefix network;
  struct PopLatency {
    uint32_t pop;  // index into Config::pops
    Duration latency;
    std::string pop_name = {};  // as written
  };
  std::vector<PopLatency> latency;
  std::optional<GeoPoint> location;
};

enum class DnssecAlgorithm { ecdsa_p256, ed25519 };

/// How a signed zone proves that a name or type is not there.
enum class Denial {
  compact,  ///< NSEC for the name itself, with the type NXNAME (RFC 9824)
  nsec3,    ///< NSEC3 that covers little more than the name's hash (RFC 7129 appendix B)
};

/// How a zone is signed. All times in whole seconds.
struct Dnssec {
  bool enabled = false;
  DnssecAlgorithm algorithm = DnssecAlgorithm::ecdsa_p256;
  Denial denial = Denial::compact;
  bool split = false;       // a KSK and a ZSK instead of one key for everything (CSK)
  Duration ksk_lifetime{};  // of KSK or CSK; 0 = until an operator asks for a successor
  Duration zsk_lifetime{};
  Duration validity{};  // of signatures
  Duration dnskey_ttl{};
  Duration zone_ttl_max{};  // no signed record has a higher TTL
  Duration ds_ttl{};        // of the DS set in the parent zone
  Duration propagation{};   // until all servers of the zone answer alike
};

struct Zone {
  std::string name;  // lower case, no final dot
  std::string file;  // master file (RFC 1035 section 5); empty: see `secondary`
  Dnssec dnssec;
  Transfer transfer = {};
  Secondary secondary = {};
};

/// Measuring the round trip to the resolvers that ask.
struct ClientLatency {
  bool enabled = true;
  int ipv4_prefix = 24;  // one decision, one measurement, for each such network
  int ipv6_prefix = 48;
  double rate_max = 20;  // measurements started each second, in total, each POP
  Duration interval{};   // least time between two measurements of one network
  Duration timeout{};
  Duration max_age{};  // a measurement older than this is not used any more
};

/// The network as a whole: the same on every node.
struct Network {
  std::string name;
  std::string zone;                   // popnet's own zone: <pop>.<zone> for each POP; empty = none
  std::string contact;                // SOA RNAME as a mail address
  std::string content_hostname;       // shared by all sites that have a content_prefix; empty = none
  Duration ttl{};                     // of names that are not decided
  Duration content_ttl{};             // of the shared content hostname
  std::vector<ProbeSpec> pop_probes;  // how every POP measures every other
  LoadModel pop_load;
  Controller pop_controller;
  double pop_load_target = 0.8;  // a POP above this load gives clients away
  ClientLatency client_latency;
  std::string geo_file;  // a MaxMind DB that says where client networks are; empty = none
  Dnssec dnssec;  // of the zones that popnet makes: the network's own, and those of hostnames in no zone
};

/// This process: differs on each node.
struct Node {
  std::string pop;   // name of the POP it belongs to; with one POP in the config the default is that
  std::string name;  // its own, unique in the network; default: the POP's, which does for a POP of one node
  uint32_t pop_index = 0;
  bool dns = true, edge = true, probe = true, control = true;  // roles
  int threads = 0;                                             // each for DNS and edge; 0 = one for each core
  std::vector<Endpoint> dns_listen;
  std::vector<Endpoint> http_listen;
  Endpoint admin_listen;
  std::string state_dir;      // empty = keep nothing on disk
  uint64_t cache_memory = 0;  // bytes
  std::string key_dir;        // DNSSEC keys of all zones
  bool manage_keys = true;    // makes, rolls and removes keys; other nodes only read them
  int signing_rate = 0;       // signatures made for queries, each second
  Duration drain_timeout{};
  std::string log_level;
  AccessLog access_log;
  DnsNode dns_server;
  HttpNode http_server;
  std::vector<Prefix> private_origins;  // private addresses that the network's document may name as origins
};

enum class BusKind { memory, nats };

struct Bus {
  BusKind kind = BusKind::memory;
  std::string url;             // nats://host:port
  bool follow_config = false;  // take sites, POPs and network from the bus when it has them
};

/// Where an edge answers the health probes of other POPs, on every host (RFC 8615 well-known URI).
inline constexpr const char* edge_health_path = "/.well-known/popnet/health";

struct Config {
  uint64_t generation = 0;  // counts up with every accepted config of this node
  std::string source;       // what was read, merged, as YAML
  uint64_t revision = 0;    // of the network's document that is in it, as the bus counts; 0 = none
  Network network;
  Dns dns;
  Node node;
  Bus bus;
  std::vector<Pop> pops;
  std::vector<Site> sites;
  std::vector<ClientPrior> clients;
  std::vector<Zone> zones;
  std::shared_ptr<const GeoNetworks> geo;  // of network.geo_file; null = nothing is known
};

/// Numbers the chains of all hostnames, from 0 on. Hostnames of one site that are decided alike get one number.
/// REQUIRES: the targets of all rules are filled in
void link_chains(Config& config);

/// The longest TTL that answers for the hostname may have.
Duration longest_ttl(const Hostname& host);

}  // namespace popnet::model
