#!/usr/bin/env python3
"""An edge that listens on several ports: the port that users see reaches the application, and nobody chooses another."""
import socket

import own_network
from play import PATIENCE, Client, check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600", "ETag": '"v1"'}
LINKS = {"/moved": "http://{host}/x", "/to/own/port": "http://{host}/x", "/to/no/port": "http://a.test/x", "/to/path": "/x"}


class Edge:
    """Two listeners of one popnet, and an origin that numbers its answers."""

    def __init__(self, stage, sites=None, ports=None, node=None, **sections):
        self.origin = stage.origin(self._answer)
        address = stage.address()
        self.listen = [f"{address}:{port}" for port in ports] if ports else [stage.endpoint(address), stage.endpoint(address)]
        self.ports = [endpoint.rsplit(":", 1)[1] for endpoint in self.listen]
        self.hosts = [f"a.test:{port}" for port in self.ports]
        self.popnet = stage.popnet(sites(self.origin) if sites else [site("a", [self.origin], purge_from=["127.0.0.0/8"])],
                                   node={"http_listen": self.listen, **(node or {})}, **sections)

    def _answer(self, asked):
        fields = {**FRESH, "Surrogate-Key": "red"}
        if asked.fields["If-None-Match"]:
            return asked.answer(304, fields)
        if asked.path in LINKS:
            fields["Location"] = LINKS[asked.path].format(host=asked.fields["Host"])
        return asked.answer(301 if asked.path == "/moved" else 200, fields, f"version {len(self.origin.asked)}")

    def ask(self, listener, path, host, method="GET", fields=()):
        address, port = self.listen[listener].rsplit(":", 1)
        client = Client(socket.create_connection((address, int(port)), PATIENCE))
        answer = client.ask(path, host, method, fields).answer(method)
        client.close()
        return answer

    def heard(self):
        """As whom the origin was asked last."""
        fields = self.origin.asked[-1].fields
        return fields["Host"], fields["X-Forwarded-Host"]

    def everywhere(self, path="/x"):
        """Of each listener with its port, and of the hostname alone: is it stored?"""
        return [self.ask(0, path, self.hosts[0]).hit, self.ask(1, path, self.hosts[1]).hit, self.ask(1, path, "a.test").hit]


@scene
def one_host(stage):
    """Each listener's port is a part of the key, and what the origin is asked with; other ports are not."""
    edge = Edge(stage)
    own, other = edge.ports
    for listener, host, heard in ((0, "a.test", "a.test"), (0, f"A.Test:{own}", f"a.test:{own}"), (1, f"a.test.:{other}", f"a.test:{other}")):
        first = edge.ask(listener, "/x", host)
        equal(f"{host}: is asked for", (first.hit, edge.heard()), (False, (heard, heard)))
        again = edge.ask(listener, "/x", host)
        equal(f"{host}: is stored", (again.hit, again.body), (True, first.body))
    equal("three objects", edge.popnet.counter("popnet_http_store_objects"), 3)
    bodies = [edge.ask(0, "/x", "a.test").body, edge.ask(0, "/x", f"a.test:{own}").body]
    for listener, host, body in ((0, "a.test:", 0), (1, "a.test", 0), (0, f"a.test:0{own}", 1), (0, f"a.test:000{own}", 1), (0, f"a.test:{other}", 0),
                                 (1, f"a.test:{own}", 0), (0, "a.test:80", 0), (0, "a.test:1", 0), (0, "a.test:0", 0)):
        equal(f"{host} at {listener}", edge.ask(listener, "/x", host).body, bodies[body])
    for target, body in ((f"http://a.test:{own}/x", 1), ("http://a.test/x", 0), (f"http://a.test:{other}/x", 0)):
        equal(f"{target}, whatever Host says", edge.ask(0, target, f"a.test:{own}").body, bodies[body])
    equal("nothing was asked for again", len(edge.origin.asked), 3)


@scene
def not_stored(stage):
    """What goes to the origin past the store takes the port along."""
    edge = Edge(stage, lambda origin: [site("a", [origin], rules=[{"path": "/app/*", "action": "proxy"}])])
    own = edge.hosts[0]
    for method, path in (("GET", "/app/x"), ("POST", "/x"), ("HEAD", "/y")):
        edge.ask(0, path, own, method)
        equal(f"{method} {path}", edge.heard(), (own, own))
    edge.ask(0, "/app/x", f"a.test:0{edge.ports[0]}")
    equal("in plain digits", edge.heard(), (own, own))
    edge.ask(0, "/app/x", "a.test:1")
    equal("another port is no claim of the edge", edge.heard(), ("a.test:1", "a.test"))


@scene
def fixed_host(stage):
    """origin_host is sent instead, as it is written; the objects are apart all the same."""
    edge = Edge(stage, lambda origin: [site("a", [origin], origin_host="web.test")])
    for host in ("a.test", edge.hosts[0]):
        check(f"{host} is asked for", not edge.ask(0, "/x", host).hit)
        equal("as", edge.heard(), ("web.test", host))


@scene
def under_a_prefix(stage):
    """A Location of the origin under a shared hostname gets its prefix and keeps its port."""
    edge = Edge(stage, lambda origin: [site("a", [origin], content_prefix="a")], network={"content_hostname": "content.test"})
    host = f"content.test:{edge.ports[1]}"
    for hit in (False, True):
        answer = edge.ask(1, "/a/moved", host)
        equal("Location", (answer.status, answer.hit, answer.fields["Location"]), (301, hit, f"http://{host}/a/x"))


@scene
def purges(stage):
    """A purge of any kind takes what is stored under all ports, whatever port it names."""
    edge = Edge(stage)
    own, other = edge.hosts
    soft = {"Soft-Purge": "1"}
    ways = {"a URL": {"url": "http://a.test/x"}, "a URL with a port": {"url": f"http://{own}/x"}, "a URL with any port": {"url": "http://a.test:1/x"},
            "a URL, softly": {"url": "http://a.test/x", "soft": True}, "a prefix": {"prefix": "http://a.test/"}, "a prefix with a port": {"prefix": f"http://{other}/x"},
            "a tag": {"site": "a", "tags": ["red"]}, "a site": {"site": "a"}}
    requests = {"PURGE": ("/x", own, {}), "PURGE without a port": ("/x", "a.test", {}), "PURGE of a prefix": ("/*", other, {}),
                "PURGE of a tag": ("/", own, {"Surrogate-Key": "red"}), "PURGE, softly": ("/x", own, soft)}
    for what, order in {**ways, **requests}.items():
        edge.everywhere()
        equal(f"{what}: stored", edge.everywhere(), [True] * 3)
        if what in ways:
            equal("the order is taken", edge.popnet.api("POST", "/v1/purge", order).status, 200)
        else:
            equal("the request is carried out", edge.ask(0, order[0], order[1], "PURGE", order[2]).status, 200)
        equal(f"{what}: each is asked for again", edge.everywhere(), [False] * 3)
    edge.everywhere("/xy")
    edge.popnet.api("POST", "/v1/purge", {"url": "http://a.test/x"})
    equal("nothing else is", edge.everywhere("/xy"), [True] * 3)


@scene
def purges_of_slices(stage):
    """So are objects in slices, with all that belongs to them."""
    def answer(asked):
        first, last = (int(n) for n in asked.fields["Range"].removeprefix("bytes=").split("-"))
        last = min(last, 199_999)
        asked.answer(206, {**FRESH, "Content-Range": f"bytes {first}-{last}/200000"}, b"x" * (last - first + 1))

    origin = stage.origin(answer)
    edge = Edge(stage, lambda _: [site("a", [origin], cache={"slice": "64KiB"})])
    edge.everywhere()
    equal("stored", edge.everywhere(), [True] * 3)
    equal("purged", edge.popnet.api("POST", "/v1/purge", {"url": "http://a.test/x"}).status, 200)
    until("nothing of it is kept", lambda: edge.popnet.counter("popnet_http_store_objects") == 0)


@scene
def purges_of_other_nodes(stage):
    """A node that listens on other ports than the one that was asked purges what is stored under its own."""
    bus = {"kind": "nats", "url": f"nats://{stage.nats().address}"}
    first = Edge(stage, name="ams", bus=bus)
    second = Edge(stage, name="nyc", bus=bus)
    for edge in (first, second):
        edge.everywhere()
        equal("stored", edge.everywhere(), [True] * 3)
    until("the order is taken", lambda: first.popnet.api("POST", "/v1/purge", {"url": "http://a.test/x"}).status == 200)
    until("the other has it", lambda: "purged http://a.test/x" in second.popnet.log())
    equal("there, too, each is asked for again", second.everywhere(), [False] * 3)


@scene
def unsafe_methods(stage):
    """RFC 9111 section 4.4: what a POST ends is what is stored of its own port, and of references with the same one."""
    edge = Edge(stage)
    own, other = edge.hosts
    for what, listener, path, host, left in (
            ("to a port", 0, "/x", own, [False, True, True]), ("to the other", 1, "/x", other, [True, False, True]), ("to none", 0, "/x", "a.test", [True, True, False]),
            ("digits", 0, "/x", f"A.test.:0{edge.ports[0]}", [False, True, True]), ("to a foreign port, which is none", 0, "/x", other, [True, True, False]),
            ("Location with the port", 0, "/to/own/port", own, [False, True, True]), ("and other digits", 0, "/to/own/port", f"a.test:0{edge.ports[0]}", [False, True, True]),
            ("Location without one", 0, "/to/no/port", own, [True, True, True]), ("both without one", 0, "/to/no/port", "a.test", [True, True, False]),
            ("without the foreign one, of which the origin has not heard", 0, "/to/no/port", other, [True, True, False]),
            ("Location without host", 1, "/to/path", other, [True, False, True])):
        edge.everywhere()
        equal(f"{what}: stored", edge.everywhere(), [True] * 3)
        equal("POST", edge.ask(listener, path, host, "POST", {"Content-Length": "0"}).status, 200)
        equal(f"{what}: is left", edge.everywhere(), left)


@scene
def names_that_come_back(stage):
    """A hostname that a site had lost and has got back is checked with the origin under every port."""
    edge = Edge(stage)
    edge.everywhere()
    equal("stored", edge.everywhere(), [True] * 3)
    mine = edge.popnet.config["sites"][0]
    for hostname in ("b.test", "a.test"):
        sites = [{**mine, "hostnames": [{"name": hostname, "resolve": "pop"}]}]
        edge.popnet.write_config({**edge.popnet.config, "sites": sites})
        equal("reload", edge.popnet.api("POST", "/v1/reload").status, 200)
    before = len(edge.origin.asked)
    edge.everywhere()
    equal("checked, each", [asked.fields["If-None-Match"] for asked in edge.origin.asked[before:]], ['"v1"'] * 3)
    equal("each with its port", [asked.fields["Host"] for asked in edge.origin.asked[before:]], [*edge.hosts, "a.test"])


@scene
def taken_over(stage):
    """A process that takes the sockets of another over knows which ports they have."""
    edge = Edge(stage, node={"state_dir": f"{stage.folder}/state"})
    first = edge.popnet
    edge.popnet = stage.popnet(first.config["sites"], "second", ("--replace",), node=first.config["node"])
    until("the first has ended", lambda: not first.alive())
    for listener in (0, 1):
        edge.ask(listener, "/x", edge.hosts[listener])
        equal("heard", edge.heard(), (edge.hosts[listener], edge.hosts[listener]))
    edge.everywhere()
    edge.popnet.api("POST", "/v1/purge", {"url": "http://a.test/x"})
    equal("a purge takes all", edge.everywhere(), [False] * 3)


@scene
def default_port(stage):
    """Port 80 is what Host means without a port: one object, and no port for the origin."""
    edge = Edge(stage, ports=(80, 8080))
    edge.ask(0, "/x", "a.test:80")
    equal("heard", edge.heard(), ("a.test", "a.test"))
    check("one object", edge.ask(0, "/x", "a.test").hit and edge.ask(1, "/x", "a.test:80").hit)
    edge.ask(1, "/x", "a.test:8080")
    equal("8080 is another's", edge.heard(), ("a.test:8080", "a.test:8080"))


if __name__ == "__main__":
    own_network.enter()
    run()
