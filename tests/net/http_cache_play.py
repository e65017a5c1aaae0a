#!/usr/bin/env python3
"""The cache as one user sees it: miss and hit, HEAD, ranges, conditions both ways, Vary, chunked bodies."""
from play import check, equal, http_date, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600", "ETag": '"v1"', "Last-Modified": http_date(-3600)}


@scene
def miss_then_hit(stage):
    """The first request fills the store, the second reaches no origin."""
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, "X-Own": "kept", "Age": "7"}, "hello"))
    popnet = stage.popnet([site("a", [origin])])
    miss, hit = popnet.get("/x", "a.test"), popnet.get("/x", "a.test")
    equal("the miss", (miss.status, miss.body), (200, b"hello"))
    check("Cache-Status says that it was forwarded", "; fwd=" in miss.cache_status, miss.cache_status)
    equal("the hit", (hit.status, hit.body, hit.fields["X-Own"]), (200, b"hello", "kept"))
    check("Cache-Status says hit", hit.hit, hit.cache_status)
    check("Age counts from the origin's Age", 7 <= int(hit.fields["Age"]) <= 20, hit.fields)
    equal("the origin was asked once", len(origin.asked), 1)
    equal("requests counted as hits", popnet.counter("popnet_http_requests_total", outcome="hit"), 1)


@scene
def head(stage):
    """HEAD is answered from a stored GET, without a body; the connection stays in step."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "hello"))
    popnet = stage.popnet([site("a", [origin])])
    popnet.get("/x", "a.test")
    client = popnet.connect()
    answer = client.ask("/x", "a.test", "HEAD").answer("HEAD")
    equal("status and length", (answer.status, answer.fields["Content-Length"]), (200, "5"))
    equal("the next request on it", client.ask("/x", "a.test").answer().body, b"hello")
    equal("the origin was asked once", len(origin.asked), 1)


@scene
def ranges(stage):
    """Parts of a stored object: 206, 416, If-Range; several ranges give the whole."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "0123456789"))])])
    popnet.get("/x", "a.test")
    for asked, status, body, content_range in (
            ("bytes=2-4", 206, b"234", "bytes 2-4/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
            ("bytes=-2", 206, b"89", "bytes 8-9/10"), ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
            ("bytes=1-2,4-5", 200, b"0123456789", ""), ("lines=1-2", 200, b"0123456789", "")):
        answer = popnet.get("/x", "a.test", range=asked)
        equal(asked, (answer.status, answer.body, answer.fields["Content-Range"]), (status, body, content_range))
    beyond = popnet.get("/x", "a.test", range="bytes=10-")
    equal("beyond the end", (beyond.status, beyond.fields["Content-Range"]), (416, "bytes */10"))
    equal("If-Range that holds", popnet.get("/x", "a.test", range="bytes=0-1", if_range='"v1"').body, b"01")
    equal("If-Range that does not", popnet.get("/x", "a.test", range="bytes=0-1", if_range='"v0"').status, 200)


@scene
def conditions_of_users(stage):
    """If-None-Match and If-Modified-Since are answered from the store with 304."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "hello"))
    popnet = stage.popnet([site("a", [origin])])
    popnet.get("/x", "a.test")
    same = popnet.get("/x", "a.test", if_none_match='"v0", W/"v1"')
    equal("If-None-Match", (same.status, same.fields["ETag"], "Content-Length" in same.fields), (304, '"v1"', False))
    equal("If-None-Match of another", popnet.get("/x", "a.test", if_none_match='"v0"').status, 200)
    equal("If-Modified-Since", popnet.get("/x", "a.test", if_modified_since=http_date()).status, 304)
    equal("If-Modified-Since long ago", popnet.get("/x", "a.test", if_modified_since=http_date(-9999)).status, 200)
    equal("the origin was asked once", len(origin.asked), 1)
    popnet.get("/x", "a.test", if_match='"v0"')
    equal("If-Match is the origin's to judge", origin.asked[-1].fields["If-Match"], '"v0"')


@scene
def first_request_is_conditional(stage):
    """A fill asks without the conditions of the user who caused it; for a range of what is not stored, by that range."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "hello"))
    popnet = stage.popnet([site("a", [origin])])
    equal("304 for him", popnet.get("/x", "a.test", if_none_match='"v1"').status, 304)
    equal("a part for the next", popnet.get("/y", "a.test", range="bytes=1-2").body, b"el")
    for asked in origin.asked:
        check("the origin saw no condition", "If-None-Match" not in asked.fields, asked)
    equal("but the range", [asked.fields["Range"] for asked in origin.asked], ["", "bytes=1-2"])
    check("which it may ignore: all of it is stored", popnet.get("/x", "a.test").hit and popnet.get("/y", "a.test").body == b"hello")


@scene
def validation(stage):
    """A stale object is asked about with its validators; 304 keeps its body and takes the new fields."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=0", "ETag": '"v1"', "X-Version": "1"}, "hello")
    equal("filled", client.answer().body, b"hello")
    client.ask("/x", "a.test")
    asked = origin.request()
    equal("asked with its tag", asked.fields["If-None-Match"], '"v1"')
    asked.answer(304, {"Cache-Control": "max-age=600", "ETag": '"v1"', "X-Version": "2"})
    answer = client.answer()
    equal("the stored body, the new fields", (answer.status, answer.body, answer.fields["X-Version"]), (200, b"hello", "2"))
    check("fresh again", popnet.get("/x", "a.test").hit)
    check("the origin was not asked a third time", origin.idle())


@scene
def the_later_one(stage):
    """RFC 9111 section 4: an answer that took long does not take the place of one that was made after it."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    slow = popnet.connect().ask("/x", "a.test", fields={"Authorization": "x"})
    asked = origin.request()
    quick = popnet.connect().ask("/x", "a.test", fields={"Authorization": "y"})
    origin.request().answer(200, {"Cache-Control": "public, max-age=600", "ETag": '"v2"'}, "new")
    quick.answer()
    asked.answer(200, {"Cache-Control": "public, max-age=600", "ETag": '"v1"', "Date": http_date(-30)}, "old")
    equal("he gets his own", slow.answer().body, b"old")
    answer = popnet.get("/x", "a.test")
    equal("all others the later one", (answer.hit, answer.body), (True, b"new"))
    slow.ask("/x", "a.test", fields={"Cache-Control": "no-cache"})
    origin.request().answer(200, {"Cache-Control": "public, max-age=600", "ETag": '"v3"'}, "newest")
    slow.answer()
    equal("which has its place until there is one later still", popnet.get("/x", "a.test").body, b"newest")


@scene
def replacement(stage):
    """A validation that brings another version replaces the stored one."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=0", "ETag": '"v1"'}, "old")
    client.answer()
    client.ask("/x", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=600", "ETag": '"v2"'}, "new and longer")
    equal("the new version", client.answer().body, b"new and longer")
    equal("also from the store", popnet.get("/x", "a.test").body, b"new and longer")


@scene
def vary(stage):
    """Variants by the nominated fields, normalised; `Vary: *` is never reused."""
    def answer(asked):
        star = {"Vary": "*"} if asked.path == "/star" else {"Vary": "Accept-Encoding, X-Kind"}
        asked.answer(200, {**FRESH, **star}, asked.fields["Accept-Encoding"] + "|" + asked.fields["X-Kind"])

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    equal("one variant", popnet.get("/x", "a.test", accept_encoding="gzip, br", x_kind="a").body, b"gzip, br|a")
    equal("another", popnet.get("/x", "a.test", accept_encoding="gzip", x_kind="a").body, b"gzip|a")
    equal("a third", popnet.get("/x", "a.test", accept_encoding="gzip").body, b"gzip|")
    same = popnet.get("/x", "a.test", accept_encoding="BR , GZIP;q=1.0", x_kind="a")
    equal("the first again, written otherwise", (same.hit, same.body), (True, b"gzip, br|a"))
    equal("the origin was asked for each variant", len(origin.asked), 3)
    popnet.get("/star", "a.test")
    check("Vary: * is no hit", not popnet.get("/star", "a.test").hit)


@scene
def chunked_both_ways(stage):
    """A chunked answer is stored and served with its length; a chunked upload reaches the origin whole."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request().start(200, {**FRESH, "Transfer-Encoding": "chunked"})
    asked.chunk("hel").chunk("lo").last_chunk()
    equal("through", client.answer().body, b"hello")
    hit = until("stored", lambda: (lambda answer: answer if answer.hit else None)(popnet.get("/x", "a.test")))
    equal("the hit has its length", (hit.body, hit.fields["Content-Length"]), (b"hello", "5"))
    client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    asked = origin.request()
    equal("the upload", (asked.method, asked.body), ("POST", b"abcde"))
    asked.answer(200, {}, "thanks")
    equal("its answer", client.answer().body, b"thanks")


@scene
def old_clients(stage):
    """HTTP/1.0 gets no chunks and a closed connection; a body without length ends with the connection."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().send("GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n")
    asked = origin.request().start(200, {"Transfer-Encoding": "chunked"})
    asked.chunk("hello").last_chunk()
    answer = client.answer()
    check("no chunks", "Transfer-Encoding" not in answer.fields, answer.fields)
    equal("the body", answer.body, b"hello")
    check("closed", client.ended())
    client = popnet.connect().ask("/y", "a.test")
    origin.request().start(200, {}).send("until the end").close()
    equal("an origin without a length", client.answer().body, b"until the end")


@scene
def not_stored(stage):
    """What must not be shared is not: private, no-store, cookies, Authorization, POST."""
    fields = {"/private": {"Cache-Control": "private, max-age=600"}, "/no-store": {"Cache-Control": "no-store"},
              "/cookie": {**FRESH, "Set-Cookie": "user=1"}, "/secret": FRESH, "/silent": {}}
    origin = stage.origin(lambda asked: asked.answer(200, fields[asked.path], asked.fields["Authorization"]))
    popnet = stage.popnet([site("a", [origin])])
    for path in ("/private", "/no-store", "/cookie", "/silent"):
        popnet.get(path, "a.test")
        check(f"{path} is no hit", not popnet.get(path, "a.test").hit)
    equal("one user's", popnet.get("/secret", "a.test", authorization="Basic one").body, b"Basic one")
    equal("not the other's", popnet.get("/secret", "a.test", authorization="Basic two").body, b"Basic two")
    equal("nor anybody's", popnet.get("/secret", "a.test").body, b"")


@scene
def unsafe_methods(stage):
    """A successful POST makes the stored object of its URL unusable, a failed one does not."""
    status = {"POST": 500}
    answer = lambda asked: asked.answer(status.get(asked.method, 200), FRESH, "" if asked.method == "POST" else "hello")
    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    popnet.get("/x", "a.test")
    popnet.get("/x", "a.test", "POST")
    check("after a failure it serves on", popnet.get("/x", "a.test").hit)
    status["POST"] = 204
    popnet.get("/x", "a.test", "POST")
    check("after success it does not", not popnet.get("/x", "a.test").hit)


@scene
def a_refresh_that_fails(stage):
    """RFC 5861 section 3: what cannot be refreshed is served for its window, and a failing origin is not asked for each hit."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=1, stale-while-revalidate=600", "Age": "9"}, "x")
    client.answer()
    equal("stale, at once", popnet.get("/x", "a.test").body, b"x")
    asked = origin.request()
    asked.answer(503, {}, "broken")
    until("the refresh has ended", lambda: popnet.counter("popnet_http_site_fills_running") == 0)
    equal("stale still, for all", {(hit.body, hit.hit) for hit in (popnet.get("/x", "a.test") for _ in range(100))}, {(b"x", True)})
    check("the origin has a rest", origin.idle() and len(origin.asked) == 2)
    client = popnet.connect().ask("/x", "a.test", fields={"Cache-Control": "no-cache"})
    origin.request().answer(200, {"Cache-Control": "max-age=600"}, "new")
    equal("who asks for the newest gets it", client.answer().body, b"new")


@scene
def what_no_refresh_brings(stage):
    """RFC 5861 section 3: within the window, what a request without this user's own fields or range would not make fresh again is
    confirmed first; it would stay stale to the end."""
    lasts = {"Cache-Control": "public, max-age=1, stale-while-revalidate=600", "ETag": '"v1"'}
    def answer(asked):
        if "If-None-Match" in asked.fields:
            return asked.answer(304, {"Cache-Control": "public, max-age=600", "ETag": '"v1"'})
        part = {"Content-Range": "bytes 0-4/10"} if "Range" in asked.fields else {}
        return asked.answer(206 if part else 200, {**lasts, **part, "Age": "9"}, "hello")
    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    for path, own in (("/part", {"Range": "bytes=0-4"}), ("/authorized", {"Authorization": "Basic YTpi"}), ("/disguised", {"X_Own": "1"})):
        ask = lambda path=path, own=own: popnet.connect().ask(path, "a.test", fields=own).answer()
        ask()
        answers = [ask() for _ in range(2)]
        equal(f"{path}: the same bytes", [answer.body for answer in answers], [b"hello"] * 2)
        check(f"{path}: confirmed, then fresh", [answer.hit for answer in answers] == [False, True], [answer.cache_status for answer in answers])
    equal("the origin was asked twice for each", len(origin.asked), 6)


if __name__ == "__main__":
    run()
