// Golden tests: an answer of the admin API, and the text that a person sees.
#include "control/cli/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace popnet::control {
namespace {

/// Lines longer than a terminal of 100 columns, in characters.
std::string too_wide(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (std::count_if(line.begin(), line.end(),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }) > 100)
      return line;
  return {};
}

constexpr const char* pop_answer = R"({
  "name": "cdn.shop.example", "client": "198.51.100.0/24",
  "sentence": "cdn.shop.example for 198.51.100.0/24 → ams (127.0.1.1): lowest measured latency, 12 ms",
  "site": "shop", "resolve": "pop", "select": "least_load",
  "decision": {"targets": ["ams", "fra"], "reason": "measured", "ttl_s": 20, "scope": 24, "degraded": false},
  "generations": {"config": 4, "metrics": 17, "map": 42}, "map_age_ms": 250, "shares_author": "ams",
  "candidates": [
    {"name": "ams", "addresses": ["127.0.1.1", "2001:db8::1"], "why": "chosen", "alive": true, "health": "up",
     "health_age_ms": 900, "load": 0.31, "share": 1, "weight": 1, "latency": {"source": "measured", "ms": 12.04, "age_ms": 34000},
     "metrics": [{"metric": "http_ms", "value": 3.21, "age_ms": 900, "probers": 2, "weighed": 0.02},
                 {"metric": "cpu", "value": 0.29, "age_ms": 400, "probers": 1, "weighed": 0.29},
                 {"metric": "traffic", "value": 0.1, "age_ms": 400, "probers": 1, "weighed": null}]},
    {"name": "fra", "addresses": ["127.0.1.2"], "why": "second answer", "alive": true, "health": "up",
     "health_age_ms": 1200, "load": null, "share": 0.4, "weight": 1, "latency": {"source": "configured", "ms": 19},
     "metrics": []},
    {"name": "nyc", "addresses": ["127.0.1.3"], "why": "too loaded: it accepts only a part of its clients, and not this one",
     "alive": true, "health": "unknown", "health_age_ms": null, "load": 0.97, "share": 0.1, "weight": 1, "latency": null,
     "metrics": [{"metric": "ftp_ms", "value": 140.7, "age_ms": 65000, "probers": 2, "weighed": 0.5}]}]})";

TEST(RenderExplanation, of_a_name_that_resolves_to_pops) {
  const std::string text = render_explanation(pop_answer);
  EXPECT_EQ(text, R"(cdn.shop.example for 198.51.100.0/24 → ams (127.0.1.1): lowest measured latency, 12 ms
TTL 20 s, holds for the whole /24, selection least_load, also in the answer: fra
from map 42 (made 250 ms ago), config 4, shares by ams

POP  ADDRESS       HEALTH     LOAD  LATENCY                  ACCEPTS  WHY
ams  127.0.1.1 +1  up 900 ms  0.31  12.0 ms measured (34 s)    100 %  chosen
fra  127.0.1.2     up 1.2 s      -  19.0 ms configured          40 %  second answer
nyc  127.0.1.3     unknown    0.97  -                           10 %  too loaded: it accepts only a
                                                                      part of its clients, and not
                                                                      this one

POP  MEASURED   VALUE     AGE  PROBERS  IN LOAD
ams  http      3.2 ms  900 ms        2  0.02
     cpu         29 %  400 ms        1  0.29
     traffic     10 %  400 ms        1  -
nyc  ftp       141 ms    65 s        2  0.50
)");
  EXPECT_EQ(too_wide(text), "");
}

constexpr const char* origin_answer = R"({
  "name": "www.shop.example", "client": "198.51.100.0/24",
  "sentence": "www.shop.example for 198.51.100.0/24 → web2 (192.0.2.2:80): all is well",
  "site": "shop", "resolve": "origin", "select": "least_load",
  "decision": {"targets": ["web2"], "reason": "least_load", "ttl_s": 10, "scope": 24, "degraded": true},
  "generations": {"config": 1, "metrics": 2, "map": 3}, "map_age_ms": 5, "shares_author": "",
  "candidates": [
    {"name": "web2", "addresses": ["192.0.2.2:80"], "why": "chosen", "alive": true, "health": "up", "health_age_ms": 900,
     "load": 0.2, "share": 0.8, "metrics": []},
    {"name": "web1", "addresses": ["192.0.2.1:80"], "why": "down", "alive": false, "health": "down", "health_age_ms": 3000,
     "error": "http: connection refused \u001b[31m", "load": null, "share": 0.2, "metrics": []}]})";

TEST(RenderExplanation, of_a_name_that_resolves_to_origins) {
  const std::string text = render_explanation(origin_answer);
  EXPECT_EQ(text, R"(www.shop.example for 198.51.100.0/24 → web2 (192.0.2.2:80): all is well
TTL 10 s, holds for the whole /24, selection least_load, short TTL while a target is down
from map 3 (made 5 ms ago), config 1, shares by nobody yet

ORIGIN  ADDRESS       HEALTH      LOAD  SHARE  WHY
web2    192.0.2.2:80  up 900 ms   0.20   80 %  chosen
web1    192.0.2.1:80  down 3.0 s     -   20 %  down
  web1: http: connection refused ?[31m
)");
  EXPECT_EQ(too_wide(text), "");
}

TEST(RenderExplanation, OfAChainSaysWhatItsRulesDid) {
  const std::string text = render_explanation(R"({
  "name": "www.shop.example", "client": "198.51.100.0/24",
  "sentence": "www.shop.example for 198.51.100.0/24 → web2 (192.0.2.2:80): by rule 'us', first in order",
  "resolve": "origin", "select": "failover", "place": "NA, US",
  "rules": [{"name": "eu", "why": "the client is elsewhere: NA, US"}, {"name": "us", "why": "decides"}],
  "decision": {"targets": ["web2"], "ttl_s": 10, "scope": 24}, "candidates": []})");
  EXPECT_NE(text.find("selection failover, client in NA, US\n"), std::string::npos) << text;
  EXPECT_NE(text.find("RULE  WHY\neu    the client is elsewhere: NA, US\nus    decides\n"), std::string::npos)
      << text;
}

constexpr const char* status_answer = R"({
  "version": "0.1.0", "pop": "ams", "uptime_s": 125, "ready": true,
  "generations": {"config": 4, "metrics": 17, "map": 42}, "snapshot_age_ms": 250, "shares_author": "ams",
  "client_networks": 12, "bus": {"kind": "nats", "connected": true},
  "pops": [
    {"name": "ams", "here": true, "addresses": ["127.0.1.1"], "nodes": ["ams-1", "ams-2"], "alive": true, "health": "up", "health_age_ms": 900,
     "load": 0.31, "answers": 40, "answer_share": 0.4, "accept": 1,
     "metrics": {"http_ms": {"value": 3.2, "age_ms": 900, "probers": 2}, "cpu": {"value": 0.29, "age_ms": 400, "probers": 1}}},
    {"name": "fra", "here": false, "addresses": ["127.0.1.2", "2001:db8::2"], "alive": false, "health": "down",
     "health_age_ms": 65000, "error": "http: no answer within 1s", "load": null, "answers": 60, "answer_share": 0.6,
     "accept": 0.25, "metrics": {}}],
  "sites": [
    {"name": "shop", "hostnames": ["www.shop.example"], "origins": [
      {"name": "web1", "address": "127.0.2.1:8001", "alive": true, "health": "up", "health_age_ms": 300, "load": 0.2,
       "answers": 3, "answer_share": 0.75, "share": 0.7,
       "metrics": {"http_ms": {"value": 12, "age_ms": 300, "probers": 3}, "ftp_ms": {"value": 30, "age_ms": 300, "probers": 3},
                   "cpu": {"value": 0.2, "age_ms": 300, "probers": 3}, "memory": {"value": 0.4, "age_ms": 300, "probers": 3}}},
      {"name": "web2", "address": "127.0.2.2:8001", "alive": true, "health": "unknown", "health_age_ms": null, "load": null,
       "answers": 1, "answer_share": 0.25, "share": 0.3, "metrics": {}}]},
    {"name": "news", "hostnames": [], "origins": [
      {"name": "web1", "address": "127.0.3.1:8001", "alive": true, "health": "unknown", "health_age_ms": null, "load": null,
       "answers": 0, "answer_share": null, "share": 1, "metrics": {}}]}],
  "counters": [
    {"name": "popnet_dns_queries_total", "labels": {"transport": "udp"}, "value": 1200},
    {"name": "popnet_dns_queries_total", "labels": {"transport": "tcp"}, "value": 34},
    {"name": "popnet_http_requests_total", "labels": {"outcome": "hit"}, "value": 90},
    {"name": "popnet_http_requests_total", "labels": {"outcome": "miss"}, "value": 10},
    {"name": "popnet_http_requests_total", "labels": {"outcome": "local"}, "value": 400}]})";

TEST(RenderStatus, of_a_network) {
  const std::string text = render_status(status_answer);
  EXPECT_EQ(text, R"(popnet 0.1.0 at ams, up 2 min, ready
config 4, metrics 17, map 42 (made 250 ms ago)
bus nats (connected), shares by ams, 12 client networks known
since it started: 1,234 DNS queries, 500 HTTP requests, 90 % of those for stored content were hits

POP         ADDRESS       HEALTH     LOAD  ACCEPTS  ANSWERS  MEASURED
ams (here)  127.0.1.1     up 900 ms  0.31    100 %     40 %  http 3.2 ms (900 ms), cpu 29 % (400 ms)
fra         127.0.1.2 +1  down 65 s     -     25 %     60 %  -
  ams: nodes ams-1, ams-2
  fra: http: no answer within 1s

SITE  ORIGIN  ADDRESS         HEALTH     LOAD  SHARE  ANSWERS  MEASURED
shop  web1    127.0.2.1:8001  up 300 ms  0.20   70 %     75 %  http 12.0 ms (300 ms),
                                                               ftp 30.0 ms (300 ms),
                                                               cpu 20 % (300 ms),
                                                               memory 40 % (300 ms)
      web2    127.0.2.2:8001  unknown       -   30 %     25 %  -
news  web1    127.0.3.1:8001  unknown       -  100 %        -  -
)");
  EXPECT_EQ(too_wide(text), "");
}

TEST(RenderStatus, of_a_node_that_is_not_ready) {
  const std::string text = render_status(R"({"version":"0.1.0","pop":"ams","uptime_s":1,"ready":false,
      "not_ready":"the first probes are still running","bus":{"kind":"nats","connected":false}})");
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "popnet 0.1.0 at ams, up 1.0 s, not ready: the first probes are still running");
  EXPECT_NE(text.find("bus nats (not connected)"), text.npos);
  EXPECT_NE(text.find("0 HTTP requests\n"), text.npos);
}

TEST(Render, answers_that_are_not_popnets_do_no_harm) {
  for (const char* answer :
       {"", "garbage", "[]", "7", "null", "{}", R"({"pops":7,"sites":[1,null,{"origins":{}}]})",
        R"({"candidates":[[],{"metrics":[5],"latency":[]}],"decision":[],"generations":"x"})"}) {
    EXPECT_NE(render_status(answer), "");
    EXPECT_NE(render_explanation(answer), "");
  }
}

}  // namespace
}  // namespace popnet::control
