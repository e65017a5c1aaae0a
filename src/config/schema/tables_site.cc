#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::Action;
using model::AddressType;
using model::ChainRule;
using model::Controller;
using model::Hostname;
using model::LoadModel;
using model::Origin;
using model::Persistence;
using model::ProbeSpec;
using model::Resolve;
using model::Rule;
using model::Select;
using model::Site;

const Table<Site>& site_table() {
  static const Table<Site> table(
      "sites",
      {"One site for each customer: hostnames that users ask for, origins that have the content, rules for "
       "what the edge "
       "does. A site needs at least one origin, and one of `hostnames`, `content_prefix` or `any_host`.",
       R"(sites:
  - name: shop
    hostnames:
      - {name: www.shop.example, resolve: origin}
      - {name: static.shop.example, resolve: pop}
    origins:
      - {name: a, address: 203.0.113.1:80}
      - {name: b, address: 203.0.113.2:80}
    probes:
      - {kind: http, path: /health, interval: 1s, timeout: 500ms}
)"},
      {
          option("name", &Site::name).text().check(is_label).required().help("Unique."),
          option("hostnames", &Site::hostnames).section(hostname_table()).help("Names that users ask for."),
          option("content_prefix", &Site::content_prefix)
              .text()
              .check(is_path_segment)
              .help("First segment of the paths that are this site's under `network.content_hostname`; "
                    "unique. It is cut off "
                    "before rules, cache key and origin see the path."),
          option("any_host", &Site::any_host)
              .boolean(false)
              .help("At the edge, answer also every Host that nobody names. One site at most."),
          option("origin_host", &Site::origin_host)
              .text()
              .check(is_host)
              .preset_help("what the user asked for")
              .help("Host field sent to origins."),
          option("origins", &Site::origins)
              .section(origin_table())
              .at_most(1024)
              .required()
              .help("The customer's web servers."),
          option("probes", &Site::probes)
              .probes()
              .at_most(16)
              .preset_help("one `http` probe with that kind's defaults")
              .help("How every origin is measured. An origin's own probes take the place of those of the "
                    "same kind."),
          option("rules", &Site::rules)
              .section(rule_table())
              .at_most(1024)
              .help("What the edge does, by path. The first that matches decides. What none matches is "
                    "cached; under hostnames that resolve to an origin it is proxied."),
          option("load", &Site::load).section(load_table()).help("What makes up the load of an origin."),
          option("controller", &Site::controller)
              .section(controller_table())
              .help("How fast users move from loaded origins to others."),
          option("purge_from", &Site::purge_from)
              .prefix()
              .at_most(256)
              .help("Who may purge what the edge has stored of this site, with PURGE requests: addresses of "
                    "clients as the edge sees them."),
          option("request_id", &Site::request_id)
              .boolean(false)
              .help("Answers have `X-Request-Id`: the request's own, else the one that the edge gave it. "
                    "Origins "
                    "and the access log get it always."),
          option("server_timing", &Site::server_timing)
              .boolean(false)
              .help("Answers say what they took, in `Server-Timing`: for the developer tools of browsers."),
          option("cache", &Site::cache)
              .section(cache_table())
              .help("How the edge stores this site's content."),
          option("fill", &Site::fill)
              .section(fill_table())
              .help(
                  "How long the edge waits for this site's origins, and how much it asks of them at a time."),
      });
  return table;
}

namespace {

std::vector<Choice<Select>> ways_to_select() {
  return {{"least_load", Select::least_load, "shares moved by measured load; for POPs also latency"},
          {"latency", Select::latency, "POPs only: the nearest, whatever its load"},
          {"weighted", Select::weighted, "fixed shares by `weight`"},
          {"failover", Select::failover, "the first healthy one, in order"}};
}

std::vector<Choice<Persistence>> ways_to_persist() {
  return {{"network", Persistence::network,
           "a client network keeps its target; when one of n leaves, only its own clients move"},
          {"none", Persistence::none, "each answer is drawn anew, and caches may give it to anybody"}};
}

}  // namespace

const Table<Hostname>& hostname_table() {
  static const Table<Hostname> table(
      "hostnames", {"A name that users ask for, and how DNS answers.", R"(hostnames:
  - name: www.shop.example
    resolve: origin
    select: least_load
    ttl: 20s
)"},
      {
          option("name", &Hostname::name).dns_name().required().help("Unique over all sites."),
          option("resolve", &Hostname::resolve)
              .choice({{"origin", Resolve::origin, "one of the site's own web servers"},
                       {"pop", Resolve::pop, "a POP, whose edge serves or directs the request"}},
                      "origin")
              .help("What it resolves to."),
          option("select", &Hostname::select)
              .choice(ways_to_select(), "least_load")
              .help("How the target is chosen, among all, where no rule of `chain` decides."),
          option("ttl", &Hostname::ttl)
              .duration("0", "1d", "20s")
              .check(is_whole_seconds)
              .help("How long resolvers may keep an answer. Shorter reacts faster and asks more."),
          option("failing_ttl", &Hostname::failing_ttl)
              .duration("0", "1d")
              .check(is_whole_seconds)
              .preset_help("the lower of `ttl` and 10s")
              .help(
                  "The TTL while a target that the answer could name is down: users come back soon after it "
                  "does, and leave soon if the others are too weak."),
          option("answers_max", &Hostname::answers_max)
              .integer(1, 4, 2)
              .help("Addresses in one answer, where that many targets are good; browsers try the next by "
                    "themselves."),
          option("persistence", &Hostname::persistence)
              .choice(ways_to_persist(), "network")
              .help("How long a client keeps its target, as far as health and load allow."),
          option("ipv4_prefix", &Hostname::ipv4_prefix)
              .integer(1, 32, 32)
              .help("With `persistence: network`: all clients in a network of this length have one place. "
                    "Lengths above `network.client_latency.ipv4_prefix` mean that one."),
          option("ipv6_prefix", &Hostname::ipv6_prefix).integer(1, 128, 128).help("The same for IPv6."),
          option("https_alpn", &Hostname::https_alpn)
              .text()
              .check(is_alpn)
              .at_most(8)
              .help("Answer HTTPS questions (RFC 9460) with a record of these protocols and, as hints, the "
                    "addresses that are decided for the client. Browsers that see it ask over HTTPS only. A "
                    "record "
                    "of the zone file goes first."),
          option("chain", &Hostname::chain)
              .section(chain_table())
              .at_most(32)
              .help("Rules. The first decides that is for the client and has a healthy target; where none "
                    "does, the hostname's own `select` chooses among all targets."),
      });
  return table;
}

const Table<ChainRule>& chain_table() {
  static const Table<ChainRule> table(
      "chain",
      {"A rule of a hostname: for whom it is (all of `clients`, the places and `types` that are written must "
       "fit), among whom it chooses, and how. What it leaves out is as the hostname has it. When all targets "
       "that rules and hostname could choose are down, the first rule that is for the client answers as if "
       "its "
       "own were alive.",
       R"(chain:
  - {name: office, clients: [192.0.2.0/24], targets: [staging], fall_through: false}
  - {name: europe, continents: [EU], targets: [eu], select: least_load}
  - {name: others, targets: [us, eu], select: failover, ttl: 60s, failing_ttl: 5s}
)"},
      {
          option("name", &ChainRule::name)
              .text()
              .check(is_word)
              .preset_help("its number")
              .help("For people, and `popnet explain`."),
          option("clients", &ChainRule::clients)
              .prefix()
              .at_most(100'000)
              .preset_help("everybody")
              .help("Client networks that it is for."),
          option("continents", &ChainRule::continents)
              .text()
              .check(is_continent)
              .at_most(7)
              .preset_help("everybody")
              .help("Clients that it is for, by the database `network.geo_file`: AF, AN, AS, EU, NA, OC, SA. "
                    "Of `continents`, `countries` and `subdivisions` one has to fit."),
          option("countries", &ChainRule::countries)
              .text()
              .check(is_country)
              .at_most(300)
              .preset_help("everybody")
              .help("The same by country: ISO 3166-1, two letters."),
          option("subdivisions", &ChainRule::subdivisions)
              .text()
              .check(is_subdivision)
              .at_most(1000)
              .preset_help("everybody")
              .help("The same by state or province: ISO 3166-2, like `US-CA`."),
          option("types", &ChainRule::types)
              .choice({{"A", AddressType::a, ""}, {"AAAA", AddressType::aaaa, ""}})
              .at_most(2)
              .preset_help("all")
              .help("Types of questions that it is for."),
          option("targets", &ChainRule::target_names)
              .text()
              .check(is_word)
              .at_most(1024)
              .preset_help("all")
              .help(
                  "Among whom it chooses: names of origins (of POPs, where the hostname resolves to one), or "
                  "of their `groups`. With `select: failover` in this order."),
          option("select", &ChainRule::select)
              .choice(ways_to_select())
              .preset_help("the hostname's")
              .help("How the target is chosen."),
          option("weights", &ChainRule::weights)
              .number_map(&ChainRule::Weight::name, &ChainRule::Weight::weight, 0.001, 1000)
              .preset_help("the targets' own `weight`")
              .help("With `select: weighted`: by name of a target or group; each target of a group gets it."),
          option("answers_max", &ChainRule::answers_max)
              .integer(1, 4)
              .preset_help("the hostname's")
              .help("Addresses in one answer."),
          option("ttl", &ChainRule::ttl)
              .duration("0", "1d")
              .check(is_whole_seconds)
              .preset_help("the hostname's")
              .help("How long resolvers may keep an answer."),
          option("failing_ttl", &ChainRule::failing_ttl)
              .duration("0", "1d")
              .check(is_whole_seconds)
              .preset_help("the hostname's, else the lower of `ttl` and 10s")
              .help("The TTL while one of its targets is down, or a rule before it that is for the client "
                    "could "
                    "not decide."),
          option("persistence", &ChainRule::persistence)
              .choice(ways_to_persist())
              .preset_help("the hostname's")
              .help("How long a client keeps its target."),
          option("healthy_min", &ChainRule::healthy_min)
              .integer(1, 1024, 1)
              .help("With fewer healthy targets it does not decide: the next rule does."),
          option("fall_through", &ChainRule::fall_through)
              .boolean(true)
              .help("false: it decides for all whom it is for, even when its targets are down."),
      });
  return table;
}

const Table<Origin>& origin_table() {
  static const Table<Origin> table(
      "origins", {"One web server of the customer.", R"(origins:
  - name: a
    address: 203.0.113.1:80
    probes:
      - {kind: load, port: 9100}
)"},
      {
          option("name", &Origin::name)
              .text()
              .check(is_word)
              .preset_help("its `address`")
              .help("Unique within the site."),
          option("address", &Origin::endpoint).endpoint().required().help("Where its HTTP server listens."),
          option("tls", &Origin::tls).boolean(false).help("Speak HTTPS to it."),
          option("tls_name", &Origin::tls_name)
              .text()
              .check(is_something)
              .preset_help("the host that the request is for")
              .help("With `tls`: the name to ask for (SNI), which its certificate must be for."),
          option("tls_verify", &Origin::tls_verify)
              .boolean(true)
              .help("With `tls`: a certificate that is not trusted, or is for another name, is a failure."),
          option("tls_ca_file", &Origin::tls_ca_file)
              .file("a PEM file")
              .preset_help("those this machine trusts")
              .help("With `tls`: file with the PEM certificates to trust."),
          option("weight", &Origin::weight)
              .number(0.001, 1000, 1)
              .help("Share of users relative to the site's other origins at equal load."),
          option("groups", &Origin::groups)
              .text()
              .check(is_word)
              .at_most(64)
              .help("Names under which rules of a hostname's `chain` know it together with others."),
          option("probes", &Origin::probes)
              .probes()
              .at_most(16)
              .preset_help("the site's `probes`")
              .help("How this one is measured: these, and those of the site's probes whose kind is not among "
                    "them."),
      });
  return table;
}

const Table<Rule>& rule_table() {
  static const Table<Rule> table(
      "rules", {"What the edge does with the requests whose path matches.", R"(rules:
  - {path: "/static/*", action: cache, ttl: 1h}
  - {path: "/admin/*", action: deny}
  - {path: "*", action: redirect}
)"},
      {
          option("path", &Rule::path)
              .text()
              .check(is_rule_path)
              .required()
              .help("`/static/*` all that begins so, `*.png` all that ends so, `/x` exactly that, `*` "
                    "everything. The query "
                    "is not looked at."),
          option("action", &Rule::action)
              .choice({{"cache", Action::cache, "serve from the store, fill it from the least loaded origin"},
                       {"proxy", Action::proxy, "hand on to the least loaded origin, store nothing"},
                       {"redirect", Action::redirect, "send the user to the least loaded origin (302)"},
                       {"deny", Action::deny, "refuse (403)"}},
                      "cache")
              .help("What to do."),
          option("ttl", &Rule::ttl)
              .duration("0", "365d")
              .preset_help("what the origin's own fields say")
              .help("With `cache`: how long stored content is fresh. Of answers with status 200, 203, 204, "
                    "206, 300, 301, 308, 404, 405, "
                    "410, 414 and 501; of others (errors, `302`) it is what the origin's own fields say."),
          option("redirect_host", &Rule::redirect_host)
              .text()
              .check(is_host)
              .preset_help("the chosen origin's address and port")
              .help("With `redirect`: the host, and port if need be, that users are sent to."),
          option("slice", &Rule::slice)
              .size("0", "1GiB")
              .check(is_slice_size)
              .preset_help("`cache.slice` of the site")
              .help("With `cache`: larger objects are fetched and stored in slices of this size; 0: they are "
                    "not."),
      });
  return table;
}

const Table<LoadModel>& load_table() {
  static const Table<LoadModel> table(
      "load",
      {"The load of a target is a weighted mean of what is measured of it; a measure that is not there, or "
       "has weight 0, "
       "does not count. A POP is at least as loaded as its CPU, and as its uplink.",
       R"(load:
  cpu: 1
  memory: 0
  http_reference: 200ms
)"},
      {
          option("cpu", &LoadModel::cpu).number(0, 1000, 1).help("Weight of the CPU in use."),
          option("memory", &LoadModel::memory).number(0, 1000, 0.25).help("Weight of the memory in use."),
          option("http", &LoadModel::http).number(0, 1000, 1).help("Weight of the HTTP response time."),
          option("ftp", &LoadModel::ftp).number(0, 1000, 0.5).help("Weight of the FTP response time."),
          option("tcp", &LoadModel::tcp).number(0, 1000, 0).help("Weight of the TCP connect time."),
          option("http_reference", &LoadModel::http_reference)
              .duration("1ms", "1m", "500ms")
              .help("An HTTP first byte as late as this counts as load 1."),
          option("ftp_reference", &LoadModel::ftp_reference)
              .duration("1ms", "1m", "1s")
              .help("An FTP answer as late as this counts as load 1."),
          option("tcp_reference", &LoadModel::tcp_reference)
              .duration("1ms", "1m", "200ms")
              .help("A TCP connect that takes this long counts as load 1."),
      });
  return table;
}

const Table<Controller>& controller_table() {
  static const Table<Controller> table(
      "controller",
      {"Users follow load slowly, because answers live on in caches for their TTL: who moves all at once "
       "moves back and "
       "forth for ever.",
       R"(controller:
  gain: 0.1
  step_max: 0.02
)"},
      {
          option("gain", &Controller::gain)
              .number(0, 10, 0.2)
              .help("Share of users moved each second for a difference in load of 1."),
          option("step_max", &Controller::step_max)
              .number(0, 1, 0.05)
              .help("Most that one target's share moves in a second."),
          option("deadband", &Controller::deadband)
              .number(0, 1, 0.05)
              .help("Smaller differences in load move nobody."),
      });
  return table;
}

const Table<ProbeSpec>& probe_table() {
  static const Table<ProbeSpec> table(
      "probes",
      {"How to measure one thing of a target, again and again. The options of its kind stand beside these.",
       R"(probes:
  - {kind: http, path: /health, interval: 1s, timeout: 500ms, rise: 2, fall: 2}
)"},
      {
          option("kind", &ProbeSpec::kind)
              .text()
              .required()
              .help("What to do: one of the kinds of probe below."),
          option("interval", &ProbeSpec::interval)
              .duration("100ms", "1h", "10s")
              .help("Between the starts of two attempts."),
          option("timeout", &ProbeSpec::timeout)
              .duration("10ms", "1m")
              .preset_help("2s, or `interval` if that is less")
              .help("Of one attempt."),
          option("rise", &ProbeSpec::rise)
              .integer(1, 100, 2)
              .help("Successes in a row until a dead target counts as alive."),
          option("fall", &ProbeSpec::fall)
              .integer(1, 100, 2)
              .help("Failures in a row until a live target counts as dead. After the first one the next "
                    "attempts come four times as often."),
          option("jitter", &ProbeSpec::jitter)
              .number(0, 1, 0.1)
              .help("Part of the interval by which each attempt may move, so that probers do not march in "
                    "step."),
          option("max_age", &ProbeSpec::max_age)
              .duration("100ms", "7d")
              .preset_help("3 x `interval` + `timeout`")
              .help("An older measurement is not used any more."),
          option("affects_health", &ProbeSpec::affects_health)
              .boolean()
              .preset_help("true; false for kinds that measure load")
              .help("false: a failure is noted, but the target stays alive."),
      });
  return table;
}

}  // namespace popnet::config
