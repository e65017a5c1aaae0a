#!/usr/bin/env python3
"""What RFC 9112 calls an error is answered with an error and a closed connection, and nothing of it reaches an origin."""
from play import check, equal, run, scene, site
from play_http import http_date

HOST = "Host: a.test\r\n"

# Each would be read differently by two implementations somewhere: that is how requests are smuggled.
REFUSED = {
    "Content-Length beside Transfer-Encoding": (400, "POST / HTTP/1.1\r\n" + HOST +
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + HOST + "\r\n"),
    "two different lengths": (400, "POST / HTTP/1.1\r\n" + HOST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    "the same length twice": (400, "POST / HTTP/1.1\r\n" + HOST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "a length with a sign": (400, "POST / HTTP/1.1\r\n" + HOST + "Content-Length: +3\r\n\r\nabc"),
    "a length beyond 2^63": (400, "POST / HTTP/1.1\r\n" + HOST + "Content-Length: 18446744073709551619\r\n\r\nabc"),
    "a disguised transfer coding": (400, "POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked, but not last": (400, "POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "chunked twice": (400, "POST / HTTP/1.1\r\n" + HOST +
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "another coding below chunked": (501, "POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "a transfer coding in HTTP/1.0": (400, "POST / HTTP/1.0\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "space before the colon": (400, "POST / HTTP/1.1\r\n" + HOST + "Content-Length : 3\r\n\r\nabc"),
    "a folded line": (400, "GET / HTTP/1.1\r\n" + HOST + "X: a\r\n b\r\n\r\n"),
    "a folded first line": (400, "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n"),
    "bare LF": (400, "GET / HTTP/1.1\nHost: a.test\n\n"),
    "bare LF after a field": (400, "GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n"),
    "bare CR in a value": (400, "GET / HTTP/1.1\r\n" + HOST + "X: a\rContent-Length: 5\r\n\r\n"),
    "NUL in a value": (400, "GET / HTTP/1.1\r\n" + HOST + "X: a\0b\r\n\r\n"),
    "a name that is no token": (400, "GET / HTTP/1.1\r\n" + HOST + "X(y): z\r\n\r\n"),
    "no Host": (400, "GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, "GET / HTTP/1.1\r\n" + HOST + "Host: b.test\r\n\r\n"),
    "a Host with user information": (400, "GET / HTTP/1.1\r\nHost: x@a.test\r\n\r\n"),
    "an absolute target without Host": (400, "GET http://a.test/ HTTP/1.1\r\n\r\n"),
    "a target with a space": (400, "GET /a b HTTP/1.1\r\n" + HOST + "\r\n"),
    "a target with a fragment": (400, "GET /a#b HTTP/1.1\r\n" + HOST + "\r\n"),
    "two spaces": (400, "GET  / HTTP/1.1\r\n" + HOST + "\r\n"),
    "HTTP/0.9": (400, "GET /\r\n\r\n"),
    "HTTP/2.0 in the clear": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a Host of dots": (400, "GET / HTTP/1.1\r\nHost: .\r\n\r\n"),
    "CONNECT": (501, "CONNECT a.test:443 HTTP/1.1\r\n" + HOST + "\r\n"),
    "TLS": (400, b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"),
}


@scene
def bad_heads(stage):
    """Each malformed head gets its error and the connection closes; the origin hears nothing."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for what, (status, request) in REFUSED.items():
        client = popnet.connect().send(request)
        equal(what, client.answer().status, status)
        check(f"{what}: the connection ends", client.ended())
    check("the origin was not asked", origin.idle())


@scene
def one_byte_at_a_time(stage):
    """The outcome is the same however the bytes are split."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, {}, "fine"))])])
    client = popnet.connect()
    for byte in "GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\n\r\n":
        client.send(byte)
    equal("a good request", client.answer().body, b"fine")
    client = popnet.connect()
    for byte in "GET / HTTP/1.1\r\nHost: a.test\r\nX : y\r\n":
        if client.readable():
            break
        client.send(byte)
    equal("a bad one", client.answer().status, 400)


@scene
def bad_chunks(stage):
    """A body with malformed chunks is not passed on as a whole one."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=[{"path": "*", "action": "proxy"}])])
    for what, body in {"a size that is no number": "g\r\n", "bare LF": "1\nx\r\n0\r\n\r\n", "more than announced":
                       "1\r\nxy\r\n0\r\n\r\n", "an extension": "1;a\r\nx\r\n0\r\n\r\n", "a size with a prefix":
                       "0x1\r\nx\r\n0\r\n\r\n"}.items():
        client = popnet.connect()
        client.send("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n", body)
        equal(what, client.answer().status, 400)
        check(f"{what}: the connection ends", client.ended())
    check("no whole request came out of it", not [asked for asked in origin.asked if asked.body])


@scene
def bad_chunk_later(stage):
    """A malformed chunk behind a good one, which the origin has already: the user is told, the origin sees it break off."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=[{"path": "*", "action": "proxy"}])])
    client = popnet.connect().send("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    asked = origin.accept()
    asked.read_until(b"\r\n\r\n")
    equal("the first chunk is there", asked.read(6), b"1\r\nx\r\n")
    client.send("g\r\n")
    answer = client.answer()
    equal("the user is told", (answer.status, answer.fields["Connection"]), (400, "close"))
    check("his connection ends", client.ended())
    check("the origin gets no end of the body", asked.ended())


@scene
def written_anew(stage):
    """What goes to the origin is written anew: one length, one Host, nothing of the client's connection."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=[{"path": "*", "action": "proxy"}])])
    client = popnet.connect()
    client.send("POST http://A.test/x?y HTTP/1.1\r\nHost: other.test\r\nconnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n"
                "X-Own:  v \r\nTE: trailers\r\nX-Forwarded-For: 10.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n")
    asked = origin.request()
    equal("origin form", asked.path, "/x?y")
    check("the Host of the target, not that of the field", asked.fields["Host"].lower() == "a.test", asked.fields)
    equal("own field", asked.fields["X-Own"], "v")
    equal("the body", asked.body, b"hello")
    for name in ("X-Hop", "TE", "Keep-Alive"):
        check(f"{name} stays behind", name not in asked.fields, asked.fields)
    check("what users claim of themselves is not believed", "10.0.0.1" not in asked.fields["X-Forwarded-For"])
    check("Via names this hop", "1.1 " in asked.fields["Via"], asked.fields)
    asked.answer(200, {"Date": http_date(), "Connection": "X-Secret", "X-Secret": "1"}, "done")
    answer = client.answer()
    equal("the answer", answer.body, b"done")
    check("the origin's hop-by-hop fields stay behind", "X-Secret" not in answer.fields, answer.fields)


@scene
def about_the_server(stage):
    """RFC 9112 section 3.2.4: OPTIONS of an absolute target that has neither path nor query is sent on as "OPTIONS *"."""
    origin = stage.origin(lambda asked: asked.answer(200, {"Allow": "GET"}))
    popnet = stage.popnet([site("a", [origin])])
    for method, target, sent in (("OPTIONS", "http://a.test", "*"), ("OPTIONS", "http://a.test:80", "*"), ("OPTIONS", "http://a.test/", "/"),
                                 ("OPTIONS", "http://a.test?q", "/?q"), ("GET", "http://a.test", "/"), ("OPTIONS", "/", "/")):
        equal(f"{method} {target}", popnet.get(target, "a.test", method).status, 200)
        equal("arrives", (origin.asked[-1].method, origin.asked[-1].path, origin.asked[-1].fields["Host"]), (method, sent, "a.test"))


if __name__ == "__main__":
    run()
