// A little traffic for the demo: visitors from the client networks of the config open home pages and fetch
// the images on them, by the addresses that DNS gives. One thread; bounded rate; a failed request is counted,
// never retried in secret.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "common/ip.h"
#include "common/random.h"
#include "model/config.h"

namespace popnet::demo {

struct Visit {
  std::string page_host;  // resolved to a web server
  uint16_t page_port = 80;
  std::string content_host;  // resolved to a POP
  uint16_t content_port = 80;
  std::vector<std::string> images;  // paths, most popular first
};

class Visitors {
 public:
  struct Plan {
    std::vector<Visit> visits;
    std::vector<Endpoint> dns_servers;  // tried in a random order; a dead one is passed over
    std::vector<Prefix> networks;       // where visitors come from
    double visits_per_second = 15;
  };
  Visitors(Plan plan, uint64_t seed);
  ~Visitors();

  /// Requests that got a 200, and those that failed, since the start.
  [[nodiscard]] uint64_t succeeded() const { return succeeded_; }
  [[nodiscard]] uint64_t failed() const { return failed_; }

 private:
  struct Curl;
  void run();
  void visit();
  std::vector<IpAddress> resolve(const std::string& name, const Prefix& visitor);
  void fetch(const std::string& host, uint16_t port, const std::string& path, const Prefix& visitor);

  const Plan plan_;
  Random random_;
  std::unique_ptr<Curl> curl_;
  std::atomic<uint64_t> succeeded_{0}, failed_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace popnet::demo
