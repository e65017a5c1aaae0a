// A customer's web server for the demo: a home page, images, and a page that tells its load. Its work is
// real: an image costs CPU time, "busy" burns a core, and the CPU share it reports is what its threads have
// used. One thread; stops with the object.
//
//   GET /                        home page; its images come from the content hostname
//   GET /static/<n>.svg          an image, cacheable for a minute
//   GET /load.json               {"cpu": …}: the share of a core this server used over the last two seconds
//   GET /demo/busy?seconds=20    burns CPU for that long
//   GET /demo/slow?ms=200        answers that much later from now on; 0 = at once
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "rt/loop.h"

namespace popnet::demo {

class WebServer {
 public:
  struct Options {
    std::string customer;  // "shop"
    std::string name;      // "web1"
    Endpoint listen;
    std::vector<std::string> images;  // URLs of the images on the home page
  };
  /// ErrorCode::machine when the address cannot be had.
  static Result<std::unique_ptr<WebServer>> start(Options options);
  ~WebServer();

  [[nodiscard]] const Options& options() const { return options_; }
  /// Of users and caches; what probes ask is not counted.
  [[nodiscard]] uint64_t requests() const { return requests_; }

 private:
  class Site;
  explicit WebServer(Options options) : options_(std::move(options)) {}

  const Options options_;
  rt::Loop loop_;
  std::atomic<uint64_t> requests_{0};
  std::thread thread_;
};

}  // namespace popnet::demo
