#include "node/probe_kinds.h"

#include <utility>

#include "probe/kinds/curl/driver.h"
#include "probe/kinds/ftp/ftp.h"
#include "probe/kinds/host/host.h"
#include "probe/kinds/http/http.h"
#include "probe/kinds/icmp/icmp.h"
#include "probe/kinds/load/load.h"
#include "probe/kinds/tcp/tcp.h"

namespace popnet::node {

std::span<const config::KindTable> probe_kind_tables() {
  constexpr bool measures_only =
      false;  // what a kind that measures load does to health unless the config says so
  static const std::vector<config::KindTable> tables{
      config::kind_table(probe::http_options()),
      config::kind_table(probe::tcp_options()),
      config::kind_table(probe::ftp_options()),
      config::kind_table(probe::icmp_options()),
      config::kind_table(probe::load_options(), measures_only),
      config::kind_table(probe::host_options(), measures_only),
  };
  return tables;
}

std::vector<std::unique_ptr<probe::Kind>> make_probe_kinds(rt::Loop& loop,
                                                           std::function<uint64_t()> bytes_sent) {
  const auto curl = std::make_shared<probe::CurlDriver>(loop);
  std::vector<std::unique_ptr<probe::Kind>> kinds;
  kinds.push_back(std::make_unique<probe::HttpKind>(curl));
  kinds.push_back(std::make_unique<probe::TcpKind>());
  kinds.push_back(std::make_unique<probe::FtpKind>(curl));
  kinds.push_back(std::make_unique<probe::IcmpKind>());
  kinds.push_back(std::make_unique<probe::LoadKind>(curl));
  kinds.push_back(std::make_unique<probe::HostKind>(std::move(bytes_sent)));
  return kinds;
}

}  // namespace popnet::node
