#include "demo/web_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <list>
#include <optional>

#include "common/hash.h"
#include "control/http/server.h"
#include "rt/shards.h"
#include "rt/socket.h"

namespace popnet::demo {

using namespace std::chrono_literals;

namespace {

constexpr Duration load_window = 2s;
constexpr int busy_seconds_max = 300;
constexpr int slow_ms_max = 5000;

int number_of(const std::string& text, int least, int most, int otherwise) {
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, least, most);
}

}  // namespace

/// What the server's thread runs. CPU is burnt in slices on that thread, so that a busy server really answers
/// late.
class WebServer::Site {
 public:
  Site(WebServer& server, rt::UniqueFd listener)
      : server_(server),
        http_(server.loop_, std::move(listener), {},
              [this](const control::HttpRequest& request, auto respond) {
                answer(request, std::move(respond));
              }),
        burn_(server.loop_, [this] { burn(); }),
        sample_(server.loop_, [this] { sample(); }) {
    sample();
  }

 private:
  using Respond = control::HttpServer::Respond;

  void answer(const control::HttpRequest& request, Respond respond) {
    if (!request.user_agent.starts_with("popnet-probe/")) ++server_.requests_;
    control::HttpResponse response = page(request);
    if (slow_ == 0ms || request.path.starts_with("/demo/")) return respond(std::move(response));
    delayed_.emplace_back();
    const auto self = std::prev(delayed_.end());
    self->emplace(server_.loop_, [this, self, respond, response] {
      respond(response);
      delayed_.erase(self);
    });
    (*self)->arm_after(slow_);
  }

  control::HttpResponse page(const control::HttpRequest& request) {
    const std::string& path = request.path;
    if (path == "/load.json")
      return {.body = fmt::format("{{\"cpu\": {:.4f}}}\n", cpu_), .content_type = "application/json"};
    if (path == "/demo/busy") return busy(number_of(request.parameter("seconds"), 0, busy_seconds_max, 20));
    if (path == "/demo/slow") return slow(number_of(request.parameter("ms"), 0, slow_ms_max, 200));
    if (path.starts_with("/static/")) return image(path);
    if (path == "/" || path.ends_with(".html")) return home();
    return {.status = 404, .body = "no such page\n"};
  }

  control::HttpResponse home() const {
    const auto& o = server_.options();
    std::string images;
    for (const std::string& url : o.images)
      images += fmt::format("<img src=\"{}\" alt=\"\" width=\"120\" height=\"120\">\n", url);
    return {.body = fmt::format(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
                "<style>body{{font-family:sans-serif;max-width:52rem;margin:2rem auto;color:#222}}"
                "img{{margin:.3rem}}</style></head>\n"
                "<body><h1>{0}</h1><p>This page came from web server <b>{1}</b>, chosen by the load that "
                "popnet measures. Its images come from the point of presence that is best for you.</p>\n"
                "{2}</body></html>\n",
                o.customer, o.name, images),
            .content_type = "text/html; charset=utf-8",
            .fields = {{"Cache-Control", "no-cache"}, {"X-Web-Server", o.name}}};
  }

  control::HttpResponse image(const std::string& path) const {
    const uint64_t hash = mix64(hash_bytes(server_.options().customer + path));
    std::string shapes;
    for (uint64_t i = 0, h = hash; i < 24; ++i, h = mix64(h))
      shapes += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"hsl({},70%,60%)\" opacity=\".6\"/>",
                            h % 120, (h >> 16) % 120, 6 + (h >> 32) % 20, (h >> 40) % 360);
    return {.body = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"120\" height=\"120\">"
                                "<rect width=\"120\" height=\"120\" fill=\"hsl({},50%,92%)\"/>{}</svg>\n",
                                hash % 360, shapes),
            .content_type = "image/svg+xml",
            .fields = {{"Cache-Control", "public, max-age=60"}, {"X-Web-Server", server_.options().name}}};
  }

  control::HttpResponse busy(int seconds) {
    burn_until_ = server_.loop_.now() + std::chrono::seconds(seconds);
    burn_.arm_after(1ms);
    return {.body = fmt::format("{}/{} burns CPU for {} s\n", server_.options().customer,
                                server_.options().name, seconds)};
  }

  control::HttpResponse slow(int ms) {
    slow_ = std::chrono::milliseconds(ms);
    return {.body = fmt::format("{}/{} answers {} ms later from now on\n", server_.options().customer,
                                server_.options().name, ms)};
  }

  /// Nine parts of work, one part of listening.
  void burn() {
    const Duration until = rt::thread_cpu_time() + 9ms;
    volatile double x = 1;
    while (rt::thread_cpu_time() < until)
      for (int i = 0; i < 1000; ++i) x = std::sqrt(x + i);
    if (server_.loop_.now() < burn_until_) burn_.arm_after(1ms);
  }

  /// The share of one core that this server's thread used over the last window.
  void sample() {
    samples_.push_back({rt::monotonic_now(), rt::thread_cpu_time()});
    while (samples_.size() > 2 && samples_.back().at - samples_[1].at >= load_window) samples_.pop_front();
    const auto wall = samples_.back().at - samples_.front().at;
    if (wall > 0ms) cpu_ = to_seconds(samples_.back().cpu - samples_.front().cpu) / to_seconds(wall);
    sample_.arm_after(200ms);
  }

  struct CpuSample {
    TimePoint at;
    Duration cpu;
  };
  WebServer& server_;
  control::HttpServer http_;
  rt::Timer burn_, sample_;
  TimePoint burn_until_{};
  Duration slow_{};
  std::list<std::optional<rt::Timer>> delayed_;  // answers that wait
  std::deque<CpuSample> samples_;
  double cpu_ = 0;
};

Result<std::unique_ptr<WebServer>> WebServer::start(Options options) {
  if (auto free = rt::check_port_free(true, options.listen); !free) return free.error();
  auto listener = rt::listen_tcp(options.listen);
  if (!listener) return listener.error();
  std::unique_ptr<WebServer> server(new WebServer(std::move(options)));
  server->thread_ =
      std::thread([raw = server.get(), fd = std::make_shared<rt::UniqueFd>(std::move(*listener))] {
        rt::name_thread(raw->options_.customer + "/" + raw->options_.name);
        Site site(*raw, std::move(*fd));
        raw->loop_.run();
      });
  return server;
}

WebServer::~WebServer() {
  loop_.stop();
  thread_.join();
}

}  // namespace popnet::demo
