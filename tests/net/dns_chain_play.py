#!/usr/bin/env python3
"""Hostnames with chains, asked over sockets while real web servers die: examples/steering.yaml and the scope of its answers."""
import collections
import json
import os
import socket

import yaml

from play import ROOT, check, equal, run, scene, site, until
from play_dig import ask_both, run_dig

BRITAIN, STATES, NOWHERE = "81.2.69.160/27", "216.160.83.56/29", "203.0.113.0/24"
OFFICE, PARTNER = "198.18.0.0/24", "198.18.1.0/24"


class Steering:
    """popnet with the example's config, in front of nginx servers where the example's origins are."""

    def __init__(self, stage):
        with open(os.path.join(ROOT, "examples/steering.yaml"), encoding="utf-8") as file:
            config = yaml.safe_load(file)
        site = config["sites"][0]
        site["probes"] = [{"kind": "http", "path": "/", "interval": "200ms", "timeout": "200ms", "fall": 1, "rise": 1}]
        self.web, self.names, self.stage = {}, {}, stage
        for origin in site["origins"]:
            nginx = stage.nginx(origin["name"], files={"/index.html": "hello"})
            origin["address"] = nginx.address
            self.web[origin["name"]] = nginx
            self.names[nginx.address.rsplit(":", 1)[0]] = origin["name"]
        config["network"]["geo_file"] = os.path.join(ROOT, "tests/data/GeoIP2-City-Test.mmdb")
        address = stage.address()
        dns = stage.endpoint(address)
        config["pops"][0].update(addresses=address, dns_port=int(dns.rsplit(":", 1)[1]))
        self.popnet = stage.popnet([site], network=config["network"], pops=config["pops"],
                                   node={"edge": False, "dns_listen": dns, "probe": True})
        until("all web servers are known to be healthy", lambda: all(
            origin["health"] == "up" for origin in self.admin("/v1/status")["sites"][0]["origins"]))

    def admin(self, path):
        return json.loads(self.popnet.api("GET", path).body)

    def ask(self, name, subnet=None, **options):
        return self.popnet.dig(name, subnet=subnet, **options)

    def targets(self, name, subnet=None):
        return sorted(self.names[address] for address in self.ask(name, subnet).addresses())

    def same_over_tcp(self, name, *subnets):
        """What has one answer has it over TCP, too, with its TTL and scope."""
        for subnet in subnets:
            ask_both(self.popnet.dns, "+subnet=" + subnet, name, "A")
            ask_both(self.popnet.dns, "+subnet=" + subnet, name, "AAAA")

    def kill(self, name):
        self.web[name].kill()

    def health(self, name):
        return {origin["name"]: origin["health"] for origin in self.admin("/v1/status")["sites"][0]["origins"]}[name]

    def host(self, name):
        return self.web[name].address.rsplit(":", 1)[0]

    def explain(self, name, client):
        page = self.admin(f"/v1/explain?name={name}&client={client}")
        return {rule["name"]: rule["why"] for rule in page["rules"]}


@scene
def regions(stage):
    """Each continent's users get its servers; when these die the next rule's, with a short TTL; explain says why."""
    steering = Steering(stage)
    name = "www.shop.example"
    check("a client in Britain", set(steering.targets(name, BRITAIN)) <= {"eu1", "eu2"})
    check("a client in the United States", set(steering.targets(name, STATES)) <= {"us1", "us2"})
    check("of whom nothing is known: any but sorry", "sorry" not in steering.targets(name, NOWHERE))
    equal("the TTL is the hostname's", set(steering.ask(name, BRITAIN).ttls()), {20})
    steering.same_over_tcp(name, BRITAIN, STATES)
    steering.kill("eu1")
    until("one European server is dead: the other alone", lambda: steering.targets(name, BRITAIN) == ["eu2"])
    equal("with a short TTL", steering.ask(name, BRITAIN).ttls(), [10])
    steering.same_over_tcp(name, BRITAIN)
    equal("Americans keep theirs", set(steering.ask(name, STATES).ttls()), {20})
    steering.kill("eu2")
    until("both are dead: American ones", lambda: set(steering.targets(name, BRITAIN)) <= {"us1", "us2"})
    why = steering.explain(name, "81.2.69.160")
    equal("the rule for Europe", why["europe"], "all its targets are down")
    equal("the rule for America", why["america"], "the client is elsewhere: EU, GB, GB-ENG")
    equal("the rule that decides", why["anywhere"], "decides")
    steering.kill("us1"), steering.kill("us2")
    until("only sorry is left", lambda: steering.targets(name, BRITAIN) == ["sorry"])
    steering.kill("sorry")
    until("all are dead: answered as if all were alive", lambda: set(steering.targets(name, STATES)) <= {"us1", "us2"})


@scene
def networks_order_and_pools(stage):
    """Rules for networks, failover in order, a pool that needs two."""
    steering = Steering(stage)
    equal("the office", steering.targets("app.shop.example", OFFICE), ["us2"])
    equal("a partner", steering.targets("app.shop.example", PARTNER), ["us1"])
    check("all others", set(steering.targets("app.shop.example", NOWHERE)) <= {"eu1", "eu2"})
    equal("the first in order", steering.targets("db.shop.example"), ["eu1"])
    equal("a pool of two", steering.targets("pool.shop.example"), ["eu1", "eu2"])
    for name in ("app.shop.example", "db.shop.example", "pool.shop.example"):
        steering.same_over_tcp(name, OFFICE, PARTNER)
    for victim in ("us2", "us1"):
        steering.kill(victim)
    until("the partners' server is dead: the rule for all others", lambda: set(
        steering.targets("app.shop.example", PARTNER)) <= {"eu1", "eu2"})
    until("the office's server is known to be dead", lambda: steering.health("us2") == "down")
    equal("the office's rule does not fall through", steering.targets("app.shop.example", OFFICE), ["us2"])
    steering.kill("eu1")
    until("the first in order is dead", lambda: steering.targets("db.shop.example") == ["eu2"])
    equal("its failing TTL", steering.ask("db.shop.example").ttls(), [5])
    equal("one of the pool is left, and nobody in reserve", steering.targets("pool.shop.example"), ["eu2"])


@scene
def weights_and_persistence(stage):
    """Nine in ten: by client network, which keeps its server, or drawn anew; scopes say for whom an answer holds."""
    steering = Steering(stage)
    networks = [f"10.{i // 200}.{i % 200}.0/24" for i in range(1500)]
    first = {network: steering.targets("canary.shop.example", network) for network in networks}
    counted = collections.Counter(target for targets in first.values() for target in targets)
    expected = {"eu1": 0.9 * len(networks), "us1": 0.1 * len(networks)}
    chi_square = sum((counted[name] - wanted) ** 2 / wanted for name, wanted in expected.items())
    check(f"nine networks in ten to eu1: {dict(counted)}, chi-square {chi_square:.2f} below 10.83", chi_square < 10.83)
    check("asked again, everybody keeps his", all(
        steering.targets("canary.shop.example", network) == first[network] for network in networks[:200]))
    drawn = collections.Counter(steering.targets("dice.shop.example", NOWHERE)[0] for _ in range(1500))
    chi_square = sum((drawn[name] - wanted) ** 2 / wanted for name, wanted in expected.items())
    check(f"drawn anew for one network: {dict(drawn)}, chi-square {chi_square:.2f} below 15.14", chi_square < 15.14)
    scope = lambda name, subnet: steering.ask(name, subnet).scope
    equal("an answer drawn anew is for everybody", scope("dice.shop.example", NOWHERE), 0)
    equal("a place is for its /24", scope("canary.shop.example", NOWHERE), 24)
    equal("or for its /16, where the hostname says so", scope("sticky.shop.example", NOWHERE), 16)
    equal("an order is for everybody", scope("db.shop.example", NOWHERE), 0)
    equal("the partners' server is for their network", scope("app.shop.example", PARTNER), 24)
    equal("no HTTPS record that nobody wrote", run_dig(steering.popnet.dns, "www.shop.example", "https").answer, [])
    https = ask_both(steering.popnet.dns, "+subnet=" + OFFICE, "app.shop.example", "https")
    equal("an HTTPS record hints at what is decided", https.answer,
          [f'app.shop.example. 20 IN HTTPS 1 . alpn="h2,http/1.1" ipv4hint={steering.host("us2")}'])
    equal("NODATA that everybody gets is for everybody", (steering.ask("app.shop.example", PARTNER, kind="AAAA").addresses(),
                                                          steering.ask("app.shop.example", PARTNER, kind="AAAA").scope), ([], 0))


@scene
def who_leaves_takes_its_own_along(stage):
    """Of four targets each has a quarter of the networks; one that leaves takes along its own, who return with it; nobody else moves."""
    endpoints = [stage.endpoint(stage.address()) for _ in range(4)]
    listen = lambda endpoint: socket.create_server(endpoint_of(endpoint), backlog=4096)  # of connections that nobody accepts
    listening = [listen(endpoint) for endpoint in endpoints]
    shop = site("shop", endpoints, probes=[{"kind": "tcp", "interval": "1s", "timeout": "1s", "fall": 1, "rise": 1}])
    for origin, name in zip(shop["origins"], "abcd"):
        origin["name"] = name  # places go by names: the same in each run
    shop["hostnames"] = [{"name": "shop.zone.test", "resolve": "origin", "select": "weighted", "answers_max": 1, "ttl": "60s", "failing_ttl": "5s"}]
    popnet = stage.popnet([shop])
    alive = lambda: [origin["health"] for origin in popnet.status()["sites"][0]["origins"]]
    until("all are known to be healthy", lambda: alive() == ["up"] * 4)
    networks = [f"10.{i // 200}.{i % 200}.0/24" for i in range(1200)]
    answers = lambda: {network: popnet.dig("shop.zone.test", subnet=network).addresses()[0] for network in networks}
    first = answers()
    counted = collections.Counter(first.values())
    chi_square = sum((counted[endpoint_of(endpoint)[0]] - 300) ** 2 / 300 for endpoint in endpoints)
    check(f"a quarter each: {sorted(counted.values())}, chi-square {chi_square:.2f} below 16.27", chi_square < 16.27)
    gone = endpoint_of(endpoints[1])[0]
    listening[1].close()
    until("one is gone", lambda: alive().count("down") == 1)
    equal("a short TTL", popnet.dig("shop.zone.test").ttls(), [5])
    then = answers()
    equal("its own have moved, nobody else", {network for network in networks if then[network] != first[network]},
          {network for network in networks if first[network] == gone})
    moved = collections.Counter(then[network] for network in networks if first[network] == gone)
    check(f"to all others alike: {sorted(moved.values())}", len(moved) == 3 and min(moved.values()) > counted[gone] / 6)
    listening[1] = listen(endpoints[1])
    until("it is back", lambda: alive() == ["up"] * 4)
    equal("everybody has his again", answers(), first)
    for one in listening:
        one.close()


def endpoint_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


@scene
def each_type_has_its_rule(stage):
    """A and AAAA of one name by rules of their own, each way to choose among them, with its TTL and number of answers."""
    four, six = [f"192.0.2.{i}" for i in range(1, 4)], [f"2001:db8::{i}" for i in range(1, 4)]
    shop = site("shop", [])
    shop["origins"] = [{"name": f"{family}{i}", "address": f"[{address}]:80" if ":" in address else f"{address}:80", "groups": [family]}
                       for family, addresses in (("four", four), ("six", six)) for i, address in enumerate(addresses)]
    ways = ("failover", "weighted", "least_load")
    rule = lambda kind, family, **options: {"types": [kind], "targets": [family], **options}
    shop["hostnames"] = [{"name": f"{a}-{b}.zone.test", "resolve": "origin", "chain": [
        rule("A", "four", select=a, ttl="30s", answers_max=2), rule("AAAA", "six", select=b, ttl="70s", answers_max=3)]}
        for a in ways for b in ways]
    shop["hostnames"].append({"name": "only.zone.test", "resolve": "origin", "chain": [rule("AAAA", "six"), {"targets": ["four"]}]})
    dns = stage.popnet([shop], zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", "@ SOA ns1 h 1 3600 600 604800 60\n@ NS ns1\n"
                                                                               "ns1 A 192.0.2.9\n")}]).dns
    for a in ways:
        for b in ways:
            for kind, way, addresses, ttl, most in (("A", a, four, 30, 2), ("AAAA", b, six, 70, 3)):
                lines = [line.split() for line in ask_both(dns, "+subnet=198.51.100.0/24", f"{a}-{b}.zone.test", kind).answer]
                found = [line[4] for line in lines]
                wanted = found == addresses[:1] if way == "failover" else len(found) == most and set(found) <= set(addresses)
                check(f"{kind} of {a}-{b}", wanted and {line[1] for line in lines} == {str(ttl)}, lines)
    equal("the rule for AAAA leaves A to the next", set(line.split()[4] for line in ask_both(dns, "only.zone.test", "A").answer) <= set(four), True)


if __name__ == "__main__":
    run()
