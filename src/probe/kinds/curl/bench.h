// For tests of kinds that use libcurl: a Bench with a driver.
#pragma once

#include <memory>

#include "probe/kinds/api/testing.h"
#include "probe/kinds/curl/driver.h"

namespace popnet::probe::testing {

class CurlBench : public Bench {
 public:
  CurlBench() {
    on([this] { driver_ = std::make_shared<CurlDriver>(loop()); });
  }
  ~CurlBench() {
    on([this] { driver_.reset(); });
  }
  [[nodiscard]] const std::shared_ptr<CurlDriver>& driver() const { return driver_; }
  /// One attempt of a kind that is made from a driver.
  template <class CurlKind>
  Outcome run(const Target& target, const model::KindOptions& options, Duration timeout = 5s) {
    return Bench::run(CurlKind(driver_), target, options, timeout);
  }
  /// One transfer from start to done.
  CurlReply fetch(CurlRequest request) {
    std::promise<CurlReply> ended;
    std::unique_ptr<Attempt> attempt;
    const Duration timeout = request.timeout;
    on([&] {
      attempt = driver_->start(std::move(request), [&](CurlReply r) { ended.set_value(std::move(r)); });
    });
    auto future = ended.get_future();
    const bool in_time = future.wait_for(timeout + 5s) == std::future_status::ready;
    on([&] { attempt.reset(); });
    EXPECT_TRUE(in_time) << "the transfer did not end by its timeout";
    return in_time ? future.get() : CurlReply{.error = "the transfer hung"};
  }

 private:
  std::shared_ptr<CurlDriver> driver_;
};

}  // namespace popnet::probe::testing
