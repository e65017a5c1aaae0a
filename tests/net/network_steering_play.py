#!/usr/bin/env python3
"""Users are steered: pages to the least loaded web server, content to the best POP, fills to the least loaded origin."""
import subprocess
import time

from network import AMERICA, ASIA, CONTENT, CROWD, EUROPE, PAGE, POPS, Network, curl
from play import POPNET, check, equal, run, scene, until


@scene
def load_moves_users(stage):
    """CPU that is burnt, and an FTP server that gets slow, send users elsewhere; all POPs say the same, and explain says why."""
    network = Network(stage)
    loads_known(network)
    until("three POPs name the same web servers to 100 client networks", lambda: not network.disagreements(PAGE))

    first = network.hosts[network.resolve(PAGE, EUROPE)[0]]
    second, idle = (web for web in network.web if web is not first)
    start = time.monotonic()
    first.burn(), second.burn()
    until(f"{first.name} and {second.name} burn CPU: the user in Europe is sent to {idle.name} instead of {first.name}",
          lambda: network.resolve(PAGE, EUROPE)[0] == idle.host, 40)
    rounds = 20
    differing = sum(len(network.disagreements(PAGE)) for _ in range(rounds))
    check(f"while users move, the POPs name different web servers in {differing} of {rounds * len(CROWD)} cases, asked one "
          "just after the other: at most one in a hundred", differing <= rounds * len(CROWD) / 100)
    until("at least 70 of 100 client networks are, too", lambda: network.share(idle) >= 0.7, 40)
    print(f"  the loaded servers were left within {time.monotonic() - start:.1f} s")
    answer, address = network.browse(f"http://{PAGE}/", EUROPE)
    equal("the page comes from there", (answer.status, answer.body, address), (200, b"home", idle.host))
    explained(network, PAGE, EUROPE, [web.name for web in network.web])

    first.rest(), second.rest()
    start = time.monotonic()
    idle.slow_ftp()
    until(f"the FTP server of {idle.name} is slow: the user in Europe is sent elsewhere",
          lambda: network.resolve(PAGE, EUROPE)[0] != idle.host, 40)
    until("at least 80 of 100 client networks are, too", lambda: network.share(idle) <= 0.2, 40)
    print(f"  the slow server was left within {time.monotonic() - start:.1f} s")


@scene
def content_from_the_best_pop(stage):
    """Content resolves to the POP that is best for the user's network; its first fetch is filled by the least loaded origin."""
    network = Network(stage)
    for user, pop in ((EUROPE, "ams"), (AMERICA, "nyc"), (ASIA, "sin")):
        equal(f"users in {user.network} are sent to {pop}", network.resolve(CONTENT, user), [network.address(pop)])
    explained(network, CONTENT, AMERICA, POPS)

    idle, *loaded = network.web
    for web in loaded:
        web.burn()
    loads_known(network)
    until(f"all POPs see {idle.name} as the least loaded", lambda: all(
        load(pop, idle) + 0.1 < min(load(pop, web) for web in loaded) for pop in network.pops.values()), 30)
    for user in (EUROPE, AMERICA):
        path = f"/static/a.css?{user.network}"
        asked = [web.asked(path) for web in network.web]
        answer, address = network.browse(f"http://{CONTENT}{path}", user)
        equal("the first fetch is a miss", (answer.status, answer.body, answer.hit), (200, b"a" * 2000, False))
        check("Cache-Status says so", "fwd=uri-miss" in answer.cache_status, answer.cache_status)
        until(f"{idle.name}'s access log shows it", lambda: idle.asked(path) == 1)
        answer = curl(f"http://{CONTENT}{path}", network.at(address))
        equal("the second is a hit", (answer.status, answer.body, answer.hit), (200, b"a" * 2000, True))
        equal("that reached no origin, as no access log has a new line", [web.asked(path) for web in network.web], [1, 0, 0])


@scene
def what_is_measured(stage):
    """The resolver that asked is measured; prometheus-node-exporter tells a machine's CPU and memory."""
    def news(network):
        web = network.web[0]
        exporter = stage.node_exporter(address=stage.endpoint(web.host))
        probe = {"kind": "load", "port": exporter.port, "interval": "1s"}
        return [{"name": "news", "hostnames": [{"name": "www.news.test"}],
                 "origins": [{"name": "web", "address": web.nginx.address, "probes": [probe]}]}]

    network = Network(stage, more_sites=news)
    resolver = network.unbound.address.rsplit(":", 1)[0]
    network.resolve(CONTENT, EUROPE)
    for pop in network.pops.values():
        until(f"{pop.name} knows the round trip from every POP to the resolver that asked", lambda: all(
            candidate["latency"] and candidate["latency"]["source"] == "measured" and candidate["latency"]["ms"] < 100
            for candidate in pop.explain(CONTENT, resolver)["candidates"]))
        echo, tcp = (pop.counter("popnet_probe_client_measurements_total", answer=how) for how in ("icmp", "tcp"))
        check(f"it has measured itself: {echo:g} by echo, {tcp:g} by TCP", echo + tcp >= 1)
    def figures():
        known = network.pops["nyc"].status()["sites"][1]["origins"][0]["metrics"]
        return known if {"cpu", "memory"} <= set(known) else None

    metrics, used = until("node_exporter's figures are there", figures), memory_in_use()
    check(f"memory in use is {metrics['memory']['value']:.3f}, /proc/meminfo says {used:.3f}",
          abs(metrics["memory"]["value"] - used) < 0.1)
    check(f"CPU in use is {metrics['cpu']['value']:.2f}", 0 < metrics["cpu"]["value"] <= 1)


def loads_known(network):
    until("the load of all web servers is known to all POPs", lambda: all(
        {"cpu", "http_ms", "ftp_ms"} <= set(origin["metrics"])
        for pop in network.pops.values() for origin in pop.status()["sites"][0]["origins"]))


def load(pop, web):
    return next(origin["load"] for origin in pop.status()["sites"][0]["origins"] if origin["name"] == web.name)


def memory_in_use():
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file)
    size = {name: float(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable")}
    return 1 - size["MemAvailable"] / size["MemTotal"]


def explained(network, name, user, candidates):
    """GET /v1/explain and `popnet explain` say what DNS says, for every POP."""
    for pop in network.pops.values():
        def told():
            said = pop.explain(name, user.address)
            chosen = said["candidates"][:len(said["decision"]["targets"])]
            addresses = [address.rsplit(":", 1)[0] for candidate in chosen for address in candidate["addresses"]]
            return said if addresses == pop.dig(name, subnet=user.network).addresses() else None

        said = until(f"{pop.name}: explain names what DNS answers for {name}", told)
        equal("every candidate is there", sorted(one["name"] for one in said["candidates"]), sorted(candidates))
        check("each with a reason, the first being chosen",
              said["candidates"][0]["why"] == "chosen" and all(one["why"] for one in said["candidates"]), said)
    done = subprocess.run([POPNET, "explain", name, "--client", user.address, "--node", network.pops["ams"].admin],
                          capture_output=True, text=True, check=False)
    check("popnet explain prints the decision and every candidate", done.returncode == 0 and
          all(word in done.stdout for word in (name, user.network, *candidates)), done)


if __name__ == "__main__":
    run()
