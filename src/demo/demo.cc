#include "demo/demo.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <system_error>

#include "cluster/embedded/embedded.h"
#include "control/http/server.h"
#include "demo/network_yaml.h"
#include "demo/screen.h"
#include "demo/table.h"
#include "demo/visitors.h"
#include "demo/web_server.h"
#include "node/node.h"
#include "rt/loop.h"
#include "rt/socket.h"

namespace popnet::demo {

using namespace std::chrono_literals;

namespace {

constexpr Duration redraw_interval = 1s;
constexpr Duration print_interval = 5s;
constexpr int images = 12;  // on each home page

constexpr double answers_window_s = 15;  // a quarter of a minute shows shares without hiding that they move
constexpr int subnets = 64;              // of one configured network: each a client of its own

/// Differences of counters between two tables. A counter that fell belongs to a POP that was started anew.
struct Rates {
  double since(const std::string& name, double total, double seconds) {
    const double before = std::exchange(totals[name], total);
    return seconds > 0 && total > before ? (total - before) / seconds : 0;
  }
  std::map<std::string, double> totals;
};

/// Sums in which what is older counts less.
struct Recent {
  double add(const std::string& name, double more, double seconds) {
    double& sum = sums[name];
    return sum = sum * std::exp(-seconds / answers_window_s) + more;
  }
  std::map<std::string, double> sums;
};

struct Requests {
  double all = 0;
  double for_content = 0;  // that the store could have answered
  double hits = 0;
};

/// Of users: what probes ask is answered locally.
Requests requests_of(const std::vector<CounterValue>& counters) {
  Requests requests;
  for (const CounterValue& counter : counters) {
    if (counter.name != "popnet_http_requests_total") continue;
    for (const auto& [label, outcome] : counter.labels) {
      if (label != "outcome" || outcome == "local") continue;
      const bool hit = outcome == "hit" || outcome == "stale";
      requests.all += counter.value;
      if (hit) requests.hits += counter.value;
      if (hit || outcome == "revalidated" || outcome == "miss" || outcome == "collapsed")
        requests.for_content += counter.value;
    }
  }
  return requests;
}

Screen screen_of(int terminal) {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {.columns = 80, .lines = 24};
  return {.columns = size.ws_col, .lines = size.ws_row};
}

/// Redraws in place: the terminal is never empty in between.
std::string over_the_old(const std::string& text) {
  std::string drawn = "\x1b[H";
  for (const char c : text) {
    if (c == '\n') drawn += "\x1b[K";
    drawn += c;
  }
  return drawn + "\x1b[J";
}

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

/// Where visitors of this customer go: pages by a hostname that names web servers, or else through a POP;
/// images by a content hostname of the customer's own, or else by the one that all customers share.
Visit make_visit(const model::Config& config, const model::Site& site) {
  Visit visit;
  const uint16_t pop_port = config.pops.front().http_port;
  std::string own_content;
  for (const model::Hostname& host : site.hostnames)
    (host.resolve == model::Resolve::origin ? visit.page_host : own_content) = host.name;
  const bool shared = visit.page_host.empty() && !site.content_prefix.empty();
  visit.page_port = visit.page_host.empty() ? pop_port : site.origins.front().endpoint.port;
  if (visit.page_host.empty()) visit.page_host = own_content;
  visit.content_host = shared ? config.network.content_hostname : own_content;
  visit.content_port = pop_port;
  const std::string prefix = shared ? "/" + site.content_prefix : "";
  for (int i = 1; i <= images; ++i) visit.images.push_back(fmt::format("{}/static/{}.svg", prefix, i));
  return visit;
}

std::vector<std::string> image_urls(const Visit& visit) {
  std::vector<std::string> urls;
  for (const std::string& path : visit.images)
    urls.push_back(fmt::format("http://{}:{}{}", visit.content_host, visit.content_port, path));
  return urls;
}

}  // namespace

class Demo {
 public:
  explicit Demo(const Options& options) : options_(options) {}

  Status start();
  void run();

 private:
  struct Signal final : rt::Watcher {
    explicit Signal(Demo& d) : demo(d) {}
    void on_ready(uint32_t) override { demo.loop_.stop(); }
    Demo& demo;
  };

  Status start_web_servers();
  Status start_pop(size_t pop);
  void start_visitors();
  Status start_control();
  control::HttpResponse command(const control::HttpRequest& request);

  [[nodiscard]] std::vector<Advice> things_to_try() const;
  [[nodiscard]] const node::Node* any_node() const;
  [[nodiscard]] std::vector<PopRow> pop_rows(const routing::Snapshot& seen, double seconds);
  [[nodiscard]] std::vector<OriginRow> origin_rows(const routing::Snapshot& seen, double seconds);
  [[nodiscard]] std::string table(size_t columns);
  void show();

  const Options& options_;
  std::shared_ptr<const model::Config> config_;
  cluster::EmbeddedHub hub_;
  std::vector<std::unique_ptr<WebServer>> web_servers_;
  std::vector<std::unique_ptr<node::Node>> nodes_;  // by POP; null while stopped
  std::unique_ptr<Visitors> visitors_;
  rt::Loop loop_;
  Signal signal_{*this};
  std::unique_ptr<control::HttpServer> control_;
  Rates rates_;
  Recent recent_answers_;
  TimePoint started_{}, shown_{};
};

const std::string& network_text() {
  static const std::string text(network_yaml);
  return text;
}

Status Demo::start() {
  node::ConfigSource source{"examples/network.yaml", network_text(), {"node.pop=ams"}};
  auto loaded = source.load(std::nullopt, 1);
  if (!loaded.config) return Error{ErrorCode::invalid, config::report(loaded.problems)};
  config_ = loaded.config;
  say(fmt::format("popnet {} demo: {} POPs, {} customers, all on this machine", POPNET_VERSION,
                  config_->pops.size(), config_->sites.size()));
  if (auto status = start_web_servers(); !status) return status;
  nodes_.resize(config_->pops.size());
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (auto status = start_pop(i); !status) return status;
  start_visitors();
  return start_control();
}

Status Demo::start_web_servers() {
  for (const model::Site& site : config_->sites) {
    const Visit visit = make_visit(*config_, site);
    for (const model::Origin& origin : site.origins) {
      auto server = WebServer::start({.customer = site.name,
                                      .name = origin.name,
                                      .listen = origin.endpoint,
                                      .images = image_urls(visit)});
      if (!server) return server.error();
      web_servers_.push_back(std::move(*server));
      say(fmt::format("  web server {}/{} on {}", site.name, origin.name, origin.endpoint.to_string()));
    }
  }
  return {};
}

Status Demo::start_pop(size_t pop) {
  const model::Pop& self = config_->pops[pop];
  node::Node::Options options;
  options.source = {"examples/network.yaml",
                    network_text(),
                    {"node.pop=" + self.name, "node.threads=1", "node.log_level=error", "node.state_dir="}};
  // The first keeps the admin address of the file, so that `popnet explain` finds it without being told.
  if (pop > 0)
    options.source.sets.push_back(
        fmt::format("node.admin_listen={}",
                    Endpoint{self.addresses.front(), config_->node.admin_listen.port}.to_string()));
  options.hub = &hub_;
  options.seed = options_.seed + pop;
  auto node = node::Node::start(std::move(options));
  if (!node) return node.error();
  nodes_[pop] = std::move(*node);
  say(fmt::format("  POP {}: {}", config_->pops[pop].name, nodes_[pop]->listens()));
  return {};
}

void Demo::start_visitors() {
  Visitors::Plan plan;
  for (const model::Site& site : config_->sites) plan.visits.push_back(make_visit(*config_, site));
  for (const model::Pop& pop : config_->pops)
    plan.dns_servers.push_back({pop.addresses.front(), pop.dns_port});
  for (const model::ClientPrior& prior : config_->clients) {
    if (!prior.network.address().is_v4()) continue;
    const auto bytes = prior.network.address().bytes();
    const int count = prior.network.length() < 24 ? 1 << std::min(24 - prior.network.length(), 8) : 1;
    for (int i = 0; i < count; i += std::max(1, count / subnets))
      plan.networks.emplace_back(IpAddress::v4(bytes[0], bytes[1], static_cast<uint8_t>(bytes[2] + i), 0),
                                 24);
  }
  visitors_ = std::make_unique<Visitors>(std::move(plan), options_.seed);
}

Status Demo::start_control() {
  if (auto free = rt::check_port_free(true, options_.control); !free) return free;
  auto listener = rt::listen_tcp(options_.control);
  if (!listener) return listener.error();
  control_ = std::make_unique<control::HttpServer>(
      loop_, std::move(*listener), control::HttpServer::Options{},
      [this](const control::HttpRequest& request, auto respond) { respond(command(request)); });
  return {};
}

/// POST /pops/<name>/stop and /pops/<name>/start
control::HttpResponse Demo::command(const control::HttpRequest& request) {
  if (request.method != "POST") return {.status = 405, .body = "use POST\n"};
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const std::string& name = config_->pops[i].name;
    if (request.path == "/pops/" + name + "/stop") {
      nodes_[i].reset();
      return {.body = fmt::format("POP {} is gone, as after kill -9; watch the other POPs stop naming it\n",
                                  name)};
    }
    if (request.path == "/pops/" + name + "/start") {
      if (nodes_[i]) return {.body = fmt::format("POP {} runs already\n", name)};
      if (auto status = start_pop(i); !status) return {.status = 503, .body = status.error().message + "\n"};
      return {.body = fmt::format("POP {} is back\n", name)};
    }
  }
  return {.status = 404, .body = "POST /pops/<name>/stop or /pops/<name>/start\n"};
}

const node::Node* Demo::any_node() const {
  for (const auto& node : nodes_)
    if (node) return node.get();
  return nullptr;
}

std::vector<PopRow> Demo::pop_rows(const routing::Snapshot& seen, double seconds) {
  std::vector<PopRow> rows;
  for (size_t i = 0; i < config_->pops.size(); ++i) {
    const model::Pop& pop = config_->pops[i];
    const routing::PopState& state = seen.map.pops[i];
    PopRow row;
    row.name = pop.name;
    row.address = pop.addresses.front().to_string();
    row.health = model::to_string(seen.metrics->pops[i].health);
    if (nodes_[i]) row.accept = state.accept;
    if (state.load_known) row.load = state.load;
    row.stopped = nodes_[i] == nullptr;
    if (nodes_[i]) {
      const Requests totals = requests_of(nodes_[i]->counters());
      row.queries_per_second =
          rates_.since("queries " + pop.name, static_cast<double>(nodes_[i]->queries()), seconds);
      row.requests_per_second = rates_.since("requests " + pop.name, totals.all, seconds);
      const double content = rates_.since("content " + pop.name, totals.for_content, seconds);
      const double hits = rates_.since("hits " + pop.name, totals.hits, seconds);
      if (content > 0) row.hit_ratio = hits / content;
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<OriginRow> Demo::origin_rows(const routing::Snapshot& seen, double seconds) {
  std::vector<OriginRow> rows;
  size_t server = 0;
  for (size_t s = 0; s < config_->sites.size(); ++s) {
    const model::Site& site = config_->sites[s];
    std::vector<double> answers(site.origins.size());
    double all_answers = 0;
    for (size_t o = 0; o < site.origins.size(); ++o) {
      double total = 0;
      for (const auto& node : nodes_)
        if (node) total += static_cast<double>(node->answer_counts(*config_).origins.at(s).at(o));
      const std::string name = "answers " + site.name + "/" + site.origins[o].name;
      answers[o] = recent_answers_.add(name, rates_.since(name, total, seconds) * seconds, seconds);
      all_answers += answers[o];
    }
    for (size_t o = 0; o < site.origins.size(); ++o, ++server) {
      const routing::OriginState& state = seen.map.sites[s].origins[o];
      const model::ServiceMetrics& metrics = seen.metrics->origins[s][o];
      OriginRow row;
      row.name = site.name + "/" + site.origins[o].name;
      row.address = site.origins[o].endpoint.to_string();
      row.health = model::to_string(metrics.health);
      if (const auto& cpu = metrics.get(model::Metric::cpu)) row.cpu = cpu->value;
      if (const auto& ms = metrics.get(model::Metric::http_ms)) row.http_ms = ms->value;
      if (state.load_known) row.load = state.load;
      row.share = state.share;
      if (all_answers > 0) row.answers = answers[o] / all_answers;
      row.requests_per_second =
          rates_.since("served " + row.name, static_cast<double>(web_servers_[server]->requests()), seconds);
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<Advice> Demo::things_to_try() const {
  const model::Site& site = config_->sites.front();
  const Visit visit = make_visit(*config_, site);
  const model::Pop& pop = config_->pops.front();
  const std::string ask =
      fmt::format("dig +short @{} -p {}", pop.addresses.front().to_string(), pop.dns_port);
  std::string client = "198.51.100.0/24";
  if (!config_->clients.empty()) client = config_->clients.front().network.to_string();
  const std::string address = client.substr(0, client.find('/'));
  const std::string web = site.origins.front().endpoint.to_string();
  const std::string here = pop.addresses.front().to_string();
  const std::string image = fmt::format("http://{}{}", visit.content_host, visit.images.front());
  const std::string last =
      fmt::format("curl -X POST http://{}/pops/{}", options_.control.to_string(), config_->pops.back().name);
  return {
      {fmt::format("{} {} +subnet={}", ask, visit.page_host, client), "which web server has the page?"},
      {fmt::format("{} {} +subnet={}", ask, visit.content_host, client),
       "which POP has the images, for them?"},
      {fmt::format("curl -sI --connect-to ::{}:{} {}", here, visit.content_port, image),
       "a hit? see Cache-Status"},
      {fmt::format("{} explain {} --client {}", options_.program, visit.page_host, address),
       "why that web server?"},
      {fmt::format("curl 'http://{}/demo/busy?seconds=60'", web), "make a web server busy: its share falls"},
      {fmt::format("curl 'http://{}/demo/slow?ms=300'", web), "or slow; ms=0 ends it"},
      {last + "/stop", "lose a POP: nobody is sent there any more"},
      {last + "/start", "and bring it back"},
  };
}

std::string Demo::table(size_t columns) {
  const node::Node* node = any_node();
  const double seconds = shown_ == TimePoint{} ? 0 : to_seconds(loop_.now() - shown_);
  shown_ = loop_.now();
  std::string text = "all POPs are stopped\n";
  if (node != nullptr) {
    const auto seen = node->snapshot();
    text = render(pop_rows(*seen, seconds), origin_rows(*seen, seconds), columns);
  }
  return text + fmt::format("\nvisitors: {} requests fine, {} failed; running {:.0f} s; Ctrl-C ends\n",
                            visitors_->succeeded(), visitors_->failed(), to_seconds(loop_.now() - started_));
}

void Demo::show() {
  if (!options_.terminal) return say(table(Screen().columns));
  const Screen screen = screen_of(STDOUT_FILENO);
  const std::string live = table(screen.columns) + "\n";
  const auto used = static_cast<size_t>(std::ranges::count(live, '\n')) + 1;
  const std::string advice = render(
      things_to_try(), {.columns = screen.columns, .lines = screen.lines - std::min(screen.lines, used)});
  std::fputs(over_the_old(fit(live + advice, screen)).c_str(), stdout);
  std::fflush(stdout);
}

void Demo::run() {
  started_ = loop_.now();
  if (options_.terminal)
    say("\x1b[2J");
  else
    say(render(things_to_try(), Screen()));
  rt::Timer table(loop_, [&] {
    show();
    table.arm_after(options_.terminal ? redraw_interval : print_interval);
  });
  table.arm_after(redraw_interval);
  rt::Timer end(loop_, [&] { loop_.stop(); });
  if (options_.length > Duration::zero()) end.arm_after(options_.length);
  if (options_.signals >= 0) loop_.watch(options_.signals, EPOLLIN, signal_);
  loop_.run();
  if (options_.signals >= 0) loop_.unwatch(options_.signals);
  if (shown_ == TimePoint{} || !options_.terminal) show();
  say(options_.terminal ? "\nending" : "ending");
  visitors_.reset();
  nodes_.clear();
  control_.reset();
}

Status run(const Options& options) {
  try {
    Demo demo(options);
    if (auto status = demo.start(); !status) return status;
    demo.run();
    return {};
  } catch (const std::system_error& refused) {  // an event loop or a thread
    return Error{ErrorCode::machine, refused.what()};
  }
}

}  // namespace popnet::demo
