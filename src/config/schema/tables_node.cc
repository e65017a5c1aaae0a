#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::AccessLog;
using model::Bus;
using model::Node;

const Table<Node>& node_table() {
  static const Table<Node> table(
      "node",
      {"This process. The only section, with `bus`, that differs from node to node. A role without an "
       "address to "
       "listen on is off.",
       R"(node:
  pop: ams
  admin_listen: 127.0.0.1:8500
  state_dir: /var/lib/popnet
  cache_memory: 8GiB
)"},
      {
          option("pop", &Node::pop)
              .text()
              .check(is_label)
              .restart()
              .preset_help("the only POP of the config")
              .help("Name of the POP that this node belongs to."),
          option("name", &Node::name)
              .text()
              .check(is_label)
              .restart()
              .preset_help("the POP's name")
              .help("Name of this node, unique in the network. A POP may be several nodes that share its "
                    "`addresses` (behind a balancer, or by ECMP); each then needs a name of its own, such "
                    "as ams-2."),
          option("dns", &Node::dns).boolean(true).restart().help("Answer DNS queries."),
          option("edge", &Node::edge).boolean(true).restart().help("Answer HTTP requests: cache and proxy."),
          option("probe", &Node::probe)
              .boolean(true)
              .restart()
              .help("Measure origins, POPs and resolvers, and tell the others."),
          option("control", &Node::control)
              .boolean(true)
              .restart()
              .help("Answer on `admin_listen`: API, /metrics, /healthz, /readyz."),
          option("threads", &Node::threads)
              .integer(0, 1024, 0)
              .restart()
              .help("Threads for DNS, and as many for the edge; 0 means one for each core."),
          option("dns_listen", &Node::dns_listen)
              .endpoint()
              .at_most(64)
              .restart()
              .preset_help("the POP's `addresses` at its `dns_port`")
              .help("Where DNS queries arrive, over UDP and TCP. Without `pops` in the config there is no "
                    "default: DNS is "
                    "off unless this is written."),
          option("dns_server", &Node::dns_server)
              .section(dns_node_table())
              .help("The DNS server of this node."),
          option("http_listen", &Node::http_listen)
              .endpoint()
              .at_most(64)
              .restart()
              .preset_help("the POP's `addresses` at its `http_port`")
              .help("Where HTTP requests arrive. Without `pops` in the config there is no default: the edge "
                    "is off unless "
                    "this is written."),
          option("http_server", &Node::http_server).section(http_node_table()).help("The edge of this node."),
          option("private_origins", &Node::private_origins)
              .prefix()
              .at_most(256)
              .help(
                  "Loopback, private and link-local addresses that the network's document, which comes over "
                  "the API or the bus, may name as origins. Others it may not: they would make this node ask "
                  "what only this node can reach. What the node's own file names needs no permission."),
          option("admin_listen", &Node::admin_listen)
              .endpoint("127.0.0.1:8500")
              .restart()
              .help("Where the admin API answers. It asks for no password: keep it on an address only you "
                    "can reach."),
          option("state_dir", &Node::state_dir)
              .text()
              .restart()
              .help("Folder for the last known config and metrics, so that the node starts and serves "
                    "without the bus, and for `serve --replace`. "
                    "None: nothing is kept on disk. A relative path counts from the config file."),
          option("cache_memory", &Node::cache_memory)
              .size("1MiB", "16TiB", "256MiB")
              .restart()
              .help("Memory for stored objects, those that are being fetched included. What one site fetches "
                    "at a "
                    "time takes at most half of it: what finds no room is passed on, not stored."),
          option("key_dir", &Node::key_dir)
              .text()
              .preset_help("`keys` in the `state_dir`")
              .restart()
              .help("Folder of the DNSSEC keys of all zones. All nodes of a network need the same keys: a "
                    "shared "
                    "folder, or copies. A relative path counts from the config file."),
          option("manage_keys", &Node::manage_keys)
              .boolean(true)
              .restart()
              .help("Make, roll and remove keys. True on one node of a network only; the others read what it "
                    "writes."),
          option("signing_rate", &Node::signing_rate)
              .integer(1, 1000000, 2000)
              .restart()
              .help("Signatures made each second for names that are asked for and not signed yet. Beyond it, "
                    "UDP "
                    "queries are sent to TCP, so that random names cannot use up the CPU."),
          option("drain_timeout", &Node::drain_timeout)
              .duration("0", "1h", "10s")
              .help("At SIGTERM, how long running requests may go on before they are cut; and, when another "
                    "process has taken over (`serve --replace`), how long connections may."),
          option("log_level", &Node::log_level)
              .choice({{"debug", "debug", "everything, for finding faults"},
                       {"info", "info", "what an operator wants to know"},
                       {"warning", "warning", "what should not be so, but is coped with"},
                       {"error", "error", "what needs a human"}},
                      "info")
              .help("Least weight of the lines that are logged."),
          option("access_log", &Node::access_log)
              .section(access_log_table())
              .help("The log of the requests that this node's edge answers."),
      });
  return table;
}

const Table<AccessLog>& access_log_table() {
  using model::LogField;
  static const Table<AccessLog> table(
      "access_log",
      {"One line for each request, when its answer has been sent. The threads that serve only fill memory; "
       "another "
       "writes, and what finds no room is counted in `popnet_http_log_dropped_total`. A file that was moved "
       "away "
       "or removed is made anew within a second.",
       R"(access_log:
  file: /var/log/popnet/access.log
  format: json
  fields: [time, site, client, method, host, path, status, bytes, cache, total]
  sample: 0.1
)"},
      {
          option("file", &AccessLog::file)
              .text()
              .restart()
              .help("Where to; `-` is the standard output. None: nothing is logged. A relative path counts "
                    "from "
                    "the config file."),
          option("format", &AccessLog::format)
              .choice({{"json", AccessLog::Format::json, "an object each line"},
                       {"combined", AccessLog::Format::combined, "that of Apache and nginx"}},
                      "json")
              .restart()
              .help("What a line looks like."),
          option("fields", &AccessLog::fields)
              .choice({{"time", LogField::time, "when the answer had been sent, UTC"},
                       {"request_id", LogField::request_id, "the request's `X-Request-Id`, else one of ours"},
                       {"client", LogField::client, "its address"},
                       {"site", LogField::site, "whose content was asked for"},
                       {"method", LogField::method, "of the request"},
                       {"host", LogField::host, "as sent, without port"},
                       {"path", LogField::path, "with the query, as sent"},
                       {"protocol", LogField::protocol, "`HTTP/1.1`"},
                       {"status", LogField::status, "of the answer; 0 when the client had gone"},
                       {"bytes", LogField::bytes, "sent, the head included"},
                       {"cache", LogField::cache, "how it was answered: as in `popnet_http_requests_total`"},
                       {"first_byte", LogField::first_byte, "seconds until the answer began"},
                       {"total", LogField::total, "seconds until it had been sent"},
                       {"user_agent", LogField::user_agent, "as sent"},
                       {"referer", LogField::referer, "as sent"}})
              .at_most(32)
              .preset_help("all of them")
              .restart()
              .help("With `json`: what a line has, in this order."),
          option("sample", &AccessLog::sample)
              .number(0, 1, 1)
              .restart()
              .help("The part of the requests that is logged, drawn at random."),
      });
  return table;
}

const Table<Bus>& bus_table() {
  static const Table<Bus> table(
      "bus", {"How nodes talk to each other.", R"(bus:
  kind: nats
  url: nats://10.0.0.1:4222,nats://10.0.0.2:4222
  follow_config: true
)"},
      {
          option("kind", &Bus::kind)
              .choice({{"memory", model::BusKind::memory, "within this process: for a single node"},
                       {"nats", model::BusKind::nats,
                        "through NATS servers with JetStream: for several machines"}},
                      "memory")
              .restart()
              .help("What carries measurements, config and purges."),
          option("url", &Bus::url)
              .text("nats://127.0.0.1:4222")
              .check(is_nats_url)
              .restart()
              .help("NATS servers, separated by commas. Unused with `memory`."),
          option("follow_config", &Bus::follow_config)
              .boolean(false)
              .restart()
              .help("Take every section but `node` and `bus` from the config that the bus holds, as soon as "
                    "it holds one; "
                    "this file's sections fill in what that lacks."),
      });
  return table;
}

}  // namespace popnet::config
