// The kind "load": how busy a machine is, as a page of that machine says it over HTTP:
// prometheus-node-exporter's text, or JSON of the operator's own making. cpu and memory are shares, 0 .. 1.
//
// The text gives CPU seconds since the machine started, so the share is the difference of two scrapes: the
// first one of a target reads memory only. What it covers is the interval of the probe.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"
#include "probe/kinds/load/json_load.h"

namespace popnet::probe {

class CurlDriver;

struct LoadOptions : model::KindOptions, JsonFields {
  enum class Format : uint8_t { automatic, prometheus, json };
  uint16_t port = 9100;
  std::string path;
  bool tls = false;
  bool verify = true;
  std::string ca_file;
  Format format = Format::automatic;
};

const config::Table<LoadOptions>& load_options();

class LoadKind final : public Kind {
 public:
  explicit LoadKind(std::shared_ptr<CurlDriver> curl) : curl_(std::move(curl)) {}
  [[nodiscard]] const char* name() const override { return "load"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;

 private:
  const std::shared_ptr<CurlDriver> curl_;
};

}  // namespace popnet::probe
