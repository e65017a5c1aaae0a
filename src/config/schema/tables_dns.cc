#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::Cookies;
using model::Dns;
using model::DnsNode;
using model::RateLimit;
using model::Secondary;
using model::Transfer;
using model::TsigAlgorithm;
using model::TsigKey;
using model::XdpInterface;
using model::XdpMode;

const Table<Dns>& dns_table() {
  static const Table<Dns> table(
      "dns", {"How the DNS servers treat those who ask: the same on every node.", R"(dns:
  cookie_secrets: [0f1e2d3c4b5a69788796a5b4c3d2e1f0]
  rate_limit: {per_second: 100}
)"},
      {
          option("cookies", &Dns::cookies)
              .choice({{"off", Cookies::off, "ignored, as an unknown option is"},
                       {"answer", Cookies::answer,
                        "answered; who shows a valid one is exempt from the rate limit"},
                       {"require", Cookies::require,
                        "who sends a cookie without a valid server part gets BADCOOKIE and asks again; who "
                        "sends none is answered"}},
                      "answer")
              .help("DNS cookies (RFC 7873, RFC 9018)."),
          option("cookie_secrets", &Dns::cookie_secrets)
              .text()
              .check(is_key_of_16_bytes)
              .at_most(4)
              .preset_help("made from the node's own chance at each start")
              .help("32 hexadecimal digits each, shared by all nodes and by other servers at the same "
                    "address. The first one makes cookies, all are accepted. To change it: add the new one "
                    "at the end everywhere; then move it to the front everywhere; an hour later remove the "
                    "old one."),
          option("rate_limit", &Dns::rate_limit)
              .section(rate_limit_table())
              .help("Response rate limiting: how much spoofed sources can make a server send to a victim."),
          option("tsig_keys", &Dns::tsig_keys)
              .section(tsig_key_table())
              .at_most(256)
              .help("Secrets shared with other name servers, for zone transfers and signed queries."),
          option("tcp_connections_max", &Dns::tcp_connections_max)
              .integer(1, 1'000'000, 1000)
              .restart()
              .help("DNS connections over TCP and TLS on each thread. One more closes the one that has been "
                    "idle longest."),
          option("tcp_connections_per_source", &Dns::tcp_connections_per_source)
              .integer(1, 1'000'000, 100)
              .restart()
              .help("Of these, from one address; more are refused."),
          option("tcp_idle", &Dns::tcp_idle)
              .duration("1s", "10m", "10s")
              .restart()
              .help("A connection that brings no whole query for so long is closed. Clients learn it with "
                    "TCP keepalive (RFC 7828)."),
      });
  return table;
}

const Table<RateLimit>& rate_limit_table() {
  static const Table<RateLimit> table(
      "rate_limit",
      {"Like answers (same client network and name; for answers that random names can bring, same client "
       "network and zone) over UDP. TCP, and who shows a valid cookie, are never limited.",
       R"(rate_limit:
  per_second: 100
  slip: 2
  exempt: [192.0.2.0/24]
)"},
      {
          option("per_second", &RateLimit::per_second)
              .integer(0, 60'000, 0)
              .help("Like answers each second; 0 means no limit. Resolvers that send client subnets ask for "
                    "one name once for each subnet: give them room, or exempt them."),
          option("slip", &RateLimit::slip)
              .integer(0, 100, 2)
              .help("Every how manieth answer over the limit goes out truncated, so that a true resolver "
                    "asks again over TCP; 1 means all, 0 none."),
          option("ipv4_prefix", &RateLimit::ipv4_prefix)
              .integer(1, 32, 24)
              .help("Length of an IPv4 client network."),
          option("ipv6_prefix", &RateLimit::ipv6_prefix)
              .integer(1, 128, 56)
              .help("Length of an IPv6 client network."),
          option("exempt", &RateLimit::exempt).prefix().at_most(256).help("Client networks without a limit."),
      });
  return table;
}

const Table<TsigKey>& tsig_key_table() {
  static const Table<TsigKey> table(
      "tsig_keys",
      {"Messages signed with a shared secret (TSIG, RFC 8945). All servers that share a key need the same "
       "clock, to five minutes.",
       R"(tsig_keys:
  - {name: transfer.example.com, secret: c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYyE=}
)"},
      {
          option("name", &TsigKey::name).dns_name().required().help("As the other server calls it; unique."),
          option("algorithm", &TsigKey::algorithm)
              .choice(
                  {{"hmac-sha256", TsigAlgorithm::hmac_sha256, "HMAC with SHA-256: every server knows it"},
                   {"hmac-sha512", TsigAlgorithm::hmac_sha512, "HMAC with SHA-512"}},
                  "hmac-sha256")
              .help("What signs."),
          option("secret", &TsigKey::secret)
              .text()
              .check(is_base64)
              .required()
              .help("The secret in base64, as `tsig-keygen` and `keymgr -t` print it."),
      });
  return table;
}

const Table<Transfer>& transfer_table() {
  static const Table<Transfer> table(
      "transfer",
      {"Copies of the zone for secondaries (AXFR, IXFR) and who is told of new versions (NOTIFY). Without "
       "`to` and `key`, "
       "nobody gets one.",
       R"(zones:
  - name: example.com
    file: example.com.zone
    transfer: {to: [192.0.2.53], key: transfer.example.com, notify: ["192.0.2.53:53"]}
)"},
      {
          option("to", &Transfer::to)
              .prefix()
              .at_most(256)
              .help("Networks of those who may fetch the zone. Empty, with a `key`: from anywhere."),
          option("key", &Transfer::key)
              .dns_name()
              .preset_help("none: the address is enough")
              .help("Name of the key in `dns.tsig_keys` that they must sign with. NOTIFY is signed with it, "
                    "too."),
          option("notify", &Transfer::notify)
              .endpoint()
              .at_most(64)
              .help("Servers that are told when the zone has a new serial number."),
          option("decided", &Transfer::decided)
              .choice({{"answer", true,
                        "with the addresses that a query from the secondary would get then; the zone always "
                        "goes as a whole"},
                       {"omit", false, "left out"}},
                      "answer")
              .help("What becomes of decided names in a copy."),
      });
  return table;
}

const Table<Secondary>& secondary_table() {
  static const Table<Secondary> table(
      "secondary",
      {"The zone is fetched from another server (AXFR, IXFR over TCP) and kept up to date by its SOA "
       "record's "
       "times and by "
       "NOTIFY. The last version is kept in `zones` of the `state_dir`, for a start while no primary "
       "answers.",
       R"(zones:
  - name: example.com
    secondary: {primaries: ["192.0.2.10:53"], key: transfer.example.com}
)"},
      {
          option("primaries", &Secondary::primaries)
              .endpoint()
              .at_most(16)
              .help("Servers that have the zone. They are asked in this order until one answers."),
          option("key", &Secondary::key)
              .dns_name()
              .preset_help("none: unsigned")
              .help("Name of the key in `dns.tsig_keys` that queries to the primaries are signed with, and "
                    "that their answers and "
                    "NOTIFY must be signed with."),
          option("notify_from", &Secondary::notify_from)
              .prefix()
              .at_most(64)
              .preset_help("the primaries")
              .help("Networks whose NOTIFY is believed."),
          option("catalog", &Secondary::catalog)
              .boolean(false)
              .help("This is a catalog zone (RFC 9432): the zones that it names are fetched from the same "
                    "primaries, with this zone's other options. The catalog itself is not answered for."),
      });
  return table;
}

const Table<XdpInterface>& xdp_table() {
  static const Table<XdpInterface> table(
      "xdp",
      {"Network interfaces whose queries over UDP are taken off before the kernel's network stack, and "
       "answered past "
       "it (AF_XDP): for servers that get more queries than the stack can carry. TCP and all else takes its "
       "usual "
       "way. Needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF. Firewalls, routes and packet captures do "
       "not "
       "see what goes this way: docs/dns.md says what follows from that.",
       R"(dns_server:
  xdp:
    - {interface: eth0}
)"},
      {
          option("interface", &XdpInterface::interface)
              .text()
              .required()
              .restart()
              .help("Its name, as `ip link` shows it. All its queues are served, each by one thread: "
                    "`ethtool -L` sets "
                    "how many it has."),
          option("mode", &XdpInterface::mode)
              .choice(
                  {{"auto", XdpMode::automatic, "zero_copy if the driver can, else copy"},
                   {"zero_copy", XdpMode::zero_copy,
                    "the network card writes into popnet's memory; where it cannot, the node does not start"},
                   {"copy", XdpMode::copy, "the kernel copies each frame; also for veth and virtio"},
                   {"generic", XdpMode::generic,
                    "for drivers without XDP: the kernel takes frames off behind the driver; hardly faster "
                    "than "
                    "sockets"}},
                  "auto")
              .restart()
              .help("How frames come from the driver."),
      });
  return table;
}

const Table<DnsNode>& dns_node_table() {
  static const Table<DnsNode> table(
      "dns_server", {"The DNS server of this node.", R"(dns_server:
  nsid: ams-1
)"},
      {
          option("nsid", &DnsNode::nsid)
              .text()
              .check(is_nsid)
              .preset_help("the POP's name")
              .help("What the server calls itself to those who ask with NSID (RFC 5001). Empty: it does not "
                    "tell."),
          option("tls_listen", &DnsNode::tls_listen)
              .endpoint()
              .at_most(64)
              .restart()
              .help("Where queries over TLS (RFC 7858) arrive; the usual port is 853."),
          option("tls_certificate", &DnsNode::tls_certificate)
              .file("a PEM file")
              .help("PEM file with the certificate and its chain. Read again at every reload."),
          option("tls_key", &DnsNode::tls_key)
              .file("a PEM file")
              .help("PEM file with the certificate's key."),
          option("proxies", &DnsNode::proxies)
              .prefix()
              .at_most(256)
              .help("Load balancers that put a PROXY header (version 2) before each UDP message and each "
                    "connection: from these it must be there, from others it is refused."),
          option("xdp", &DnsNode::xdp)
              .section(xdp_table())
              .at_most(16)
              .restart()
              .help("Interfaces whose queries pass by the kernel's network stack."),
          option("dnstap", &DnsNode::dnstap)
              .section(dnstap_table())
              .help("Whole messages for programs that read dnstap (https://dnstap.info)."),
          option("query_log", &DnsNode::query_log)
              .section(query_log_table())
              .help("A line for each query, for people."),
      });
  return table;
}

const Table<model::Dnstap>& dnstap_table() {
  using model::Dnstap;
  using model::DnstapMessage;
  static const Table<Dnstap> table(
      "dnstap",
      {"Queries and replies as they were on the wire, as dnstap messages AUTH_QUERY and AUTH_RESPONSE in "
       "Frame "
       "Streams. "
       "Nobody waits for the reader: what he misses is counted in `popnet_dns_tap_lost_total` and "
       "`popnet_dns_records_dropped_total`. Zone transfers are not among them.",
       R"(dnstap:
  socket: /run/dnstap.sock
  messages: [response]
  sample: 0.01
)"},
      {
          option("socket", &Dnstap::socket)
              .text()
              .restart()
              .help(
                  "Local socket where a reader listens; he may come and go. A relative path counts from the "
                  "config file."),
          option("file", &Dnstap::file)
              .text()
              .restart()
              .help("Or a file. What is there at the start is renamed to `FILE.old`; when it was moved away, "
                    "it is "
                    "made anew within a second. A relative path counts from the config file."),
          option("messages", &Dnstap::messages)
              .choice({{"query", DnstapMessage::query, "AUTH_QUERY"},
                       {"response", DnstapMessage::response, "AUTH_RESPONSE"}})
              .at_most(2)
              .preset_help("both")
              .restart()
              .help("Which messages."),
          option("sample", &Dnstap::sample)
              .number(0, 1, 1)
              .restart()
              .help("The part of the queries, drawn at random."),
      });
  return table;
}

const Table<model::QueryLog>& query_log_table() {
  using model::QueryLog;
  static const Table<QueryLog> table(
      "query_log",
      {"One JSON object a line: `time`, `client`, `port`, `transport`, `name`, `type`, `subnet` (of the "
       "client, where "
       "the query has one), `udp_size`, `do`, `rcode` (null: no reply), `kind` (as in "
       "`popnet_dns_zone_answers_total`), `truncated`, `query_bytes`, `reply_bytes`. A file that was moved "
       "away or "
       "removed is made anew within a second.",
       R"(query_log:
  file: /var/log/popnet/queries.log
  sample: 0.001
)"},
      {
          option("file", &QueryLog::file)
              .text()
              .restart()
              .help("Where to; `-` is the standard output. None: nothing is logged. A relative path counts "
                    "from the "
                    "config file."),
          option("sample", &QueryLog::sample)
              .number(0, 1, 1)
              .restart()
              .help("The part of the queries that is logged, drawn at random."),
      });
  return table;
}

}  // namespace popnet::config
