#!/usr/bin/env python3
"""Nodes act together over the bus, go on without it, take only configs that are right, and end without cutting anybody off."""
import json
import signal
import socket
import time

from network import CONTENT, CROWD, PAGE, POPS, Network
from play import PATIENCE, check, equal, run, scene, site, until

EXTRA = "extra.shop.test"


def everywhere(network, condition):
    return all(condition(pop) for pop in network.living())


def stored_everywhere(network, *paths):
    for pop in network.living():
        for path in paths:
            until(f"{pop.name} has {path} in its store", lambda: pop.get(path, CONTENT).hit)


def gone_everywhere(network, path):
    for pop in network.living():
        until(f"{pop.name} has {path} no more", lambda: not pop.get(path, CONTENT).hit)


def with_extra_hostname(network):
    """The network's config, as pushed over the bus, with one hostname more."""
    document = {key: value for key, value in network.sections.items() if key != "bus"}
    document = json.loads(json.dumps(document))
    document["sites"][0]["hostnames"].append({"name": EXTRA, "resolve": "origin"})
    return document


def generations(network):
    return [pop.status()["generations"]["config"] for pop in network.living()]


@scene
def one_order_for_all(stage):
    """A config that one POP is given reaches all; a bad one changes nothing and says why; a purge empties all POPs."""
    network = Network(stage)
    ams, nyc, sin = network.pops.values()
    document = with_extra_hostname(network)
    equal("nobody knows the new hostname", {pop.dig(EXTRA).rcode for pop in network.living()}, {"REFUSED"})
    answer = ams.api("PUT", "/v1/config", document)
    equal("ams takes the config and puts it on the bus", (answer.status, json.loads(answer.body)["on_bus"]), (200, True))
    until("all POPs answer for the new hostname", lambda: everywhere(network, lambda pop: pop.dig(EXTRA).addresses()))

    before = generations(network)
    document["sites"][0]["origins"][1]["address"] = "nowhere"
    answer = nyc.api("PUT", "/v1/config", document)
    said = json.loads(answer.body)
    check("a bad config is refused, and it is told what is wrong where", answer.status == 400 and
          any("sites.0.origins.1.address: 'nowhere'" in one for one in said["problems"]), said)
    equal("every POP goes on with the config that it has", generations(network), before)
    check("and answers by it", everywhere(network, lambda pop: pop.dig(EXTRA).addresses()))

    paths = ("/static/a.css", "/static/a.css?2")
    stored_everywhere(network, *paths)
    answer = sin.api("POST", "/v1/purge", {"url": f"http://{CONTENT}{paths[0]}"})
    equal("sin is told to purge one URL", answer.status, 200)
    gone_everywhere(network, paths[0])
    check("the other is not", everywhere(network, lambda pop: pop.get(paths[1], CONTENT).hit))


@scene
def without_the_bus(stage):
    """nats-server is killed: all POPs go on, one even starts again; when it is back, they hear each other and obey."""
    network = Network(stage)
    ams = network.pops["ams"]
    equal("the config that the bus will hold is given", ams.api("PUT", "/v1/config", with_extra_hostname(network)).status, 200)
    until("all POPs answer for the new hostname", lambda: everywhere(network, lambda pop: pop.dig(EXTRA).addresses()))
    stored_everywhere(network, "/static/a.css")

    network.nats.kill()
    until("all POPs know that the bus is gone", lambda: everywhere(network, lambda pop: not pop.status()["bus"]["connected"]))
    check("they go on answering", everywhere(network, lambda pop: pop.dig(PAGE).addresses() and pop.dig(CONTENT).addresses()))
    check("and serving what is stored", everywhere(network, lambda pop: pop.get("/static/a.css", CONTENT).hit))
    check("and what is not", everywhere(network, lambda pop: pop.get(f"/static/a.css?{pop.name}", CONTENT).status == 200))
    for method, path, body in (("PUT", "/v1/config", with_extra_hostname(network)),
                               ("POST", "/v1/purge", {"url": f"http://{CONTENT}/static/a.css"})):
        answer = ams.api(method, path, body)
        check(f"{method} {path} says that it cannot be done now", answer.status == 503 and b"bus" in answer.body, answer)

    equal("sin is stopped", network.pops["sin"].stop(), 0)
    network.pops["sin"] = network.start_pop("sin", "sin-again")
    check("it starts from what it kept: it knows the config of the bus", network.pops["sin"].dig(EXTRA).addresses())
    equal("and serves", network.pops["sin"].get("/static/a.css", CONTENT).status, 200)

    # Of three POPs, one is not believed against two; what the others said is to be forgotten first.
    until("every POP goes by its own measurements alone", lambda: everywhere(network, lambda pop: all(
        origin["probers_up"] == 1 for origin in pop.status()["sites"][0]["origins"])))
    victim = network.web[0]
    start = time.monotonic()
    victim.kill()
    network.avoided("a web server that dies now is avoided", PAGE, [victim.host], CROWD[:20], start)
    victim.revive()

    network.nats = stage.nats(address=network.nats.address)
    until("the bus is back: all POPs hear what the others measure", lambda: everywhere(network, lambda pop: all(
        origin["probers_up"] == len(POPS) for origin in pop.status()["sites"][0]["origins"])), 30)
    stored_everywhere(network, "/static/a.css")
    equal("a purge is taken", ams.api("POST", "/v1/purge", {"site": "shop"}).status, 200)
    gone_everywhere(network, "/static/a.css")


@scene
def sighup(stage):
    """SIGHUP with a bad file changes nothing and says why; with a good one it changes everything at once."""
    popnet = stage.popnet([site("a", ["127.0.0.1:1"])])
    config = json.loads(json.dumps(popnet.config))
    config["sites"][0]["hostnames"].append({"name": "b.test", "resolve": "pop", "ttl": "soon"})
    popnet.write_config(config)
    popnet.signal(signal.SIGHUP)
    until("the fault is logged with its place", lambda: f"{popnet.config_path}:" in popnet.log() and "soon" in popnet.log())
    until("and that nothing has changed", lambda: "reload was refused: the config that was in force before stays" in popnet.log())
    equal("the old config is in force", (popnet.dig("a.test").rcode, popnet.dig("b.test").rcode), ("NOERROR", "REFUSED"))
    equal("and the only one", popnet.counter("popnet_config_generation"), 1)
    config["sites"][0]["hostnames"][-1]["ttl"] = "5s"
    popnet.write_config(config)
    popnet.signal(signal.SIGHUP)
    until("a good file is taken", lambda: popnet.dig("b.test").rcode == "NOERROR")


@scene
def sigterm(stage):
    """SIGTERM: nobody new is let in, a download that runs comes to its end whole, and the exit code is 0."""
    body = bytes(range(256)) * (64 << 10)
    nginx = stage.nginx(files={"/film": body})
    popnet = stage.popnet([site("a", [nginx])], node={"drain_timeout": "1m"})
    client = popnet.connect().ask("/film", "a.test")
    client.read_head()
    part = client.read(1000)
    popnet.signal(signal.SIGTERM)
    host, port = popnet.http.rsplit(":", 1)

    def refused():
        with socket.socket() as sock:
            sock.settimeout(PATIENCE)
            return sock.connect_ex((host, int(port))) != 0

    until("nobody new is let in", refused)
    check("the process waits for the download", popnet.alive())
    check("which comes to its end", part + client.read(len(body) - len(part)) == body)
    client.close()
    equal("exit code", popnet.child.wait(PATIENCE), 0)


if __name__ == "__main__":
    run()
