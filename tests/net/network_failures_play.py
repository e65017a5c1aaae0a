#!/usr/bin/env python3
"""What breaks is left alone: a web server and a POP that are killed, and at last all web servers at once."""
import time

from network import AMERICA, ASIA, CONTENT, CROWD, EUROPE, PAGE, Network, Visitors, WebServer, curl
from play import check, equal, run, scene, until

FEW = CROWD[:20]


@scene
def a_web_server_is_killed(stage):
    """kill -9 of nginx: answers avoid it within the promised time, and no request for content fails meanwhile."""
    network = Network(stage)
    until("all web servers are named", lambda: network.named(PAGE, network.hosts, CROWD) == set(network.hosts))
    # Every other request is for a URL that nobody has asked for before.
    visitors = Visitors(network.pops.values(), lambda number: f"/static/a.css?{number if number % 2 else 'cached'}",
                        CONTENT, b"a" * 2000)
    visitors.more(100)
    victim = max(network.web, key=WebServer.content_served)
    check(f"{victim.name} serves the most content", victim.content_served() > 0)
    start = time.monotonic()
    victim.kill()
    network.avoided(f"no POP names {victim.name} any more", PAGE, [victim.host], FEW, start)
    visitors.more(200)
    visitors.stop()
    equal(f"of {visitors.answered} requests for content that failed", visitors.failures, [])
    check("the user reaches the page", network.browse(f"http://{PAGE}/", EUROPE)[0].status == 200)
    for pop in network.pops.values():
        fate = next(one for one in pop.explain(PAGE, EUROPE.address)["candidates"] if one["name"] == victim.name)
        equal(f"{pop.name} says why", (fate["alive"], fate["why"], fate["error"]), (False, "down", "http: connection refused"))

    victim.revive()
    until(f"{victim.name} is back: it is named again", lambda: network.named(PAGE, [victim.host], CROWD), 30)


@scene
def a_pop_is_killed(stage):
    """kill -9 of a POP: the others stop naming it within the promised time; resolvers and users get on without it."""
    network = Network(stage)
    dead, address = network.pops["sin"], network.address("sin")
    equal("users in Asia are sent to sin", network.resolve(CONTENT, ASIA), [address])
    start = time.monotonic()
    dead.kill()
    network.avoided("no other POP names sin any more", CONTENT, [address], [ASIA.network, *FEW], start)
    until("the resolver, that has to do without its name server too, sends them to the next best",
          lambda: network.resolve(CONTENT, ASIA) == [network.address("ams")])
    for user in (EUROPE, AMERICA, ASIA):
        check(f"a user in {user.network} gets content and page", all(
            network.browse(url, user)[0].status == 200 for url in (f"http://{CONTENT}/static/a.css", f"http://{PAGE}/")))
    network.pops["sin"] = network.start_pop("sin", "sin-again")
    until("sin is back: users in Asia are sent there again", lambda: network.resolve(CONTENT, ASIA) == [address], 30)


@scene
def all_web_servers_are_killed(stage):
    """Answers go on naming web servers, content that is stored is served on, stale where it has to be."""
    network = Network(stage, {"/short/b.css": "b" * 2000})
    ams = network.pops["ams"]
    for path in ("/static/a.css", "/short/b.css"):
        equal(f"{path} gets stored", ams.get(path, CONTENT).status, 200)
    for web in network.web:
        web.kill()
    until("all POPs find all web servers dead, and answer as if they were alive", lambda: all(
        pop.explain(PAGE, EUROPE.address)["decision"]["reason"] == "fail_open" for pop in network.pops.values()))
    for pop in network.pops.values():
        for client in FEW:
            reply = pop.dig(PAGE, subnet=client)
            if reply.rcode != "NOERROR" or not reply.addresses() or not set(reply.addresses()) <= set(network.hosts):
                check("every answer names web servers", False, (reply.rcode, reply.answers))
    check("every answer names web servers", network.resolve(PAGE, EUROPE))
    answer = curl(f"http://{CONTENT}/static/a.css", ams.http)
    equal("what is fresh is a hit", (answer.status, answer.hit, answer.body), (200, True, b"a" * 2000))
    answer = until("what lasted a second is served stale", lambda: served_stale(ams))
    equal("whole", (answer.status, answer.body), (200, b"b" * 2000))
    check("what was never stored is a clear error", ams.get("/static/new.css", CONTENT).status in (502, 503, 504))


def served_stale(pop):
    answer = pop.get("/short/b.css", CONTENT)
    return answer if answer.status == 200 and "fwd=stale" in answer.cache_status else None


if __name__ == "__main__":
    run()
