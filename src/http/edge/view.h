// What the edge sees of a Snapshot: hosts, sites and rules laid out for lookup, and beside each site and
// origin what the edge itself remembers of it (its part of the store, counters, requests in flight), which
// outlives snapshots.
//
// Host → site → rule:
//   a hostname of a site                     that site
//   the shared content hostname              the site whose content_prefix is the first path segment; the prefix
//                                            is cut off the path before rules, key and origin see it
//   this POP's name, or <pop>.<zone>         the POP itself
//   any other                                the site with any_host, if there is one
//   The first rule whose path matches decides. Without one, pages (hostnames that resolve to origins) are
//   passed on and all else is cached.
// Rules, and the text in them, are matched in the usual reading of policy/path_reading.h: what a server
// behind us makes of the path. Where another reading leads to a rule that denies, that one decides. A path
// with dot segments in any reading is refused. What is asked of the origin is the path as it came.
//
// Threading: immutable but for the counters, which are atomic.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/text.h"
#include "http/edge/counters.h"
#include "http/edge/fill_gate.h"
#include "http/edge/origin_health.h"
#include "http/store/store.h"
#include "routing/snapshot.h"
#include "tls/context.h"

namespace popnet::http {

/// What this node remembers of one origin, whatever config says of it.
struct OriginState {
  std::atomic<uint32_t> in_flight{0};
  std::atomic<uint64_t> fills{0};
  std::atomic<uint64_t> failures{0};  // no connection, no answer, a broken one
  OriginHealth health;
  FirstBytes first_bytes;
  Endpoint endpoint;  // whose these are; guarded by Registry

  /// Counts a failure, and logs it unless one was logged just before. `its_own`: it counts against the origin's health; what
  /// this machine could not do, or one answer that is longer than we take, does not.
  void failed(TimePoint now, std::string_view site, std::string_view origin, std::string_view why,
              bool its_own = true);

 private:
  std::atomic<TimePoint> logged_{TimePoint::min()};
};

/// What this node remembers of one site.
struct SiteState {
  SiteState(std::string_view site, Store& store, int threads);
  const std::string name;
  Space& space;
  const std::unique_ptr<SiteCounters[]> counters;  // one for each thread
  const std::unique_ptr<RetryBudget[]> retries;    // one for each thread, its own
  FillGate gate;
  std::atomic<uint32_t> trials{0};  // requests that find out whether an origin answers again
  EventRate fill_rate;
  std::map<std::string, std::shared_ptr<OriginState>> origins;  // guarded by Registry
};

/// Finds or makes these states. Thread safe.
class Registry {
 public:
  Registry(Store& store, int threads) : store_(store), threads_(threads) {}
  /// `known`: it was there before.
  std::shared_ptr<SiteState> site(const model::Site& site, bool& known);
  std::vector<std::shared_ptr<OriginState>> origins(SiteState& state, const model::Site& site);
  void for_each(const std::function<void(const SiteState&)>& visit) const;
  [[nodiscard]] Store& store() const { return store_; }

 private:
  Store& store_;
  const int threads_;
  mutable std::mutex mutex_;  // guards what follows, and SiteState::origins
  std::map<std::string, std::shared_ptr<SiteState>> sites_;
};

class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view path) const;

 private:
  enum class Kind : uint8_t { all, exact, prefix, suffix };
  Kind kind_;
  std::string text_;  // in the usual reading
};

struct SiteView {
  uint32_t index = 0;  // in Config::sites
  const model::Site* site = nullptr;
  std::shared_ptr<SiteState> state;
  std::vector<std::shared_ptr<OriginState>> origins;
  std::vector<std::shared_ptr<const tls::ClientContext>>
      tls;                            // of each origin; null: plain, or not to be had
  std::vector<PathPattern> patterns;  // of site->rules
  bool known = false;                 // a config before this one had it, too: there may be something stored

  /// No origin answers, as far as is known.
  [[nodiscard]] bool in_outage(TimePoint now) const {
    return !origins.empty() &&
           std::ranges::all_of(origins, [now](const auto& origin) { return origin->health.out(now); });
  }
};

struct Route {
  enum class To : uint8_t { site, pop, unknown_host, unknown_prefix, bad_path };
  To to = To::unknown_host;
  const SiteView* site = nullptr;
  const model::Rule* rule = nullptr;  // null: none matched
  model::Action action = model::Action::cache;
  std::string_view path;  // without the prefix of a shared hostname
  bool prefixed = false;  // it had one
};

/// Everything that depends on the config alone.
class Sites {
 public:
  Sites(std::shared_ptr<const model::Config> config, Registry& registry);

  /// No allocation. `host` in any case, without port; `path` as sent. The result borrows from this and from
  /// `path`.
  [[nodiscard]] Route route(std::string_view host, std::string_view path) const;
  [[nodiscard]] const SiteView* find(std::string_view site_name) const;
  /// Makes stale what is stored under names that a site has with this config, and had not with the one `before`. It may be of an
  /// older config, and have been purged since under another site, where it was not found.
  void expire_returned(const Sites& before, Store& store) const;
  [[nodiscard]] const std::shared_ptr<const model::Config>& config() const { return config_; }

 private:
  struct Host {
    enum class Kind : uint8_t { site, shared, pop };
    Kind kind = Kind::site;
    uint32_t site = 0;
    const model::Hostname* hostname = nullptr;
  };
  struct CaseHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };
  struct CaseEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return iequals(a, b); }
  };
  void apply_rules(Route& route, const model::Hostname* hostname) const;
  static const model::Rule* first_match(const SiteView& site, std::string_view path);
  [[nodiscard]] Route route_prefix(std::string_view path) const;
  [[nodiscard]] bool has_hostname(std::string_view site, std::string_view hostname) const;

  const std::shared_ptr<const model::Config> config_;
  std::vector<SiteView> sites_;
  std::unordered_map<std::string, Host, CaseHash, CaseEqual> hosts_;
  std::map<std::string, uint32_t, std::less<>> prefixes_;
  std::map<std::string, uint32_t, std::less<>> names_;  // of sites
  const SiteView* any_host_ = nullptr;
};

struct View : std::enable_shared_from_this<View> {
  std::shared_ptr<const routing::Snapshot> snapshot;
  std::shared_ptr<const Sites> sites;  // of snapshot->config
  std::string pseudonym;               // "popnet-<pop>": in Cache-Status
  std::string received_by;             // "popnet-<pop>-<process>": in Via
};
/// `before` (may be null) lends its Sites when the config is the same object. `process`: a random number, the same in all views
/// of a process, by which Via tells it from others whose POP has the same name (two nodes of one POP; a customer's and ours,
/// both with the name that is the default): a request that goes from one to the other is in no loop.
std::shared_ptr<const View> make_view(std::shared_ptr<const routing::Snapshot> snapshot, const View* before,
                                      Registry& registry, uint32_t process);

}  // namespace popnet::http
