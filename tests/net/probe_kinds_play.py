#!/usr/bin/env python3
"""What a POP measures: real servers by every kind of probe, broken ones put in words, a server's death and return."""
import signal

from play import check, equal, run, scene, site, until

EVERY = {"interval": "200ms", "timeout": "150ms"}


def origin(popnet, name):
    """What the node knows of an origin of the first site."""
    return next(origin for origin in popnet.status()["sites"][0]["origins"] if origin["name"] == name)


def shop(origins, **options):
    return {"name": "shop", "hostnames": [{"name": "www.shop.test"}], "origins": origins, **options}


@scene
def real_servers(stage):
    """nginx, vsftpd and prometheus-node-exporter are measured by http, tcp, ftp and load; the POP's machine by itself."""
    nginx = stage.nginx(files={"/health": "all is well"})
    ftp, exporter = stage.vsftpd(), stage.node_exporter()
    host = nginx.address.rsplit(":", 1)[0]
    probes = [{"kind": "http", "path": "/health", "body": "all is well", **EVERY}, {"kind": "tcp", **EVERY}]
    origins = [
        {"name": "web", "address": nginx.address, "probes": probes},
        {"name": "files", "address": ftp.address, "probes": [{"kind": "ftp", "port": ftp.port, **EVERY}]},
        {"name": "machine", "address": exporter.address, "probes": [{"kind": "load", "port": exporter.port, **EVERY}]}]
    pop = {"name": "here", "addresses": [host], "capacity": "1Gbit"}
    popnet = stage.popnet([shop(origins)], pops=[pop], network={"pop_probes": [{"kind": "host", **EVERY}]})
    for name, metrics in (("web", {"http_ms", "tcp_ms"}), ("files", {"ftp_ms"}), ("machine", {"cpu", "memory"})):
        until(f"{name}: {', '.join(sorted(metrics))}", lambda: set(origin(popnet, name)["metrics"]) == metrics)
    equal("web is up", origin(popnet, "web")["health"], "up")
    check("its times are those of a machine next door", all(
        0 < metric["value"] < 1000 for metric in origin(popnet, "web")["metrics"].values()))
    until("the POP knows its own CPU, memory and traffic",
          lambda: set(popnet.status()["pops"][0]["metrics"]) == {"cpu", "memory", "traffic"})
    equal("what was asked", {line for line in nginx.requests()}, {"GET http://www.shop.test/health 200"})


@scene
def failures_in_words(stage):
    """A failed probe says what is wrong, as an operator would."""
    busy = stage.origin(lambda asked: asked.answer(503, {}, b"come back later"))
    wrong = stage.origin(lambda asked: asked.answer(200, {}, b"<html>error</html>"))
    silent = stage.origin(lambda asked: None)
    nobody = stage.endpoint()
    expected = {
        "busy": (busy.address, {}, "HTTP 503, expected 200-399"),
        "wrong": (wrong.address, {"body": "ready"}, "'ready' is not in the body"),
        "silent": (silent.address, {}, "no answer within 150ms"),
        "nobody": (nobody, {}, "connection refused")}
    origins = [{"name": name, "address": address, "probes": [{"kind": "http", **EVERY, **options}]}
               for name, (address, options, _) in expected.items()]
    popnet = stage.popnet([shop(origins)])
    for name, (_, _, words) in expected.items():
        until(f"{name}: {words}", lambda: origin(popnet, name).get("error", "").endswith(words))
        equal("and it is down", origin(popnet, name)["health"], "down")


@scene
def death_and_return(stage):
    """kill -9 of a web server is noticed within `fall` intervals, its return within `rise`; a reload forgets nothing."""
    nginx = stage.nginx()
    staying = stage.nginx(name="staying")
    probes = [{"kind": "http", "path": "/", "status": ["200-499"], "interval": "1s", "timeout": "900ms"}]
    config = shop([{"name": "web", "address": nginx.address}, {"name": "staying", "address": staying.address}], probes=probes)
    popnet = stage.popnet([config])
    until("both are up", lambda: origin(popnet, "web")["health"] == origin(popnet, "staying")["health"] == "up", 3)
    nginx.kill()
    until("the dead one is down", lambda: origin(popnet, "web")["health"] == "down", 3)
    check("refused, it says", "connection refused" in origin(popnet, "web")["error"], origin(popnet, "web")["error"])

    popnet.config["sites"][0]["origins"].append({"name": "new", "address": staying.address})
    popnet.write_config(popnet.config)
    popnet.signal(signal.SIGHUP)
    until("the config is the new one", lambda: len(popnet.status()["sites"][0]["origins"]) == 3)
    equal("what was known is still known", (origin(popnet, "web")["health"], origin(popnet, "staying")["health"]), ("down", "up"))
    until("the new one is up soon", lambda: origin(popnet, "new")["health"] == "up", 3)

    stage.nginx(name="again", address=nginx.address)
    until("the dead one is back", lambda: origin(popnet, "web")["health"] == "up", 4)


@scene
def resolvers_are_measured(stage):
    """The network of a resolver that asked is measured once in its interval."""
    popnet = stage.popnet([site("a", [stage.endpoint()])], node={"probe": True},
                          network={"client_latency": {"interval": "1h"}})
    for _ in range(20):
        popnet.dig("a.test")
    answered = lambda: sum(popnet.counter("popnet_probe_client_measurements_total", answer=how) for how in ("icmp", "tcp"))
    until("its network is measured", lambda: answered() == 1)
    popnet.dig("a.test")
    until("asked again", lambda: popnet.status()["client_networks"] >= 1)
    equal("measured once", answered(), 1)


if __name__ == "__main__":
    run()
