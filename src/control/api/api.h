// The admin API: what each path answers. One request in, one response out; no threads, no sockets.
//
//   GET  /healthz                        200 while the process runs
//   GET  /readyz                         200, or 503 and what is missing
//   GET  /metrics                        Prometheus text (see metrics_page.h)
//   GET  /v1/status                      JSON (see status.h)
//   GET  /v1/explain?name=…&client=…     JSON (see explanation.h); client: an address, or a network (198.51.100.0/24)
//   GET  /v1/config                      what is in force, as YAML: file, document of the bus and --set merged;
//                                        ETag: the revision of the document, where there is one
//   PUT  /v1/config                      a new document for the bus, as YAML: {"on_bus":…, "problems":[warnings],
//                                        "revision":…}. Of a node that goes by its file 409: change the file, then reload
//   POST /v1/reload                      reads the config file again, beside the document of the bus: the same answer
//   POST /v1/purge                       {"url":"http://host/path"}, {"prefix":"http://host/folder/"}, {"site":"name"} or
//                                        {"site":"name", "tags":["a","b"]}; with "soft":true to make stale only
//   GET  /                               this list
//
// Who puts a config that he has made from another one says which, with If-Match: "revision" (or
// If-None-Match: * for the first): if somebody else was faster it is refused with 412, and nobody's work is
// lost.
//
// Errors are {"error":"…"}; a refused config has its "problems" beside it. Wrong input is 400, an unknown
// name 404, a bus that is not there 503.
//
// Who may ask: there are no users and no passwords yet. The server listens on loopback unless the operator
// says otherwise, and then the operator's firewall decides. Against web pages in a browser on the same
// machine:
//  - /v1/ answers only when Host is an IP address or localhost, so that a page cannot reach it by a name that
//    it makes resolve to 127.0.0.1 (DNS rebinding);
//  - what changes something is refused when a page of another origin asks (Origin is not this server).
//
// Threading: thread safe, as far as the hooks are.
#pragma once

#include "common/time.h"
#include "control/api/hooks.h"
#include "control/http/server.h"

namespace popnet::control {

class Api {
 public:
  /// `started`: when the node did, for its uptime.
  Api(Hooks hooks, TimePoint started) : hooks_(std::move(hooks)), started_(started) {}

  /// Whether answering may take a moment (see Hooks).
  [[nodiscard]] static bool is_slow(const HttpRequest& request);
  [[nodiscard]] HttpResponse answer(const HttpRequest& request, TimePoint now) const;

 private:
  struct Route;
  static const Route routes[];

  [[nodiscard]] HttpResponse health(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse readiness(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse metrics(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse status(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse explain(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse show_config(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse put_config(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse reload(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse purge(const HttpRequest& request, TimePoint now) const;
  [[nodiscard]] HttpResponse list(const HttpRequest& request, TimePoint now) const;

  const Hooks hooks_;
  const TimePoint started_;
};

}  // namespace popnet::control
