#!/usr/bin/env python3
"""What an operator may set against clients that take too much, and against answers that are not what they seem."""
import json

from play import check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600"}
HOST = "Host: a.test\r\n"


@scene
def connections_of_one_network(stage):
    """A client network has so many connections and no more; one that ends makes room for another."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "x"))
    popnet = stage.popnet([site("a", [origin])], node={"http_server": {"connections_per_network": 3, "exempt": []}})
    first, *others = [popnet.connect() for _ in range(3)]
    for client in (first, *others):
        equal("each of three is served", client.ask("/", "a.test").answer().status, 200)
    check("the fourth is closed", popnet.connect().ended())
    equal("counted", popnet.counter("popnet_http_connections_over_network_total"), 1)
    equal("the others go on", others[0].ask("/", "a.test").answer().status, 200)
    first.close()

    def served():
        client = popnet.connect()
        return not client.readable() and client.ask("/", "a.test").answer().status == 200
    until("there is room again", lambda: popnet.status() and _is_true(served))


def _is_true(action):
    try:
        return action()
    except AssertionError:
        return False


@scene
def exempt_networks(stage):
    """Exempt networks have no limit: loopback addresses have none unless the config says so."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "x"))
    popnet = stage.popnet([site("a", [origin])], node={"http_server": {"connections_per_network": 1}})
    clients = [popnet.connect() for _ in range(5)]
    equal("all are served", {client.ask("/", "a.test").answer().status for client in clients}, {200})


@scene
def deadlines(stage):
    """A head, an upload and a reader that are too slow by the config end their connections; others do not notice."""
    body = b"z" * (8 << 20)
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, body if asked.path == "/big" else b"x"))
    popnet = stage.popnet([site("a", [origin]), site("b", [stage.origin()])], node={"http_server": {
        "head_timeout": "300ms", "idle_timeout": "2s", "progress_timeout": "300ms", "rate_min": "100KiB"}})
    head = popnet.connect().send(f"GET / HTTP/1.1\r\n{HOST}X: ")
    check("a head without end", head.ended())
    upload = popnet.connect().send("POST / HTTP/1.1\r\nHost: b.test\r\nContent-Length: 100000\r\n\r\nabc")
    check("an upload that stops", upload.ended())
    lazy = popnet.connect().ask("/big", "a.test")
    until("a reader who does not read", lambda: popnet.counter("popnet_http_slow_clients_total") == 3)
    check("gets no more than the kernel held", len(lazy.read_to_end()) < len(body))
    idle = popnet.connect()
    equal("others are served", idle.ask("/", "a.test").answer().status, 200)
    check("an idle connection ends later", idle.ended())
    equal("which is nobody's fault", popnet.counter("popnet_http_slow_clients_total"), 3)


@scene
def cookies(stage):
    """An answer that sets a cookie is passed on, stored without it, or stored with it, as the site says."""
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, "Set-Cookie": f"n={len(origin.asked)}"}, "x"))
    popnet = stage.popnet([site(name, [origin], cache={"set_cookie": name}) for name in ("pass", "strip", "store")])
    for name, hit, kept in (("pass", False, True), ("strip", True, False), ("store", True, True)):
        first = popnet.get("/", f"{name}.test")
        check(f"{name}: who asked gets it", "Set-Cookie" in first.fields, first.fields)
        second = popnet.get("/", f"{name}.test")
        equal(f"{name}: the next", (second.hit, "Set-Cookie" in second.fields), (hit, kept))
    taken_care = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": 'max-age=600, private="Set-Cookie"', "Set-Cookie": "a=b"}, "x"))
    popnet = stage.popnet([site("a", [taken_care])], name="second")
    check("an origin that names it private has it stored without", "Set-Cookie" in popnet.get("/", "a.test").fields)
    again = popnet.get("/", "a.test")
    equal("for all sites", (again.hit, "Set-Cookie" in again.fields), (True, False))


@scene
def deception(stage):
    """A page that an application gives for the path of a style sheet stays its user's."""
    def answer(asked):
        kind = "text/css; charset=utf-8" if asked.path.startswith("/real") else "text/html"
        asked.answer(200, {**FRESH, "Content-Type": kind}, asked.fields["Cookie"] or "nobody")

    origin = stage.origin(answer)
    rules = [{"path": "*.css", "ttl": "1h"}]
    popnet = stage.popnet([site("a", [origin], rules=rules, cache={"check_type": True})])
    for path in ("/account/x.css", "/account;x.css", "/account%2Fx.css", "/account%3Bx.css", "/account/x.%63ss", "/account%00.css"):
        equal(f"{path}: the victim", popnet.get(path, "a.test", cookie="victim").body, b"victim")
        equal(f"{path}: the attacker", popnet.get(path, "a.test").body, b"nobody")
    popnet.get("/real.css", "a.test")
    check("a style sheet is stored", popnet.get("/real.css", "a.test").hit)
    popnet.get("/page", "a.test")
    check("so is a page under a path that promises nothing", popnet.get("/page", "a.test").hit)


@scene
def unkeyed_fields(stage):
    """With request_fields no other field reaches the origin where content may be stored, nor selects a variant."""
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, "Vary": "Accept-Language, X-Evil"},
                                                     asked.fields["X-Evil"] + asked.fields["Cookie"] + asked.fields["Accept-Language"]))
    popnet = stage.popnet([site("a", [origin], cache={"request_fields": ["accept-language"]})])
    equal("dropped", popnet.get("/", "a.test", x_evil="evil", cookie="c", accept_language="de", authorization="x").body, b"de")
    again = popnet.get("/", "a.test", accept_language="de", x_evil="other")
    equal("one variant of what is named", (again.hit, again.body), (True, b"de"))
    equal("another of it", popnet.get("/", "a.test", accept_language="en").body, b"en")
    equal("a POST goes as it is", popnet.get("/", "a.test", "POST", x_evil="own").body, b"own")
    check("the edge's own wishes of it still count", not popnet.get("/", "a.test", accept_language="de", cache_control="no-cache").hit)


@scene
def private_origins(stage):
    """What comes over the API may not make the node ask what only it can reach, unless the node's own file allows it."""
    nats = stage.nats()
    bus = {"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True}
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "x"))
    popnet = stage.popnet([site("a", [origin])], bus=bus, node={"private_origins": ["127.0.0.0/9"]})
    equal("the node's own file needs no permission", popnet.get("/", "a.test").status, 200)
    until("on the bus", lambda: popnet.status()["bus"]["connected"])
    for address in ("127.200.0.1:8500", "169.254.169.254:80", "10.0.0.1:80", "[::1]:8500", "[64:ff9b::a9fe:a9fe]:80"):
        answer = popnet.api("PUT", "/v1/config", {"sites": [site("evil", [address])]})
        said = json.loads(answer.body)
        check(f"{address} is refused, and why", answer.status == 400 and
              any("sites.0.origins.0.address" in one and "private_origins" in one for one in said["problems"]), said)
    equal("what the file allows is taken", popnet.api("PUT", "/v1/config", {"sites": [site("near", ["127.0.0.1:1"])]}).status, 200)
    equal("and what all can reach", popnet.api("PUT", "/v1/config", {"sites": [site("far", ["203.0.113.1:80"])]}).status, 200)


if __name__ == "__main__":
    run()
