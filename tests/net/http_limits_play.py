#!/usr/bin/env python3
"""Oversize heads and slow clients: an error or an end in bounded time, while others are served."""
from play import Failure, check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600"}


@scene
def oversize_heads(stage):
    """Too long a target is 414, too long a head or too many fields 431; then the connection ends."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])])
    rest = " HTTP/1.1\r\nHost: a.test\r\n\r\n"
    start = "GET / HTTP/1.1\r\nHost: a.test\r\n"
    for what, request, status in (("a target of 8 KiB", "GET /" + "a" * 8191 + rest, 200),
                                  ("one byte more", "GET /" + "a" * 8192 + rest, 414),
                                  ("a target without end", "GET /" + "a" * 40000, 414),
                                  ("100 fields", start + "X: y\r\n" * 99 + "\r\n", 200),
                                  ("101 fields", start + "X: y\r\n" * 100 + "\r\n", 431),
                                  ("a head without end", start + "X: " + "a" * 40000, 431)):
        client = popnet.connect().send(request)
        equal(what, client.answer().status, status)
        if status != 200:
            check(f"{what}: the connection ends", client.ended())


@scene
def costly_heads(stage):
    """Heads made to take long to read, of lists of quotes without end and options without number, take no longer than others."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])])
    quotes = '"' + '\\",' * 9500  # each might be closed by each that follows
    short = "".join(f"a{i}: b\r\n" for i in range(90))

    def ask(lines):
        return popnet.connect().send(f"GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n").answer().status

    before = popnet.cpu()
    for name in ("Cache-Control", "Via", "Accept-Encoding", "If-None-Match", "Connection"):
        equal(f"{name}: quotes", ask(f"{name}: {quotes}\r\n{short}"), 431 if name == "Connection" else 200)
    equal("32 options", ask(f"Connection: {'a' * 800}{',b' * 31}\r\n{short}"), 200)
    equal("33 options", ask(f"Connection: {'a' * 800}{',b' * 32}\r\n{short}"), 431)
    equal("options without number", ask("Connection: " + "a," * 14000 + "\r\n" + short), 431)
    check("in no time", popnet.cpu() - before < 2, popnet.cpu() - before)  # else each takes seconds


@scene
def memory(stage):
    """Users who ask for large objects without end, and leave or stay, cannot make the store grow beyond its memory."""
    sent = []

    def answer(asked):
        asked.start(200, {**FRESH, "Transfer-Encoding": "chunked"})
        try:
            for _ in range(6):
                asked.chunk(b"z" * (1 << 20))
        except Failure:
            asked.close()  # popnet has let go of it
        sent.append(asked)  # and no end

    origins = [stage.origin(answer) for _ in range(4)]
    popnet = stage.popnet([site(f"s{i}", [origin]) for i, origin in enumerate(origins)], node={"cache_memory": "8MiB"})
    staying = []
    for i in range(12):
        client = popnet.connect().ask(f"/{i}", f"s{i % 4}.test")
        client.read_head()
        if i % 3:
            client.close()
        else:
            staying.append(client)
            until("who stays gets what there is", lambda: client.pending.count(b"z") >= 6 << 20 or not client._more())
            check("every byte", client.pending.count(b"z") == 6 << 20)
        until("the origin has sent it, or is rid of it", lambda: len(sent) == i + 1)
        check("the store keeps to its memory", popnet.counter("popnet_http_store_bytes") <= 8 << 20)


@scene
def slow_clients(stage):
    """Clients that never finish their heads are closed, and meanwhile keep nobody from being served."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])])
    slow = [popnet.connect().send("GET / HTTP/1.1\r\nHost: a.test\r\nX: ") for _ in range(100)]
    equal("others are served", popnet.get("/", "a.test").status, 200)
    for client in slow[:5]:
        head = client.read_to_end()
        check("408 or nothing, and an end", head == b"" or head.startswith(b"HTTP/1.1 408 "), head)
    check("counted", popnet.counter("popnet_http_slow_clients_total") >= 5)


@scene
def readers_that_do_not_read(stage):
    """A client that asks for much and reads nothing does not hold memory without bound, nor anybody up."""
    body = b"z" * (8 << 20)
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, body))])])
    equal("filled", len(popnet.get("/big", "a.test").body), len(body))

    def memory():
        with open(f"/proc/{popnet.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * 4096

    before = memory()
    lazy = [popnet.connect().ask("/big", "a.test") for _ in range(50)]
    until("all have begun", lambda: all(client.readable() for client in lazy))
    check("others are served", len(popnet.get("/big", "a.test").body) == len(body))
    check("50 copies of 8 MiB are not held", memory() - before < 50 * (1 << 20), memory() - before)
    for client in lazy:
        client.reset()


@scene
def who_is_gone_before_all_is_sent(stage):
    """Clients that send many requests at once and close before their answers end nothing but their own connection."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x" * int(asked.path[1:])))])])
    for size in (10, 1000, 16000, 100000):
        equal("stored", len(popnet.get(f"/{size}", "a.test").body), size)
        for more in ("", "Range: bytes=999999-\r\n"):
            request = f"GET /{size} HTTP/1.1\r\nHost: a.test\r\n{more}\r\n"
            for _ in range(20):
                popnet.connect().send(request * 700).close()
        equal("others are served", popnet.get("/10", "a.test").status, 200)
    for _ in range(20):
        popnet.connect().send(request * 350, "POST /10 HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi").close()
    until("nothing is left of them", lambda: popnet.counter("popnet_http_store_fills") == 0)


@scene
def what_nobody_takes_is_nobody_elses(stage):
    """A client goes in the midst of its answers; who waits for another answer on the same thread gets that alone."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1})
    for size in (10, 20000):
        client = popnet.connect().ask(f"/{size}", "a.test")
        origin.request().answer(200, FRESH, "x" * size)
        equal("stored", len(client.answer().body), size)
    big, small = (f"GET /{size} HTTP/1.1\r\nHost: a.test\r\n\r\n" for size in (20000, 10))
    for requests in (big + small * 3 + big + small, big + small * 400 + "GET /none HTTP/1.1\r\nHost: no.test\r\n\r\n"):
        first, second = popnet.connect().ask(f"/own{len(requests)}", "a.test"), popnet.connect()
        asked = origin.request()
        second.ask(f"/own{len(requests)}", "a.test")
        until("both wait", lambda: popnet.counter("popnet_http_store_waiting") == 2)
        before = popnet.counter("popnet_http_requests_total")
        with popnet.standing_still():
            popnet.connect().send(requests).close()
        until("his requests were read", lambda: popnet.counter("popnet_http_requests_total") > before)
        first.close()  # the other, who then asks for himself, is the next whom this thread tells of anything
        until("one waits", lambda: popnet.counter("popnet_http_store_waiting") == 1)
        asked.answer(200, {"Cache-Control": "private"}, "of the first")
        origin.request().answer(200, {"Cache-Control": "private"}, "of the second")
        answer = second.answer()
        equal("the second gets its own", (answer.status, answer.body), (200, b"of the second"))


@scene
def many_idle_connections(stage):
    """A thousand idle connections cost little, and one more is served at once."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])])
    idle = [popnet.connect() for _ in range(1000)]
    equal("served", popnet.get("/", "a.test").status, 200)
    equal("an idle one too", idle[500].ask("/", "a.test").answer().status, 200)
    for client in idle:
        client.close()


if __name__ == "__main__":
    run()
