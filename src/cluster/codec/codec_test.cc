#include "cluster/codec/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace popnet::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Two machines that booted at different times.
constexpr TimePoint sender_now{std::chrono::hours(50)};
constexpr TimePoint receiver_now{std::chrono::hours(2)};

Report full_report() {
  Report report;
  report.author = "ams";
  model::ProbeSample good;
  good.prober = "ams";
  good.target = model::TargetId::origin("shop", "web1");
  good.probe = "http#2";
  good.ok = true;
  good.readings = {{model::Metric::http_ms, 12.25}, {model::Metric::cpu, 0.5}};
  good.at = sender_now - milliseconds(250);
  good.max_age = seconds(30);
  model::ProbeSample bad;
  bad.prober = "fra";
  bad.target = model::TargetId::client(*Prefix::parse("2001:db8:7::/48"));
  bad.probe = "icmp";
  bad.healthy = false;
  bad.affects_health = false;
  bad.error = "no answer within 1s";
  bad.at = sender_now - seconds(2);
  bad.max_age = seconds(60);
  report.samples = {good, bad};
  report.resolvers = {IpAddress::v4(198, 51, 100, 7), *IpAddress::parse("2001:db8::53")};
  model::Shares shares;
  shares.author = "ams";
  shares.generation = 1ULL << 60;
  shares.at = sender_now - seconds(1);
  shares.origins = {{"shop/web2", 0.75}, {"shop/web1", 0.25}};
  shares.pops = {{"ams", 1}};
  report.shares = {shares};
  return report;
}

TEST(Codec, a_report_comes_back_with_its_ages_on_the_other_clock) {
  const Report sent = full_report();
  const auto got = decode_report(encode_report(sent, sender_now), receiver_now);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->author, "ams");
  ASSERT_EQ(got->samples.size(), 2U);
  const auto& good = got->samples[0];
  EXPECT_EQ(good.prober, "ams");
  EXPECT_EQ(good.target, sent.samples[0].target);
  EXPECT_EQ(good.probe, "http#2");
  EXPECT_TRUE(good.ok && good.healthy && good.affects_health);
  ASSERT_EQ(good.readings.size(), 2U);
  EXPECT_EQ(good.at, receiver_now - milliseconds(250));
  EXPECT_EQ(good.max_age, seconds(30));
  const auto& bad = got->samples[1];
  EXPECT_EQ(bad.prober, "fra");
  EXPECT_EQ(bad.target, sent.samples[1].target);
  EXPECT_FALSE(bad.ok || bad.healthy || bad.affects_health);
  EXPECT_TRUE(bad.readings.empty());
  EXPECT_EQ(bad.error, "no answer within 1s");
  EXPECT_EQ(got->resolvers, sent.resolvers);
  ASSERT_EQ(got->shares.size(), 1U);
  EXPECT_EQ(got->shares[0].generation, 1ULL << 60);
  EXPECT_EQ(got->shares[0].at, receiver_now - seconds(1));
  ASSERT_EQ(got->shares[0].origins.size(), 2U);
  EXPECT_EQ(got->shares[0].origins[0].name, "shop/web2");  // order kept
  EXPECT_EQ(got->shares[0].origins[0].share, 0.75);
  EXPECT_EQ(got->shares[0].pops[0].name, "ams");
}

TEST(Codec, nodes_travel_with_their_pops) {
  Report report = full_report();
  report.author = {"ams-2", "ams"};
  report.run = 1ULL << 63;
  report.samples[0].prober = report.author;
  report.samples[1].prober = {"fra-1", "fra"};
  report.shares[0].author = {"nyc-7", "nyc"};
  const auto got = decode_report(encode_report(report, sender_now), receiver_now);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->author, report.author);
  EXPECT_EQ(got->run, report.run);
  EXPECT_EQ(got->samples[0].prober, report.author);
  EXPECT_EQ(got->samples[1].prober, report.samples[1].prober);
  EXPECT_EQ(got->shares[0].author, report.shares[0].author);
}

TEST(Codec, every_metric_travels) {
  Report report = full_report();
  report.samples.resize(1);
  report.samples[0].readings.clear();
  for (size_t i = 0; i < model::metric_count; ++i)
    report.samples[0].readings.push_back({static_cast<model::Metric>(i), static_cast<double>(i) + 0.5});
  const auto got = decode_report(encode_report(report, sender_now), receiver_now);
  ASSERT_TRUE(got.ok());
  ASSERT_EQ(got->samples[0].readings.size(), model::metric_count);
  for (const auto& reading : got->samples[0].readings)
    EXPECT_EQ(reading.value, static_cast<double>(reading.metric) + 0.5);
}

TEST(Codec, an_empty_report_is_short) {
  Report report;
  report.author = "ams";
  EXPECT_EQ(encode_report(report, sender_now), R"({"v":1,"author":"ams"})");
  EXPECT_TRUE(decode_report(R"({"v":1,"author":"ams"})", receiver_now).ok());
}

TEST(Codec, a_time_ahead_of_the_clock_counts_as_now) {
  Report report = full_report();
  report.samples[0].at = sender_now + seconds(5);
  const auto got = decode_report(encode_report(report, sender_now), receiver_now);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->samples[0].at, receiver_now);
}

TEST(Codec, what_json_cannot_say_is_left_out_or_replaced) {
  Report report = full_report();
  report.samples[0].readings = {{model::Metric::http_ms, std::nan("")},
                                {model::Metric::cpu, std::numeric_limits<double>::infinity()},
                                {model::Metric::memory, 0.25}};
  report.samples[1].error = "the server said \xff\xfe\x80" + std::string(5000, '\xff');
  report.shares[0].origins[0].share = std::nan("");
  const auto got = decode_report(encode_report(report, sender_now), receiver_now);
  ASSERT_TRUE(got.ok()) << got.error().message;
  ASSERT_EQ(got->samples[0].readings.size(), 1U);
  EXPECT_EQ(got->samples[0].readings[0].metric, model::Metric::memory);
  EXPECT_THAT(got->samples[1].error, HasSubstr("the server said \uFFFD"));
}

TEST(Codec, a_newer_node_may_say_more) {
  const auto got = decode_report(
      R"({"v":1,"author":"ams","colour":"blue","samples":[{"kind":"pop","name":"fra","probe":"quic","ok":true,
          "healthy":true,"age_ms":1,"max_age_ms":1000,"values":{"quic_ms":3,"tcp_ms":2},"mood":[1,{}]}]})",
      receiver_now);
  ASSERT_TRUE(got.ok()) << got.error().message;
  ASSERT_EQ(got->samples[0].readings.size(), 1U);
  EXPECT_EQ(got->samples[0].readings[0].metric, model::Metric::tcp_ms);
}

TEST(Codec, a_cut_message_is_an_error_at_every_length) {
  const std::string whole = encode_report(full_report(), sender_now);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_report(whole.substr(0, size), receiver_now).ok()) << size;
}

TEST(Codec, a_bad_report_is_an_error_that_names_the_place) {
  const std::string sample =
      R"({"kind":"pop","name":"fra","probe":"tcp","ok":true,"healthy":true,"age_ms":1,"max_age_ms":9)";
  const auto with = [&](const std::string& tail) {
    return R"({"v":1,"author":"a","samples":[)" + sample + tail + "}]}";
  };
  ASSERT_TRUE(decode_report(with(""), receiver_now).ok());
  const std::pair<std::string, const char*> cases[] = {
      {"", "report: is not JSON"},
      {"\xff\x00garbage", "report: is not JSON"},
      {"[]", "report: should be an object"},
      {"null", "report: should be an object"},
      {R"({"author":"a"})", "report.v: is missing"},
      {R"({"v":2,"author":"a"})", "version that this node does not know"},
      {R"({"v":"1","author":"a"})", "report.v: should be a whole number"},
      {R"({"v":1})", "report.author: is missing"},
      {R"({"v":1,"author":7})", "report.author: should be a text"},
      {R"({"v":1,"author":")" + std::string(300, 'x') + "\"}", "at most 255 bytes"},
      {R"({"v":1,"author":"a","samples":{}})", "report.samples: should be a list"},
      {R"({"v":1,"author":"a","samples":[7]})", "report.samples[0]: should be an object"},
      {R"({"v":1,"author":"a","samples":[{"kind":"planet"}]})", "report.samples[0].kind: should be origin"},
      {with(R"(,"age_ms":-1)"), "report.samples[0].age_ms: should be a number from 0 to 604800000"},
      {with(R"(,"age_ms":1e300)"), "report.samples[0].age_ms"},
      {with(R"(,"age_ms":null)"), "report.samples[0].age_ms"},
      {with(R"(,"ok":1)"), "report.samples[0].ok: should be true or false"},
      {with(R"(,"values":[])"), "report.samples[0].values: should be an object"},
      {with(R"(,"values":{"cpu":"high"})"), "report.samples[0].values.cpu: should be a number"},
      {with(R"(,"values":{"cpu":-0.5})"), "report.samples[0].values.cpu: should be a number"},
      {R"({"v":1,"author":"a","resolvers":["localhost"]})", "report.resolvers[0]: should be an IP address"},
      {R"({"v":1,"author":"a","shares":[{"author":"a","generation":-1}]})",
       "shares[0].generation: should be a whole"},
      {R"({"v":1,"author":"a","shares":[{"author":"a","generation":1,"age_ms":0,"pops":[["x",2]]}]})",
       "report.shares[0].pops[0]: should be a number from 0 to 1"},
      {R"({"v":1,"author":"a","shares":[{"author":"a","generation":1,"age_ms":0,"pops":[["x"]]}]})",
       "report.shares[0].pops[0]: should be [name, share]"},
  };
  for (const auto& [text, says] : cases) {
    const auto got = decode_report(text, receiver_now);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_EQ(got.error().code, ErrorCode::peer);
    EXPECT_THAT(got.error().message, HasSubstr(says)) << text;
  }
}

TEST(Codec, counts_and_nesting_are_bounded) {
  std::string many = R"({"v":1,"author":"a","resolvers":[)";
  for (size_t i = 0; i <= CodecLimits::resolvers; ++i) many += i == 0 ? R"("::1")" : R"(,"::1")";
  const auto got = decode_report(many + "]}", receiver_now);
  ASSERT_FALSE(got.ok());
  EXPECT_THAT(got.error().message, HasSubstr("report.resolvers: should be a list of at most 10000 elements"));
  EXPECT_FALSE(decode_report(std::string(1 << 20, '['), receiver_now).ok());
  const std::string deep = std::string(1 << 19, '[') + std::string(1 << 19, ']');
  EXPECT_FALSE(decode_report(R"({"v":1,"author":)" + deep + "}", receiver_now).ok());
  EXPECT_FALSE(decode_report(std::string(CodecLimits::message_bytes + 1, ' '), receiver_now).ok());
}

TEST(Codec, a_purge_comes_back_whole) {
  PurgeOrder url;
  url.url = "http://cdn.example/a?b=c";
  url.id = ~0ULL;
  url.soft = true;
  const auto got_url = decode_purge(encode_purge(url));
  ASSERT_TRUE(got_url.ok()) << got_url.error().message;
  EXPECT_EQ(got_url->scope, PurgeOrder::Scope::url);
  EXPECT_EQ(got_url->url, url.url);
  EXPECT_EQ(got_url->id, url.id);
  EXPECT_TRUE(got_url->soft);

  PurgeOrder site;
  site.scope = PurgeOrder::Scope::site;
  site.site = "shop";
  site.id = 7;
  EXPECT_EQ(encode_purge(site), R"({"v":1,"id":7,"scope":"site","site":"shop"})");
  const auto got_site = decode_purge(encode_purge(site));
  ASSERT_TRUE(got_site.ok());
  EXPECT_EQ(got_site->scope, PurgeOrder::Scope::site);
  EXPECT_EQ(got_site->site, "shop");
  EXPECT_FALSE(got_site->soft);

  PurgeOrder tags;
  tags.scope = PurgeOrder::Scope::tags;
  tags.site = "shop";
  tags.tags = {"red", "a \"b\""};
  const auto got_tags = decode_purge(encode_purge(tags));
  ASSERT_TRUE(got_tags.ok());
  EXPECT_EQ(got_tags->scope, PurgeOrder::Scope::tags);
  EXPECT_EQ(got_tags->tags, tags.tags);

  PurgeOrder prefix;
  prefix.scope = PurgeOrder::Scope::prefix;
  prefix.url = "http://cdn.example/a/";
  EXPECT_EQ(encode_purge(prefix), R"({"v":1,"id":0,"scope":"prefix","url":"http://cdn.example/a/"})");
  ASSERT_TRUE(decode_purge(encode_purge(prefix)).ok());
  EXPECT_EQ(decode_purge(encode_purge(prefix))->scope, PurgeOrder::Scope::prefix);
}

TEST(Codec, a_bad_purge_is_an_error_that_names_the_place) {
  const std::pair<std::string, const char*> cases[] = {
      {"7", "purge: should be an object"},
      {R"({"v":1,"id":1})", "purge.scope: is missing"},
      {R"({"v":1,"id":1,"scope":"everything"})", "purge.scope: should be url, prefix, tags or site"},
      {R"({"v":1,"id":1,"scope":"url"})", "purge.url: is missing"},
      {R"({"v":1,"id":1,"scope":"site","url":"http://x/"})", "purge.site: is missing"},
      {R"({"v":1,"id":1,"scope":"prefix"})", "purge.url: is missing"},
      {R"({"v":1,"id":1,"scope":"tags","tags":["a"]})", "purge.site: is missing"},
      {R"({"v":1,"id":1,"scope":"tags","site":"x"})", "purge.tags: is missing"},
      {R"({"v":1,"id":1,"scope":"tags","site":"x","tags":[1]})", "purge.tags[0]: should be a text"},
      {R"({"v":1,"id":1.5,"scope":"site","site":"x"})", "purge.id: should be a whole number"},
      {R"({"v":1,"id":1,"scope":"url","url":")" + std::string(13000, 'x') + "\"}", "at most 12288 bytes"},
  };
  for (const auto& [text, says] : cases) {
    const auto got = decode_purge(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_THAT(got.error().message, HasSubstr(says)) << text;
  }
}

}  // namespace
}  // namespace popnet::cluster
