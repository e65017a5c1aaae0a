#!/usr/bin/env python3
"""The round trip to resolvers that have asked: by ICMP echo, else by TCP; and the icmp probe. In a network of its own."""
import own_network
from play import check, equal, run, scene, site, until
from play_dns import dig
from probing import OFTEN, Target

EUROPE, ASIA = "127.10.1.7", "127.10.3.9"


def serve(stage, probes=()):
    """A popnet at one of two POPs, the other being far from everybody as far as anybody knows."""
    address = stage.address()
    listens = {"http_listen": stage.endpoint(address), "dns_listen": stage.endpoint(address)}
    origin = stage.endpoint()
    popnet = stage.popnet(
        [{**site("shop", [origin]), "probes": [{**OFTEN, **probe} for probe in probes]}], node={"pop": "here", **listens},
        pops=[{"name": "here", "addresses": address, "location": {"latitude": 52, "longitude": 5}},
              {"name": "there", "addresses": stage.address(), "location": {"latitude": 1, "longitude": 104}}],
        network={"zone": "cdn.test", "client_latency": {"interval": "100ms", "timeout": "500ms", "max_age": "3s"}})
    return popnet, Target(popnet, origin, "shop")


def latency(popnet, client):
    """What `popnet explain` holds of the way from this POP to the client."""
    candidates = popnet.explain("shop.test", client)["candidates"]
    return next(candidate for candidate in candidates if candidate["name"] == "here").get("latency") or {}


def measurements(popnet, answer):
    return popnet.counter("popnet_probe_client_measurements_total", answer=answer)


@scene
def echo(stage):
    """A resolver that answers an ICMP echo is measured by it, for its whole /24; others are not; the samples expire."""
    own_network.allow_ping(True)
    own_network.answer_ping(True)
    popnet, _ = serve(stage)
    equal("nobody is measured at first", latency(popnet, EUROPE).get("source"), None)
    known = popnet.status()["client_networks"]
    dig(popnet.dns, "shop.test", source=EUROPE)
    until("who has asked is measured", lambda: latency(popnet, EUROPE).get("source") == "measured")
    found = latency(popnet, "127.10.1.200")
    check(f"its neighbours are at {found['ms']:.3f} ms, too", found["source"] == "measured" and 0 < found["ms"] < 500)
    check(f"that was {found['age_ms']:.0f} ms ago", 0 <= found["age_ms"] <= 3500)
    equal("others are not", latency(popnet, ASIA).get("source"), None)
    equal("one more network is known", popnet.status()["client_networks"], known + 1)
    check("an ICMP echo did it", measurements(popnet, "icmp") >= 1 and measurements(popnet, "tcp") == 0)
    until("the measurement expires", lambda: latency(popnet, EUROPE).get("source") is None)


@scene
def connect(stage):
    """One that does not answer, or cannot be pinged, is measured by a TCP connection to port 53, whose refusal is enough."""
    popnet, _ = serve(stage)
    own_network.allow_ping(True)
    own_network.answer_ping(False)
    dig(popnet.dns, "shop.test", source=EUROPE)
    until("who answers no echo is measured", lambda: latency(popnet, EUROPE).get("source") == "measured")
    own_network.allow_ping(False)
    dig(popnet.dns, "shop.test", source=ASIA)
    until("so is he when popnet may not ping", lambda: latency(popnet, ASIA).get("source") == "measured")
    check("TCP did it", measurements(popnet, "tcp") >= 2 and measurements(popnet, "icmp") == 0)


@scene
def kind(stage):
    """The icmp probe: up by an echo, down by silence, and undecided where this machine does not let popnet ping."""
    own_network.allow_ping(True)
    own_network.answer_ping(True)
    popnet, web = serve(stage, [{"kind": "icmp"}])
    web.becomes("up")
    web.measured("rtt_ms", 0.001, 490)
    own_network.answer_ping(False)
    web.becomes("down", "icmp: no answer within 490ms")
    own_network.answer_ping(True)
    web.becomes("up")
    own_network.allow_ping(False)
    web.becomes("unknown", "icmp: this machine does not let popnet ping; "
                           "sysctl net.ipv4.ping_group_range='0 2147483647' would")
    check("that is no reason to send nobody there", web.state()["alive"])


if __name__ == "__main__":
    own_network.enter()
    run()
