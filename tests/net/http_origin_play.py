#!/usr/bin/env python3
"""Origins that fail, lie, or talk nonsense: the user gets the best that can be had, and never a broken whole."""
import re

import own_network
from play import PATIENCE, check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600"}
STALE = {"Cache-Control": "max-age=0", "ETag": '"v1"'}

GARBAGE = {
    "not HTTP": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a status that is none": "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
    "both kinds of length": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "a folded line": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "bare LF": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "NUL in a field": "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a head of 40 KiB": "HTTP/1.1 200 OK\r\nX: " + "a" * 40000 + "\r\n\r\n",
    "200 fields": "HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 200 + "\r\n",
    "nothing": "",
    "half a head": "HTTP/1.1 200 OK\r\nContent-Le",
}


@scene
def garbage(stage):
    """Whatever an origin sends that is no response: 502, and no byte of it to the user."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for what, reply in GARBAGE.items():
        client = popnet.connect().ask("/" + what.replace(" ", "-"), "a.test")
        origin.serve_until(client, lambda asked: asked.send(reply).close())  # a second attempt gets the same
        answer = client.answer()
        equal(what, answer.status, 502)
        check(f"{what}: nothing of it in the answer", "X" not in answer.fields and b"OpenSSH" not in answer.body)


@scene
def ends_too_soon(stage):
    """An origin that stops in the middle of a body: the user sees that it is not whole, and it is not stored."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for what, fields, sent in (("a body with length", {"Content-Length": "10"}, "01234"),
                               ("a chunked body", {"Transfer-Encoding": "chunked"}, "5\r\n01234\r\n")):
        path = "/" + what.replace(" ", "-")
        client = popnet.connect().ask(path, "a.test")
        asked = origin.request().start(200, {**FRESH, **fields}).send(sent)
        head = client.read_head()[1]
        asked.close()
        rest = client.read_to_end()
        whole = rest.endswith(b"0\r\n\r\n") if "Transfer-Encoding" in head else len(rest) == 10
        check(f"{what}: cut, not completed", not whole, rest)
        client = popnet.connect().ask(path, "a.test")
        origin.request().answer(200, FRESH, "0123456789")
        equal(f"{what}: the next user gets all", client.answer().body, b"0123456789")


@scene
def ends_too_soon_for_old_clients(stage):
    """HTTP/1.0, which nginx speaks to servers behind it: where the end of the connection is that of the body, it is reset when it comes too soon."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for what, fields in (("stored", FRESH), ("passed on", {"Cache-Control": "no-store"})):
        for whole in (False, True):
            client = popnet.connect().send(f"GET /{len(what)}{whole} HTTP/1.0\r\nHost: a.test\r\n\r\n")
            asked = origin.request().start(200, {**fields, "Transfer-Encoding": "chunked"}).chunk("01234")
            check(f"{what}: no length is told", "Content-Length" not in client.read_head()[1])
            equal("what has come goes on", client.read(5), b"01234")
            asked.last_chunk() if whole else asked.close()
            try:
                ended = client.sock.recv(1) == b""
            except ConnectionResetError:
                ended = False
            equal(f"{what}, {'whole: ended' if whole else 'broken off: reset'}", ended, whole)


@scene
def too_long_is_not_dead(stage):
    """Answers with more field lines than we take are 502, each for itself: the origin is well, and is not asked last for them."""
    def answer(asked):
        many = 150 if asked.path == "/many" else 0
        long = {"X-Long": "x" * 40000} if asked.path == "/long" else {}
        asked.answer(200, {**{f"X-{number}": "1" for number in range(many)}, **long}, "here")
    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    for path in ("/many", "/long"):
        for _ in range(6):
            equal(f"{path} is more than we take", popnet.get(path, "a.test").status, 502)
    equal("what is not", popnet.get("/few", "a.test").body, b"here")
    equal("each was counted", popnet.counter("popnet_http_origin_failures_total", site="a"), 12)
    equal("none against its health", popnet.counter("popnet_http_origin_ejections_total", site="a"), 0)


@scene
def retry_on_another(stage):
    """An origin that fails before its first byte costs the user nothing: the next one is asked."""
    good = stage.origin(lambda asked: asked.answer(200, FRESH, "good"))
    resets = stage.origin(lambda asked: asked.reset())
    nobody = stage.endpoint()
    popnet = stage.popnet([site("a", [nobody, resets, good])])
    for number in range(20):
        equal(f"request {number}", popnet.get(f"/{number}", "a.test").body, b"good")


@scene
def not_twice(stage):
    """A POST that an origin has taken is not sent to another."""
    first = stage.origin(lambda asked: asked.reset())
    second = stage.origin(lambda asked: asked.reset())
    popnet = stage.popnet([site("a", [first, second])])
    client = popnet.connect().ask("/x", "a.test", "POST", body=b"order one book")
    equal("502", client.answer().status, 502)
    equal("it was sent once", len(first.asked) + len(second.asked), 1)


@scene
def stale_when_all_are_dead(stage):
    """All origins dead: what is stored is served stale, also to many at once; what is not is 502."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, STALE, "old but good")
    client.answer()
    origin.close()
    for client in [popnet.connect().ask("/x", "a.test") for _ in range(20)]:
        answer = client.answer()
        equal("stale", (answer.status, answer.body), (200, b"old but good"))
    equal("nothing stored", popnet.get("/y", "a.test").status, 502)


@scene
def nobody_waits_in_an_outage(stage):
    """Five failures in a row, and no other origin: what may serve stale serves before the origin has failed once more, until it answers."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for path, control in (("/may", "max-age=0"), ("/must-not", "max-age=0, must-revalidate")):
        client = popnet.connect().ask(path, "a.test")
        origin.request().answer(200, {**STALE, "Cache-Control": control}, "old but good")
        client.answer()
    for number in range(5):
        client = popnet.connect().ask(f"/{number}", "a.test")
        origin.serve_until(client, lambda asked: asked.close())
        equal("nothing stored", client.answer().status, 502)
    for user in range(3):
        answer = popnet.get("/may", "a.test")
        equal(f"user {user}", (answer.status, answer.body, "hit; ttl=-" in answer.fields["Cache-Status"]), (200, b"old but good", True))
    behind = origin.request()
    equal("asked behind the answers", (behind.path, behind.fields["If-None-Match"], origin.idle()), ("/may", '"v1"', True))
    client = popnet.connect().ask("/must-not", "a.test")
    asked = origin.request()
    equal("who must not be served waits", (asked.path, client.readable()), ("/must-not", False))
    asked.close()
    origin.serve_until(client, lambda asked: asked.close())
    equal("and is told", client.answer().status, 504)
    behind.answer(200, STALE, "new")
    until("it answers again: each is asked for", lambda: refreshed(popnet, origin) == b"newer")


@scene
def few_find_out_in_an_outage(stage):
    """Five failures in a row, and nothing stored: sixteen requests wait for an origin that says nothing, more are told at once; one
    answer ends it."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for number in range(5):
        client = popnet.connect().ask(f"/{number}", "a.test")
        origin.serve_until(client, lambda asked: asked.close())
        equal("nothing stored", client.answer().status, 502)
    waiting = [popnet.connect().ask(f"/wait/{number}", "a.test") for number in range(16)]
    asked = [origin.request() for _ in waiting]
    for number in range(3):
        answer = popnet.get(f"/more/{number}", "a.test")
        equal("one more", (answer.status, b"do not answer" in answer.body), (503, True))
    equal("counted", popnet.counter("popnet_http_site_fills_refused_total", site="a"), 3)
    equal("not asked of the origin", origin.idle(), True)
    asked[7].answer(200, {}, "here")
    until("one is told", lambda: any(client.readable() for client in waiting))
    more = popnet.connect().ask("/more/3", "a.test")
    origin.request().answer(200, {}, "there")
    equal("one more", more.answer().body, b"there")
    for one in asked[:7] + asked[8:]:
        one.answer(200, {}, "here")
    equal("all", {client.answer().body for client in waiting}, {b"here"})


def refreshed(popnet, origin):
    client = popnet.connect().ask("/may", "a.test")
    origin.serve_until(client, lambda asked: asked.answer(200, STALE, "newer"))
    return client.answer().body


@scene
def stale_on_5xx(stage):
    """A 503 while a stored object is validated: the stored one serves, unless it must not."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for path, control, status in (("/may", "max-age=0", 200), ("/must-not", "max-age=0, must-revalidate", 503)):
        client = popnet.connect().ask(path, "a.test")
        origin.request().answer(200, {**STALE, "Cache-Control": control}, "stored")
        client.answer()
        client.ask(path, "a.test")
        origin.serve_until(client, lambda asked: asked.answer(503, {}, "busy"))
        equal(path, client.answer().status, status)


@scene
def interim_answers(stage):
    """100 and 103 before the final answer do not end the exchange and are not stored."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request()
    asked.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    asked.answer(200, FRESH, "final")
    equal("the final answer", client.answer().body, b"final")
    check("stored", popnet.get("/x", "a.test").hit)


@scene
def more_than_announced(stage):
    """Bytes behind the end of an answer are nobody's: that connection is not used again."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1})
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, FRESH, "x").send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL")
    equal("what was announced", client.answer().body, b"x")
    client.ask("/y", "a.test")
    origin.request().answer(200, FRESH, "y")
    equal("the next answer is the right one", client.answer().body, b"y")
    equal("it came over a new connection", origin.connections, 2)


@scene
def no_way_to_it(stage):
    """Where IPv6 is switched off, an origin that has nothing else is asked last, like one that is dead, and the other one answers."""
    other = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "no-store"}, "x"))
    popnet = stage.popnet([{**site("a", []), "origins": [{"name": "one", "address": "[2001:db8::1]:80"}, {"name": "two", "address": other.address}]}])
    own_network.allow_ipv6(False)
    try:
        until("it is asked last", lambda: popnet.get("/x", "a.test") and popnet.counter("popnet_http_origin_ejections_total") == 1)
    finally:
        own_network.allow_ipv6(True)


@scene
def another_address(stage):
    """An origin that failed until it was asked last has another address after a reload: it is asked in its turn at once."""
    answer = lambda asked: asked.answer(200, {"Cache-Control": "no-store"}, "x")
    dead, second, mended = stage.origin(lambda asked: asked.answer(503)), stage.origin(answer), stage.origin(answer)
    origins = lambda first: [{"name": "one", "address": first.address}, {"name": "two", "address": second.address}]
    site_a = site("a", [])
    popnet = stage.popnet([{**site_a, "origins": origins(dead)}])
    until("it is asked last", lambda: popnet.get("/x", "a.test") and popnet.counter("popnet_http_origin_ejections_total") == 1,
          4 * PATIENCE)  # it is asked less often the longer it takes, as on a machine that has much else to do
    dead.asked.clear()
    for _ in range(20):
        popnet.get("/x", "a.test")
    equal("nothing is asked of it", dead.asked, [])
    popnet.write_config({**popnet.config, "sites": [{**site_a, "origins": origins(mended)}]})
    equal("reload", popnet.api("POST", "/v1/reload").status, 200)
    until("the new one is asked", lambda: popnet.get("/x", "a.test") and len(mended.asked) > 0)


@scene
def blanks_before_colons(stage):
    """RFC 9112 section 5.1: a gateway drops them from answers. Fields that frame the body count like any other, and doubt is refused as ever."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    heads = {"length": ("Content-Length : 5\r\n\r\nhello", 200), "chunks": ("Transfer-Encoding\t: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200),
             "both": ("Content-Length : 5\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 502),
             "two": ("Content-Length: 5\r\nContent-Length : 6\r\n\r\nhello!", 502), "folded": ("X: a\r\n Y : b\r\nContent-Length: 5\r\n\r\nhello", 502)}
    for what, (rest, status) in heads.items():
        client = popnet.connect().ask(f"/{what}", "a.test")
        origin.request().send(f"HTTP/1.1 200 OK\r\nX-Own \t : v\r\nCache-Control : max-age=60\r\n{rest}")
        answer = client.answer()
        equal(what, (answer.status, answer.fields["X-Own"]), (status, "v" if status == 200 else ""))
        if status == 200:
            equal("its body", answer.body, b"hello")
            check("stored as it says", client.ask(f"/{what}", "a.test").answer().hit)


@scene
def chain(stage):
    """A node with the default name may stand behind another one with it: they are no loop. Cache-Status of both is as it was."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "hello"))
    inner = stage.popnet([site("a", [origin])], name="inner")
    outer = stage.popnet([site("a", [inner.http])], name="outer")
    answer = outer.get("/x", "a.test")
    equal("through both", (answer.status, answer.body), (200, b"hello"))
    names = [entry.split(" ")[1] for entry in origin.asked[0].fields["Via"].split(", ")]
    check("Via has both", len(set(names)) == 2 and all(re.fullmatch(r"popnet-local-[0-9a-f]{8}", name) for name in names), names)
    equal("and on the way back, in this order", [entry.split(" ")[1] for entry in answer.fields["Via"].split(", ")], names[::-1])
    equal("the cache's name", {entry.split(";")[0] for entry in answer.fields["Cache-Status"].split(", ")}, {"popnet-local"})


@scene
def loops(stage):
    """Two nodes that are each other's origin (one that is its own is refused as a config): the first to see a request again answers 508."""
    there, back = stage.endpoint(), stage.endpoint()
    first = stage.popnet([site("a", [back])], name="first", node={"http_listen": there})
    second = stage.popnet([site("a", [there])], name="second", node={"http_listen": back})
    for method in ("GET", "POST"):
        equal(method, first.get(f"/{method}", "a.test", method).status, 508)
    until("each was asked once, and the first again", lambda: [sum(node.values("popnet_http_requests_total")) for node in (first, second)] == [4, 2])


if __name__ == "__main__":
    own_network.enter()
    run()
