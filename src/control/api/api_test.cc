#include "control/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/api/testing.h"

namespace popnet::control {
namespace {

using testing::at_second;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class ApiTest : public ::testing::Test {
 protected:
  HttpResponse ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    HttpRequest request;
    request.method = method;
    request.host = host_;
    request.port = "8500";
    request.origin = origin_;
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != target.npos) request.query = target.substr(question + 1);
    request.body = body;
    request.if_match = if_match_;
    request.if_none_match = if_none_match_;
    return Api(hooks_, at_second(0) - std::chrono::milliseconds(500)).answer(request, at_second(100));
  }
  Json get_json(const std::string& target) {
    const auto response = ask("GET", target);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    return Json::parse(response.body);
  }
  static std::string error_of(const HttpResponse& response) { return Json::parse(response.body).at("error"); }

  Hooks hooks_ = testing::make_hooks();
  std::string host_ = "127.0.0.1";
  std::string origin_, if_match_, if_none_match_;
};

TEST_F(ApiTest, healthz_is_fine_even_when_the_node_is_not_ready) {
  hooks_.ready = [](const routing::Snapshot&) { return Error{ErrorCode::unavailable, "no config yet"}; };
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  const auto ready = ask("GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "no config yet\n");
  hooks_.ready = [](const routing::Snapshot&) { return Status(); };
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
}

/// Between two readings another config may come into force, with other indexes.
TEST_F(ApiTest, a_request_is_answered_from_one_snapshot) {
  int read = 0;
  const routing::Snapshot* given = nullptr;
  hooks_.snapshot = [&, snapshot = hooks_.snapshot] {
    ++read;
    const auto copy = std::make_shared<const routing::Snapshot>(*snapshot());
    given = copy.get();
    return copy;
  };
  hooks_.ready = [&](const routing::Snapshot& seen) {
    EXPECT_EQ(&seen, given);
    return Status();
  };
  hooks_.answers = [&](const model::Config& as) {
    EXPECT_EQ(&as, given->config.get());
    return model::AnswerCounts();
  };
  for (const char* path : {"/readyz", "/metrics", "/v1/status", "/v1/config",
                           "/v1/explain?name=www.shop.example&client=198.51.100.7"}) {
    read = 0;
    EXPECT_LT(ask("GET", path).status, 500);
    EXPECT_EQ(read, 1) << path;
  }
  read = 0;
  ask("POST", "/v1/purge", R"({"site":"shop"})");
  EXPECT_EQ(read, 1);
}

TEST_F(ApiTest, metrics_hold_counters_and_the_snapshot_each_family_once) {
  const auto response = ask("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"# TYPE popnet_edge_requests_total counter\npopnet_edge_requests_total{outcome=\"hit\"} 90\n"
        "popnet_edge_requests_total{outcome=\"miss\"} 10\n",
        "popnet_dns_queries_total 7\n", "popnet_uptime_seconds 100.5\n", "popnet_ready 1\n",
        "popnet_bus_connected 1\n", "popnet_config_generation 4\n", "popnet_metrics_generation 17\n",
        "popnet_map_generation 42\n", "popnet_snapshot_age_seconds 0.5\n", "popnet_client_networks 1\n",
        "popnet_origin_load{site=\"shop\",origin=\"o0\"} 0.2\n",
        "popnet_origin_alive{site=\"shop\",origin=\"o2\"} 0\n",
        "popnet_origin_answers_total{site=\"shop\",origin=\"o0\"} 30\n",
        "popnet_origin_metric{site=\"shop\",origin=\"o1\",metric=\"cpu\"} 0.7\n",
        "popnet_origin_metric_age_seconds{site=\"shop\",origin=\"o1\",metric=\"cpu\"} 1.5\n",
        "popnet_pop_accept{pop=\"p1\"} 1\n", "popnet_pop_answers_total{pop=\"p0\"} 5\n",
        "popnet_pop_answers_total{pop=\"p1\"} 0\n"})
    EXPECT_THAT(response.body, HasSubstr(line));
  EXPECT_THAT(response.body, ::testing::Not(HasSubstr("popnet_origin_load{site=\"shop\",origin=\"o2\"}")))
      << "nothing is known of its load";
}

TEST_F(ApiTest, status_says_what_the_node_believes_and_does) {
  const Json status = get_json("/v1/status");
  EXPECT_EQ(status["version"], POPNET_VERSION);
  EXPECT_EQ(status["pop"], "p0");
  EXPECT_EQ(status["uptime_s"], 100.5);
  EXPECT_EQ(status["ready"], true);
  EXPECT_FALSE(status.contains("not_ready"));
  EXPECT_EQ(status["generations"], (Json{{"config", 4}, {"metrics", 17}, {"map", 42}}));
  EXPECT_EQ(status["snapshot_age_ms"], 500);
  EXPECT_EQ(status["bus"], (Json{{"kind", "nats"}, {"connected", true}}));
  EXPECT_EQ(status["shares_author"], "p0-a");
  EXPECT_EQ(status["counters"][0],
            (Json{{"name", "popnet_edge_requests_total"}, {"labels", {{"outcome", "hit"}}}, {"value", 90}}));

  ASSERT_EQ(status["pops"].size(), 2U);
  EXPECT_EQ(status["pops"][0]["here"], true);
  EXPECT_EQ(status["pops"][1]["here"], false);
  EXPECT_EQ(status["pops"][0]["addresses"], (Json{"198.51.100.1"}));
  EXPECT_EQ(status["pops"][0]["answer_share"], 1);
  EXPECT_EQ(status["pops"][0]["load"], nullptr);
  EXPECT_EQ(status["pops"][0]["health"], "unknown");
  EXPECT_EQ(status["pops"][0]["health_age_ms"], nullptr);

  const Json& shop = status["sites"][0];
  EXPECT_EQ(shop["name"], "shop");
  EXPECT_EQ(shop["hostnames"][0], "www.shop.example");
  const Json& best = shop["origins"][0];
  EXPECT_EQ(best["address"], "192.0.2.1:80");
  EXPECT_EQ(best["health"], "up");
  EXPECT_EQ(best["health_age_ms"], 2000);
  EXPECT_EQ(best["load"], 0.2);
  EXPECT_EQ(best["share"], 0.8);
  EXPECT_EQ(best["answers"], 30);
  EXPECT_EQ(best["answer_share"], 0.75);
  EXPECT_EQ(best["metrics"], (Json{{"cpu", {{"value", 0.2}, {"age_ms", 1000}, {"probers", 2}}}}));
  EXPECT_FALSE(best.contains("error"));
  const Json& dead = shop["origins"][2];
  EXPECT_EQ(dead["alive"], false);
  EXPECT_EQ(dead["probers_down"], 2);
  EXPECT_EQ(dead["error"], "connection refused, the server said \uFFFD");
}

TEST_F(ApiTest, status_of_a_node_that_is_not_ready_says_why) {
  hooks_.ready = [](const routing::Snapshot&) {
    return Error{ErrorCode::unavailable, "no probe has come back yet"};
  };
  hooks_.answers = [](const model::Config&) { return model::AnswerCounts(); };
  const Json status = get_json("/v1/status");
  EXPECT_EQ(status["ready"], false);
  EXPECT_EQ(status["not_ready"], "no probe has come back yet");
  EXPECT_EQ(status["sites"][0]["origins"][0]["answers"], 0);
  EXPECT_EQ(status["sites"][0]["origins"][0]["answer_share"], nullptr);
}

TEST_F(ApiTest, explain_gives_the_decision_and_every_candidate) {
  const Json page = get_json("/v1/explain?name=WWW.shop.example.&client=198.51.100.77");
  EXPECT_EQ(page["name"], "www.shop.example");
  EXPECT_EQ(page["client"], "198.51.100.0/24");
  EXPECT_EQ(page["site"], "shop");
  EXPECT_EQ(page["resolve"], "origin");
  EXPECT_EQ(page["decision"]["reason"], "least_load");
  EXPECT_EQ(page["decision"]["degraded"], true);
  ASSERT_EQ(page["candidates"].size(), 3U);
  EXPECT_EQ(page["candidates"][0]["why"], "chosen");
  EXPECT_EQ(page["candidates"][0]["name"], page["decision"]["targets"][0]);
  const Json& dead = page["candidates"][2];
  EXPECT_EQ(dead["name"], "o2");
  EXPECT_EQ(dead["why"], "down");
  EXPECT_FALSE(dead.contains("latency"));

  const Json content = get_json("/v1/explain?name=cdn.example&client=198.51.100.0%2F24");
  EXPECT_EQ(content["resolve"], "pop");
  EXPECT_EQ(content["decision"]["targets"][0], "p0");
  EXPECT_EQ(content["candidates"][0]["latency"],
            (Json{{"source", "measured"}, {"ms", 12}, {"age_ms", 1000}}));
  EXPECT_EQ(content["sentence"],
            "cdn.example for 198.51.100.0/24 → p0 (198.51.100.1): lowest measured latency, 12 ms");
}

TEST_F(ApiTest, explain_says_what_is_wrong_with_the_question) {
  EXPECT_EQ(ask("GET", "/v1/explain").status, 400);
  EXPECT_EQ(ask("GET", "/v1/explain?name=www.shop.example").status, 400);
  EXPECT_EQ(ask("GET", "/v1/explain?name=www.shop.example&client=198.51.100.7&type=AAAA").status, 200);
  EXPECT_EQ(ask("GET", "/v1/explain?name=www.shop.example&client=198.51.100.7&type=TXT").status, 400);
  const auto bad_client = ask("GET", "/v1/explain?name=www.shop.example&client=me");
  EXPECT_EQ(bad_client.status, 400);
  EXPECT_THAT(error_of(bad_client), HasSubstr("client: 'me'"));
  const auto unknown = ask("GET", "/v1/explain?name=nowhere.example&client=198.51.100.7");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(error_of(unknown), HasSubstr("nowhere.example"));
}

TEST_F(ApiTest, config_is_shown_and_replaced) {
  const auto shown = ask("GET", "/v1/config");
  EXPECT_EQ(shown.body, "network: {name: shop-net}\n");
  EXPECT_EQ(shown.content_type, "application/yaml");

  std::string got;
  hooks_.put_config = [&](const std::string& text, std::optional<uint64_t>) {
    got = text;
    return ConfigOutcome{{}, {"bus:3:1: sites.0: warning: no probes"}, true, 8};
  };
  const auto put = ask("PUT", "/v1/config", "network: {name: new}\n");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(got, "network: {name: new}\n");
  EXPECT_EQ(
      Json::parse(put.body),
      (Json{{"on_bus", true}, {"problems", {"bus:3:1: sites.0: warning: no probes"}}, {"revision", 8}}));
}

TEST_F(ApiTest, a_config_says_which_one_it_replaces) {
  std::optional<uint64_t> replaces;
  hooks_.put_config = [&](const std::string&, std::optional<uint64_t> said) {
    replaces = said;
    return said == std::optional<uint64_t>(3)
               ? ConfigOutcome{Error{ErrorCode::conflict, "it is at revision 4 by now"}, {}, true, 0}
               : ConfigOutcome{{}, {}, true, 5};
  };
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 200);
  EXPECT_EQ(replaces, std::nullopt);
  if_match_ = "*";
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 200);
  EXPECT_EQ(replaces, std::nullopt);
  if_match_ = "\"4\"";
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 200);
  EXPECT_EQ(replaces, 4U);
  if_match_ = "\"3\"";
  const auto refused = ask("PUT", "/v1/config", "x: y");
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(error_of(refused), "it is at revision 4 by now");
  for (const char* wrong : {"4", "\"\"", "\"four\"", "W/\"4\"", "\"4\", \"5\"", "\"-4\""}) {
    if_match_ = wrong;
    EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 400) << wrong;
  }
  if_match_ = "";
  if_none_match_ = "*";
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 200);
  EXPECT_EQ(replaces, 0U);
  if_none_match_ = "\"4\"";
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 400);
}

TEST_F(ApiTest, the_revision_of_a_config_is_its_etag) {
  EXPECT_THAT(ask("GET", "/v1/config").fields,
              Contains(std::pair<std::string, std::string>("ETag", "\"12\"")));
}

TEST_F(ApiTest, a_config_with_errors_is_refused_with_all_of_them) {
  hooks_.reload = [] {
    return ConfigOutcome{
        Error{ErrorCode::invalid, "the config has 2 errors"}, {"a:1:1: x: bad", "a:2:1: y: bad"}, false, 0};
  };
  hooks_.put_config = [refuse = hooks_.reload](const std::string&, std::optional<uint64_t>) {
    return refuse();
  };
  for (const auto& response : {ask("PUT", "/v1/config", "x: y"), ask("POST", "/v1/reload")}) {
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(error_of(response), "the config has 2 errors");
    EXPECT_THAT(Json::parse(response.body)["problems"], ElementsAre("a:1:1: x: bad", "a:2:1: y: bad"));
  }
  EXPECT_EQ(ask("PUT", "/v1/config", " \n").status, 400);
}

TEST_F(ApiTest, a_node_that_goes_by_its_file_takes_no_config) {
  hooks_.bus = [] { return BusState{"memory", true, false}; };
  hooks_.put_config = [](const std::string&, std::optional<uint64_t>) {
    ADD_FAILURE() << "is put all the same";
    return ConfigOutcome();
  };
  const auto refused = ask("PUT", "/v1/config", "x: y");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(error_of(refused), HasSubstr("change that and reload"));
}

TEST_F(ApiTest, a_config_that_the_bus_does_not_take_is_503) {
  hooks_.put_config = [](const std::string&, std::optional<uint64_t>) {
    return ConfigOutcome{Error{ErrorCode::unavailable, "the bus did not take it"}, {}, true, 0};
  };
  EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 503);
}

TEST_F(ApiTest, purges_by_url_and_by_site) {
  std::vector<cluster::PurgeOrder> orders;
  hooks_.purge = [&](const cluster::PurgeOrder& order) {
    orders.push_back(order);
    return Status();
  };
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"url":"http://www.shop.example/a?b"})").status, 200);
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"site":"shop","soft":true})").status, 200);
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"site":"shop","url":"https://WWW.shop.example/"})").status, 200);
  const auto by_tags = ask("POST", "/v1/purge", R"({"site":"shop","tags":["red","blue"]})");
  EXPECT_EQ(by_tags.status, 200);
  EXPECT_THAT(by_tags.body, HasSubstr("tag red, blue of site shop"));
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"prefix":"http://www.shop.example/img/"})").status, 200);
  ASSERT_EQ(orders.size(), 5U);
  EXPECT_EQ(orders[3].scope, cluster::PurgeOrder::Scope::tags);
  EXPECT_EQ(orders[3].tags, (std::vector<std::string>{"red", "blue"}));
  EXPECT_EQ(orders[4].scope, cluster::PurgeOrder::Scope::prefix);
  EXPECT_EQ(orders[4].url, "http://www.shop.example/img/");
  EXPECT_EQ(orders[0].scope, cluster::PurgeOrder::Scope::url);
  EXPECT_EQ(orders[0].url, "http://www.shop.example/a?b");
  EXPECT_FALSE(orders[0].soft);
  EXPECT_EQ(orders[1].scope, cluster::PurgeOrder::Scope::site);
  EXPECT_EQ(orders[1].site, "shop");
  EXPECT_TRUE(orders[1].soft);
  EXPECT_EQ(orders[2].scope, cluster::PurgeOrder::Scope::url);
  EXPECT_EQ(orders[2].site, "shop");
}

TEST_F(ApiTest, a_purge_that_means_nothing_is_refused) {
  hooks_.purge = [](const cluster::PurgeOrder&) -> Status {
    ADD_FAILURE() << "it was sent";
    return {};
  };
  for (const char* body :
       {"", "garbage", "[]", "{}", R"({"soft":true})", R"({"url":7})", R"({"url":""})",
        R"({"url":"http://x/","everything":true})", R"({"url":"/path"})", R"({"url":"ftp://x/"})",
        R"({"tags":["a"]})", R"({"site":"shop","tags":[]})", R"({"site":"shop","tags":"a"})",
        R"({"site":"shop","tags":[""]})", R"({"site":"shop","prefix":""})", R"({"prefix":"/img/"})",
        R"({"url":"http://www.shop.example/","prefix":"http://www.shop.example/"})",
        R"({"url":"http://www.shop.example/","site":"shop","tags":["a"]})", R"({"url":"http://user@x/"})"}) {
    const auto response = ask("POST", "/v1/purge", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_NE(error_of(response), "");
  }
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"url":"http://x/)" + std::string(9000, 'x') + "\"}").status, 400);
  const auto unknown = ask("POST", "/v1/purge", R"({"site":"shops"})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(error_of(unknown), "site: there is no site 'shops'");
  for (const char* body :
       {R"({"url":"http://other.example/"})", R"({"url":"http://cdn.example/nothing/x"})"}) {
    const auto unserved = ask("POST", "/v1/purge", body);
    EXPECT_EQ(unserved.status, 404) << body;
    EXPECT_THAT(error_of(unserved), HasSubstr("no site serves")) << body;
  }
  hooks_.purge = [](const cluster::PurgeOrder&) -> Status {
    return Error{ErrorCode::unavailable, "not connected"};
  };
  EXPECT_EQ(ask("POST", "/v1/purge", R"({"site":"shop"})").status, 503);
}

TEST_F(ApiTest, an_unknown_path_is_404_and_a_wrong_method_405) {
  EXPECT_EQ(ask("GET", "/v2/status").status, 404);
  EXPECT_THAT(error_of(ask("GET", "/v2/status")), HasSubstr("GET / lists"));
  const auto wrong = ask("DELETE", "/v1/config");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_THAT(wrong.fields, ElementsAre(std::pair<std::string, std::string>("Allow", "GET, PUT")));
  EXPECT_EQ(ask("HEAD", "/v1/status").status, 200);
  EXPECT_THAT(ask("GET", "/").body, HasSubstr("/v1/explain"));
}

TEST_F(ApiTest, a_name_in_host_may_not_read_or_change_but_may_be_watched) {
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""}) {
    host_ = host;
    EXPECT_EQ(ask("GET", "/v1/config").status, 403) << host;
    EXPECT_EQ(ask("POST", "/v1/reload").status, 403) << host;
    EXPECT_EQ(ask("GET", "/metrics").status, 200) << host;
    EXPECT_EQ(ask("GET", "/healthz").status, 200) << host;
  }
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "10.1.2.3", "[::1]"}) {
    host_ = host;
    EXPECT_EQ(ask("POST", "/v1/reload").status, 200) << host;
  }
}

TEST_F(ApiTest, a_page_of_another_origin_may_change_nothing) {
  for (const char* origin : {"http://evil.example", "http://127.0.0.1", "http://127.0.0.1:8080",
                             "https://127.0.0.1:8500", "null"}) {
    origin_ = origin;
    EXPECT_EQ(ask("POST", "/v1/reload").status, 403) << origin;
    EXPECT_EQ(ask("PUT", "/v1/config", "x: y").status, 403) << origin;
  }
  origin_ = "http://127.0.0.1:8500";
  EXPECT_EQ(ask("POST", "/v1/reload").status, 200);
}

}  // namespace
}  // namespace popnet::control
