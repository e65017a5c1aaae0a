#include "http/edge/view.h"

#include <gtest/gtest.h>

namespace popnet::http {
namespace {

class ViewTest : public ::testing::Test {
 protected:
  ViewTest() : store_({1 << 20, 1, 4}, epoch_), registry_(store_, 2) {
    auto config = std::make_shared<model::Config>();
    config->network.zone = "cdn.example";
    config->network.content_hostname = "static.example";
    config->node.pop = "ams";
    config->pops.push_back({});
    config->pops[0].name = "ams";
    for (const char* name : {"shop", "news"}) {
      model::Site& site = config->sites.emplace_back();
      site.name = site.content_prefix = name;
      site.hostnames.push_back({"www." + site.name + ".example", model::Resolve::pop, {}, {}, 2});
      site.origins.push_back({});
      site.origins[0].name = "web";
    }
    config->sites[0].rules = {{"/a/*", model::Action::proxy, {}, {}},
                              {"*.png", model::Action::deny, {}, {}},
                              {"/exact", model::Action::deny, {}, {}}};
    config_ = config;
    sites_ = std::make_unique<Sites>(config_, registry_);
  }
  Route route(std::string_view host, std::string_view path) { return sites_->route(host, path); }
  model::Action action(std::string_view path) { return route("www.shop.example", path).action; }

  rt::Epoch epoch_;
  Store store_;
  Registry registry_;
  std::shared_ptr<const model::Config> config_;
  std::unique_ptr<Sites> sites_;
};

TEST_F(ViewTest, FirstRuleWhosePathMatchesDecides) {
  EXPECT_EQ(action("/a/x.png"), model::Action::proxy);
  EXPECT_EQ(action("/b/x.png"), model::Action::deny);
  EXPECT_EQ(action("/exact"), model::Action::deny);
  EXPECT_EQ(action("/exactly"), model::Action::cache);
  EXPECT_EQ(action("/a"), model::Action::cache);
}

TEST_F(ViewTest, SpellingsOfOnePathMatchAlike) {
  EXPECT_EQ(action("/%61/x"), model::Action::proxy);
  EXPECT_EQ(action("/b/x%2epng"), model::Action::deny);
  EXPECT_EQ(action("/b/x.pn%67"), model::Action::deny);
  EXPECT_EQ(action("/%zz%"), model::Action::cache) << "broken escapes stay as they are";
}

TEST_F(ViewTest, RulesSeeThePathAsTheServerBehindReadsIt) {
  for (const char* path :
       {"//exact", "/%65xact", "/%2Fexact", "%2fexact", "/\\exact", "/%5cexact", "/exact;v=1"})
    EXPECT_EQ(action(path), model::Action::deny) << path;
  for (const char* path : {"//a/x", "/a%2Fx", "/a%2fx", "/a\\x", "/a%5Cx", "/a//x"})
    EXPECT_EQ(action(path), model::Action::proxy) << path;
  EXPECT_EQ(action("/exact%3F"), model::Action::cache);
  EXPECT_EQ(action("/%2565xact"), model::Action::cache) << "decoded once";
}

TEST_F(ViewTest, ARuleThatDeniesDecidesInAnyReading) {
  auto next = std::make_shared<model::Config>(*config_);
  next->sites[0].rules = {{"/secret/public/*", model::Action::cache, {}, {}},
                          {"/secret/*", model::Action::deny, {}, {}},
                          {"/caf%C3%A9//*", model::Action::deny, {}, {}}};
  const Sites sites(next, registry_);
  const auto action = [&](std::string_view path) { return sites.route("www.shop.example", path).action; };
  EXPECT_EQ(action("/secret/public/x"), model::Action::cache);
  EXPECT_EQ(action("/secret/public%2Fx"), model::Action::deny) << "a server may not take that for a slash";
  EXPECT_EQ(action("/secret;a=b/x"), model::Action::deny);
  EXPECT_EQ(action("/;a/secret/x"), model::Action::deny);
  EXPECT_EQ(action("/caf%c3%a9/x"), model::Action::deny) << "rules are read like paths";
  EXPECT_EQ(action("/caf\xc3\xa9/x"), model::Action::deny);
}

TEST_F(ViewTest, DotSegmentsAreRefusedInAnySpelling) {
  for (const char* path : {"/..", "/.", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/.%2E", "/a/b/..",
                           "/a%2f..%2Fb", "/a\\..\\b", "/a/..%5Cb", "/a/..;/b", "//.."})
    EXPECT_EQ(route("www.shop.example", path).to, Route::To::bad_path) << path;
  for (const char* path : {"/.well-known/x", "/..a", "/a/...", "/a..b", "/a.", "/.../x"})
    EXPECT_EQ(route("www.shop.example", path).to, Route::To::site) << path;
}

TEST_F(ViewTest, SharedHostnameCutsThePrefixOff) {
  EXPECT_EQ(route("static.example", "/news/x").path, "/x");
  EXPECT_EQ(route("static.example", "/news/x").site->site->name, "news");
  EXPECT_EQ(route("static.example", "/news").path, "/");
  EXPECT_EQ(route("static.example", "/news/").path, "/");
  EXPECT_EQ(route("static.example", "/newsx").to, Route::To::unknown_prefix);
  EXPECT_EQ(route("static.example", "/News/x").to, Route::To::unknown_prefix) << "paths have case";
  EXPECT_EQ(route("static.example", "/").to, Route::To::unknown_prefix);
  EXPECT_EQ(route("static.example", "/shop/a/x").action, model::Action::proxy) << "rules see the rest";
  EXPECT_EQ(route("static.example", "/shop/../news/x").to, Route::To::bad_path);
}

TEST_F(ViewTest, HostsInAnyCaseAndWithFinalDot) {
  EXPECT_EQ(route("WWW.Shop.EXAMPLE.", "/").site->site->name, "shop");
  EXPECT_EQ(route("ams", "/").to, Route::To::pop);
  EXPECT_EQ(route("AMS.cdn.example", "/").to, Route::To::pop);
  EXPECT_EQ(route("shop.example", "/").to, Route::To::unknown_host);
  EXPECT_EQ(route("", "/").to, Route::To::unknown_host);
}

TEST_F(ViewTest, WhatIsRememberedOfSitesAndOriginsOutlivesTheConfig) {
  const SiteView* before = sites_->find("shop");
  before->origins[0]->fills = 7;
  auto next = std::make_shared<model::Config>(*config_);
  next->sites.erase(next->sites.begin() + 1);
  next->sites[0].origins.emplace_back().name = "web2";
  std::swap(next->sites[0].origins[0], next->sites[0].origins[1]);
  const Sites after(next, registry_);
  EXPECT_EQ(after.find("shop")->state, before->state);
  EXPECT_EQ(after.find("shop")->origins[1], before->origins[0]) << "found by name, not by place";
  EXPECT_EQ(after.find("shop")->origins[0]->fills, 0U);
  EXPECT_EQ(after.find("news"), nullptr);
}

TEST_F(ViewTest, SitesAreBuiltAnewOnlyWhenTheConfigIsAnother) {
  auto snapshot = std::make_shared<routing::Snapshot>();
  snapshot->config = config_;
  const auto first = make_view(snapshot, nullptr, registry_, 0x3fa92c1);
  const auto second =
      make_view(std::make_shared<routing::Snapshot>(*snapshot), first.get(), registry_, 0x3fa92c1);
  EXPECT_EQ(first->sites, second->sites);
  EXPECT_EQ(first->pseudonym, "popnet-ams");
  EXPECT_EQ(second->received_by, "popnet-ams-03fa92c1");
  auto other = std::make_shared<routing::Snapshot>();
  other->config = std::make_shared<model::Config>(*config_);
  EXPECT_NE(make_view(other, second.get(), registry_, 0x3fa92c1)->sites, second->sites);
}

}  // namespace
}  // namespace popnet::http
