// Against the real nats-server. Every node reaches it through a relay of its own, so that one node can lose
// the network while the others keep it.
#include "cluster/nats/nats.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <map>

#include "cluster/api/contract.h"
#include "cluster/nats/handles.h"
#include "rt/loop.h"
#include "rt/socket.h"

namespace popnet::cluster::contract {

using testing::HasSubstr;

Endpoint loopback(uint16_t port = 0) {
  return {IpAddress::v4(127, 0, 0, 1), port};
}

uint16_t free_port() {
  const auto socket = rt::listen_tcp(loopback());
  return rt::local_endpoint(socket->get()).port;
}

class NatsServer {
 public:
  explicit NatsServer(std::vector<std::string> options = {"--jetstream"}) : options_(std::move(options)) {
    char name[] = "/tmp/popnet-nats-XXXXXX";
    dir_ = mkdtemp(name);
    start();
  }
  ~NatsServer() {
    kill();
    std::filesystem::remove_all(dir_);
  }
  void start() {
    // setpriv: the server does not outlive a test that is killed.
    std::vector<std::string> words = {"setpriv",     "--pdeathsig",   "KILL",   "nats-server",
                                      "--addr",      "127.0.0.1",     "--port", std::to_string(port_),
                                      "--store_dir", dir_ + "/store", "--log",  dir_ + "/log"};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ASSERT_EQ(posix_spawnp(&pid_, "setpriv", nullptr, nullptr, argv.data(), environ), 0);
  }
  /// As a power cut would.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void forget_everything() { std::filesystem::remove_all(dir_ + "/store"); }
  void options(std::vector<std::string> options) { options_ = std::move(options); }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "nats://" + loopback(port_).to_string(); }

 private:
  std::vector<std::string> options_;
  std::string dir_;
  uint16_t port_ = free_port();
  pid_t pid_ = -1;
};

/// Passes bytes between one node and the server, until it is cut.
class Relay {
 public:
  explicit Relay(uint16_t server_port) : server_(loopback(server_port)), port_(free_port()) {
    thread_ = std::thread([this] { loop_.run(); });
    restore();
  }
  ~Relay() {
    cut();
    loop_.stop();
    thread_.join();
  }
  void cut() {
    on_loop([this] {
      connections_.clear();
      listener_.reset();
    });
  }
  void restore() {
    on_loop([this] { listener_ = std::make_unique<Listener>(*this); });
  }
  [[nodiscard]] std::string url() const { return "nats://" + loopback(port_).to_string(); }

 private:
  /// One direction of a connection.
  struct Pipe final : rt::Watcher {
    Pipe(Relay& r, int f, int t) : relay(r), from(f), to(t) { relay.loop_.watch(from, EPOLLIN, *this); }
    ~Pipe() { relay.loop_.unwatch(from); }
    void on_ready(uint32_t) override {
      char bytes[65536];
      const ssize_t got = ::read(from, bytes, sizeof bytes);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0 || !write_all({bytes, static_cast<size_t>(got)})) relay.drop(from);
    }
    bool write_all(std::string_view bytes) {
      while (!bytes.empty()) {
        pollfd wait{to, POLLOUT, 0};
        if (::poll(&wait, 1, 10'000) != 1) return false;
        const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
      }
      return true;
    }
    Relay& relay;
    const int from, to;
  };
  struct Connection {
    Connection(Relay& relay, rt::UniqueFd a, rt::UniqueFd b)
        : node(std::move(a)),
          server(std::move(b)),
          up(relay, node.get(), server.get()),
          down(relay, server.get(), node.get()) {}
    rt::UniqueFd node, server;
    Pipe up, down;
  };
  struct Listener final : rt::Watcher {
    explicit Listener(Relay& r) : relay(r), socket(std::move(*rt::listen_tcp(loopback(relay.port_)))) {
      relay.loop_.watch(socket.get(), EPOLLIN, *this);
    }
    ~Listener() { relay.loop_.unwatch(socket.get()); }
    void on_ready(uint32_t) override {
      rt::UniqueFd node(::accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      auto server = rt::connect_tcp(relay.server_);
      if (!node.valid() || !server) return;
      relay.connections_.push_back(std::make_unique<Connection>(relay, std::move(node), std::move(*server)));
    }
    Relay& relay;
    rt::UniqueFd socket;
  };

  void drop(int fd) {
    std::erase_if(connections_, [&](const auto& c) { return c->node.get() == fd || c->server.get() == fd; });
  }
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  const Endpoint server_;
  const uint16_t port_;
  rt::Loop loop_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

NatsOptions options(const std::string& url, const std::string& network = "testnet") {
  NatsOptions options;
  options.url = url;
  options.network = network;
  options.node = "node";
  options.reconnect_wait = std::chrono::milliseconds(20);
  return options;
}

/// A network of its own on the server that all contract tests share.
struct NatsWorld {
  std::unique_ptr<Bus> make() {
    relays.push_back(std::make_unique<Relay>(server().port()));
    auto bus = std::make_unique<NatsBus>(options(relays.back()->url(), network));
    relay_of[bus.get()] = relays.back().get();
    return bus;
  }
  void cut(Bus& node) { relay_of.at(&node)->cut(); }
  void restore(Bus& node) { relay_of.at(&node)->restore(); }

  /// The server drops them as it drops old ones.
  void forget_purges() const {
    natsConnection* raw = nullptr;
    ASSERT_EQ(natsConnection_ConnectTo(&raw, server().url().c_str()), NATS_OK);
    const NatsConnection connection(raw, natsConnection_Destroy);
    ASSERT_EQ(js_PurgeStream(make_jetstream(raw).get(), ("popnet_" + network + "_purges").c_str(), nullptr,
                             nullptr),
              NATS_OK);
  }

  static NatsServer& server() {
    static NatsServer server;
    return server;
  }
  static inline int worlds = 0;
  const std::string network = "net" + std::to_string(++worlds);
  std::vector<std::unique_ptr<Relay>> relays;
  std::map<Bus*, Relay*> relay_of;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Nats, BusContract, NatsWorld);

std::unique_ptr<Bus> bus_at(const NatsServer& server, const std::string& network = "testnet") {
  return std::make_unique<NatsBus>(options(server.url(), network));
}

TEST(NatsBus, a_node_starts_without_the_server_and_connects_when_it_comes) {
  NatsServer server;
  server.kill();
  Node ams(bus_at(server));
  EXPECT_FALSE(ams->connected());
  EXPECT_FALSE(ams->put_config("text").ok());
  server.start();
  ASSERT_TRUE(ams.wait_connected());
  ams->publish(report_by("ams", 1));
  EXPECT_TRUE(ams.wait_reports(1));
}

TEST(NatsBus, closes_while_the_server_is_not_there) {
  NatsServer server;
  server.kill();
  Node ams(bus_at(server));
  const TimePoint start = rt::monotonic_now();
  ams->close();
  EXPECT_LT(rt::monotonic_now() - start, std::chrono::seconds(5));
}

TEST(NatsBus, a_server_that_is_killed_and_comes_back_has_lost_nothing_that_it_had_taken) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  ASSERT_TRUE(went_well(ams->put_config("before")));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(ams.wait_purges(1));
  server.kill();
  ASSERT_TRUE(ams.wait_connected(false));
  server.start();
  ASSERT_TRUE(ams.wait_connected());
  Node late(bus_at(server));
  EXPECT_TRUE(late.wait_config("before"));
  EXPECT_TRUE(late.wait_purges(1));
  ASSERT_TRUE(went_well(late->put_config("after")));
  ASSERT_TRUE(went_well(late->purge(purge_of("http://cdn.example/2", 2))));
  EXPECT_TRUE(ams.wait_config("after"));
  ASSERT_TRUE(ams.wait_purges(2));
  EXPECT_EQ(ids(ams.heard().purges), (std::vector<uint64_t>{1, 2}));
}

TEST(NatsBus, a_server_that_has_forgotten_everything_is_followed_from_its_new_beginning) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(went_well(ams->put_config(text)));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(ams.wait_config("three"));
  ASSERT_TRUE(ams.wait_purges(1));
  server.kill();
  server.forget_everything();
  ASSERT_TRUE(ams.wait_connected(false));
  server.start();
  ASSERT_TRUE(ams.wait_connected());
  ASSERT_TRUE(went_well(ams->put_config("new life")));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/2", 2))));
  EXPECT_TRUE(ams.wait_config("new life"));
  EXPECT_TRUE(ams.wait_purges(2));
  EXPECT_EQ(ams.heard().missed, (std::vector<size_t>{1}))
      << "what the old store had after that, nobody knows";
}

TEST(NatsBus, a_node_that_finds_the_server_after_longer_than_the_history_is_told) {
  NatsServer server;
  Relay relay(server.port());
  relay.cut();
  const auto with_short_history = [](const std::string& url) {
    NatsOptions short_history = options(url);
    short_history.purge_history = std::chrono::milliseconds(200);
    return std::make_unique<NatsBus>(short_history);
  };
  Node fra(with_short_history(relay.url()));  // runs and stores, but has never been on the bus
  Node ams(with_short_history(server.url()));
  ASSERT_TRUE(ams.wait_connected());
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(ams.wait_purges(1));
  natsConnection* raw = nullptr;
  ASSERT_EQ(natsConnection_ConnectTo(&raw, server.url().c_str()), NATS_OK);
  const NatsConnection connection(raw, natsConnection_Destroy);
  const JetStream js = make_jetstream(raw);
  const auto kept = [&] {
    jsStreamInfo* info = nullptr;
    EXPECT_EQ(js_GetStreamInfo(&info, js.get(), "popnet_testnet_purges", nullptr, nullptr), NATS_OK);
    return JetStreamInfo(info)->State.Msgs;
  };
  while (kept() > 0) continue;  // until the server has dropped it for its age
  relay.restore();
  EXPECT_TRUE(fra.wait([](const Node::Heard& heard) { return heard.missed.size() == 1; }));
}

TEST(NatsBus, a_server_that_refuses_the_node_is_asked_again_until_it_does_not) {
  NatsServer server({"--jetstream", "--user", "popnet", "--pass", "secret"});
  Node ams(bus_at(server));
  Node fra(std::make_unique<NatsBus>(options("nats://popnet:secret@" + loopback(server.port()).to_string())));
  ASSERT_TRUE(fra.wait_connected());
  EXPECT_FALSE(ams->connected());
  server.kill();
  server.options({"--jetstream"});
  server.start();
  EXPECT_TRUE(ams.wait_connected());
}

TEST(NatsBus, networks_on_one_server_do_not_hear_each_other) {
  NatsServer server;
  Node north(bus_at(server, "north")), south(bus_at(server, "south"));
  ASSERT_TRUE(north.wait_connected());
  ASSERT_TRUE(south.wait_connected());
  north->publish(report_by("ams", 1));
  ASSERT_TRUE(went_well(north->put_config("north")));
  ASSERT_TRUE(went_well(north->purge(purge_of("http://cdn.example/", 1))));
  ASSERT_TRUE(north.wait_reports(1));
  south->publish(report_by("syd", 2));
  ASSERT_TRUE(went_well(south->put_config("south")));
  ASSERT_TRUE(went_well(south->purge(purge_of("http://cdn.example/", 2))));
  ASSERT_TRUE(south.wait_reports(1));
  ASSERT_TRUE(south.wait_config("south"));
  ASSERT_TRUE(south.wait_purges(1));
  EXPECT_EQ(south.heard().reports[0].author, "syd");
  EXPECT_EQ(south.heard().configs.size(), 1U);
  EXPECT_EQ(ids(south.heard().purges), (std::vector<uint64_t>{2}));
}

TEST(NatsBus, without_jetstream_reports_flow_and_the_rest_says_why_not) {
  NatsServer server(std::vector<std::string>{});
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  ams->publish(report_by("ams", 1));
  EXPECT_TRUE(ams.wait_reports(1));
  const auto put = ams->put_config("text");
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::unavailable);
  EXPECT_THAT(put.error().message, HasSubstr("JetStream"));
  EXPECT_THAT(ams->purge(purge_of("http://cdn.example/", 1)).error().message, HasSubstr("JetStream"));
}

TEST(NatsBus, what_is_malformed_is_dropped_and_the_next_is_heard) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  natsConnection* raw = nullptr;
  ASSERT_EQ(natsConnection_ConnectTo(&raw, server.url().c_str()), NATS_OK);
  const NatsConnection stranger(raw, natsConnection_Destroy);
  for (const char* subject : {"popnet.testnet.report", "popnet.testnet.purge"})
    for (const std::string& garbage :
         {std::string("garbage"), std::string(), std::string(3, '\0'), std::string("{\"v\":9}")})
      ASSERT_EQ(natsConnection_Publish(raw, subject, garbage.data(), static_cast<int>(garbage.size())),
                NATS_OK);
  ASSERT_EQ(natsConnection_Flush(raw), NATS_OK);
  ams->publish(report_by("ams", 1));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/2", 2))));
  ASSERT_TRUE(ams.wait_reports(1));
  ASSERT_TRUE(ams.wait_purges(2));
  EXPECT_EQ(ams.heard().reports.size(), 1U);
  EXPECT_EQ(ids(ams.heard().purges), (std::vector<uint64_t>{1, 2}));
}

TEST(NatsBus, a_report_larger_than_the_server_takes_arrives_in_parts) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  Report report = report_by("ams", 0);
  report.samples.assign(20'000, report.samples[0]);
  for (size_t i = 0; i < report.samples.size(); ++i)
    report.samples[i].readings[0].value = static_cast<double>(i);
  report.resolvers.assign(1001, IpAddress::v4(198, 51, 100, 7));
  report.shares.resize(1);
  report.shares[0].author = "ams";
  ams->publish(report);
  const auto whole = [&](const Node::Heard& heard) {
    size_t samples = 0, resolvers = 0, shares = 0;
    for (const Report& part : heard.reports) {
      samples += part.samples.size();
      resolvers += part.resolvers.size();
      shares += part.shares.size();
    }
    return samples == report.samples.size() && resolvers == report.resolvers.size() && shares == 1;
  };
  EXPECT_TRUE(ams.wait(whole));
}

TEST(NatsBus, a_config_larger_than_the_server_takes_is_refused_with_the_limit) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  const auto put = ams->put_config(std::string(2 << 20, '#'));
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::invalid);
  EXPECT_THAT(put.error().message, HasSubstr("at most 1048576"));
}

TEST(NatsBus, a_purge_sent_again_is_heard_once) {
  NatsServer server;
  Node ams(bus_at(server));
  ASSERT_TRUE(ams.wait_connected());
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/2", 2))));
  ASSERT_TRUE(ams.wait_purges(2));
  EXPECT_EQ(ids(ams.heard().purges), (std::vector<uint64_t>{1, 2}));
}

TEST(NatsBus, a_malformed_url_is_no_reason_to_fall) {
  Node ams(std::make_unique<NatsBus>(options("not a url://:::")));
  EXPECT_FALSE(ams->connected());
  EXPECT_FALSE(ams->put_config("text").ok());
}

}  // namespace popnet::cluster::contract
