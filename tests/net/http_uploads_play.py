#!/usr/bin/env python3
"""Bodies of requests: streamed, bounded in memory, with expectations and trailers handled as RFC 9110 and 9112 want."""
import threading

from play import check, equal, run, scene, site, until

PROXY = [{"path": "*", "action": "proxy"}]


def memory(pid):
    """Resident bytes of that process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


@scene
def large_upload(stage):
    """An upload of 300 MB goes through while it comes, to an origin that begins late; the node holds next to nothing of it."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    block, count = bytes(range(256)) * 4096, 300
    client = popnet.connect()
    client.send(f"PUT /big HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(block) * count}\r\n\r\n")
    wire = origin.accept()
    start, fields = wire.read_head()
    equal("it arrives before its body", (start, fields["Content-Length"]), ("PUT /big HTTP/1.1", str(len(block) * count)))
    before = memory(popnet.pid)

    def upload():
        for _ in range(count):
            client.send(block)
    sender = threading.Thread(target=upload)
    sender.start()
    whole = all(wire.read(len(block)) == block for _ in range(count))
    sender.join()
    check("every byte is the same", whole)
    check("memory stays", memory(popnet.pid) - before < 32 << 20, memory(popnet.pid) - before)
    wire.send("HTTP/1.1 204 No Content\r\n\r\n")
    equal("its answer", client.answer().status, 204)


@scene
def answered_early(stage):
    """An origin that refuses an upload in its middle: the user gets its answer, and no half request is left behind."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    client = popnet.connect().send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000)
    wire = origin.accept()
    wire.read_head()
    wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    answer = client.answer()
    equal("the refusal", (answer.status, answer.body), (413, b"no"))
    check("the connection ends: the rest of the body would be read as requests", client.ended())
    check("that to the origin too", wire.read_to_end() is not None and wire.ended())
    popnet.connect().ask("/y", "a.test")
    equal("the next request has a new one", origin.request().path, "/y")


@scene
def expectations(stage):
    """RFC 9110 section 10.1.1: 100 before the body is asked for, 417 for what nobody can expect, never to HTTP/1.0."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    client = popnet.connect().send("POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    equal("go on", client.answer(interim=True).status, 100)
    client.send("abc")
    asked = origin.request()
    equal("the body", asked.body, b"abc")
    check("Expect is this connection's", "Expect" not in asked.fields, asked.fields)
    asked.answer(200, {}, "fine")
    equal("the answer", client.answer(interim=True).body, b"fine")
    equal("another expectation", popnet.get("/x", "a.test", expect="x-other").status, 417)
    check("reached nobody", origin.idle())
    old = popnet.connect().send("POST /x HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    origin.request().answer(200, {}, "old")
    equal("HTTP/1.0", old.answer(interim=True).status, 200)


@scene
def trailers(stage):
    """RFC 9112 section 7.1.2: trailers are read and dropped, never taken for fields, and malformed ones are an error."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    head = "POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    client = popnet.connect().send(head, "X-Sum: 1\r\nContent-Length: 99\r\nHost: b.test\r\n\r\n")
    asked = origin.request()
    equal("the body alone", (asked.body, asked.fields["Host"], "X-Sum" in asked.fields), (b"abc", "a.test", False))
    asked.answer(200, {}, "fine")
    equal("the connection stays in step", client.answer().body, b"fine")
    client.ask("/y", "a.test")
    asked = origin.request().start(200, {"Transfer-Encoding": "chunked", "Cache-Control": "max-age=600", "Trailer": "X-Sum"})
    asked.chunk("hello").send("0\r\nX-Sum: 1\r\nCache-Control: no-store\r\n\r\n")
    answer = client.answer()
    equal("an answer with trailers", (answer.body, answer.fields["Trailer"], "X-Sum" in answer.fields), (b"hello", "X-Sum", False))
    answer = client.ask("/y", "a.test").answer()
    equal("is stored as its head said", (answer.hit, answer.fields["Trailer"], "X-Sum" in answer.fields), (True, "X-Sum", False))
    for bad in ("X Sum: 1\r\n\r\n", "X: 1\n\r\n", " X: 1\r\n\r\n", "X\r\n\r\n"):
        client = popnet.connect().send(head, bad)
        rest = client.read_to_end()
        check(f"malformed {bad!r}: an error or nothing", rest == b"" or rest.startswith(b"HTTP/1.1 400 ") or b" 502 " in rest[:20], rest[:60])


@scene
def gone_before_the_hints(stage):
    """The client breaks off its upload in the moment in which the origin sends hints and the answer: that ends nothing but the exchange."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    for hints in (1, 2, 3):
        client = popnet.connect().send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n", b"x" * 10)
        wire = origin.accept()
        wire.read_head()
        wire.read(10)
        with popnet.standing_still():
            wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * hints, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            client.reset()
        until("nothing is left of it", lambda: popnet.counter("popnet_http_store_fills") == 0)
    client = popnet.connect().ask("/y", "a.test")
    origin.request().answer(200, {}, "fine")
    equal("others are served", client.answer().body, b"fine")


if __name__ == "__main__":
    run()
