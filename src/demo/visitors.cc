#include "demo/visitors.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "demo/lookup.h"
#include "rt/shards.h"

namespace popnet::demo {

using namespace std::chrono_literals;

struct Visitors::Curl {
  CURL* handle = curl_easy_init();
  ~Curl() { curl_easy_cleanup(handle); }
};

Visitors::Visitors(Plan plan, uint64_t seed)
    : plan_(std::move(plan)), random_(seed), curl_(std::make_unique<Curl>()), thread_([this] {
        rt::name_thread("visitors");
        run();
      }) {}

Visitors::~Visitors() {
  stop_ = true;
  thread_.join();
}

void Visitors::run() {
  const auto pause = std::chrono::duration<double>(1 / plan_.visits_per_second);
  while (!stop_) {
    visit();
    // Poisson arrivals, as independent people make them.
    std::this_thread::sleep_for(std::min(pause * -std::log(1 - random_.uniform()), pause * 4));
  }
}

void Visitors::visit() {
  const Visit& where = plan_.visits[random_.below(plan_.visits.size())];
  const Prefix& visitor = plan_.networks[random_.below(plan_.networks.size())];
  fetch(where.page_host, where.page_port, "/", visitor);
  for (int i = 0; i < 4 && !stop_; ++i) {
    // Popular images are asked for more: squaring a uniform draw leans to the front of the list.
    const double u = random_.uniform();
    const auto index = static_cast<size_t>(u * u * static_cast<double>(where.images.size()));
    fetch(where.content_host, where.content_port, where.images[index], visitor);
  }
}

std::vector<IpAddress> Visitors::resolve(const std::string& name, const Prefix& visitor) {
  const size_t first = random_.below(plan_.dns_servers.size());
  for (size_t i = 0; i < plan_.dns_servers.size(); ++i) {
    const Endpoint& server = plan_.dns_servers[(first + i) % plan_.dns_servers.size()];
    auto answer = lookup(server, name, visitor, 300ms, static_cast<uint16_t>(random_.next()));
    if (answer && !answer->empty()) return *answer;
  }
  return {};
}

void Visitors::fetch(const std::string& host, uint16_t port, const std::string& path, const Prefix& visitor) {
  std::string addresses;
  for (const IpAddress& address : resolve(host, visitor))
    addresses += (addresses.empty() ? "" : ",") + address.to_string();
  if (addresses.empty()) {
    ++failed_;
    return;
  }
  // curl tries the addresses in turn, as a browser does.
  const std::string resolved = fmt::format("{}:{}:{}", host, port, addresses);
  const std::string url = fmt::format("http://{}:{}{}", host, port, path);
  const std::string user_agent = "popnet-demo-visitor";
  curl_slist* list = curl_slist_append(nullptr, resolved.c_str());
  CURL* curl = curl_->handle;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_RESOLVE, list);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 2000L);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char*, size_t size, size_t count, void*) { return size * count; });
  long status = 0;
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(list);
  code == CURLE_OK&& status == 200 ? ++succeeded_ : ++failed_;
}

}  // namespace popnet::demo
