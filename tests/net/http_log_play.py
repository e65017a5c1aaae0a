#!/usr/bin/env python3
"""The access log, request ids, Server-Timing, and what /metrics says of requests."""
import json
import os

from play import check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600"}


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as log:
        return log.read().splitlines()


@scene
def json_lines(stage):
    """One JSON object for each request, whatever users send."""
    path = os.path.join(stage.folder, "access.log")
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "x" * 1000))
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1, "access_log": {"file": path}})
    popnet.get("/x?q=1", "a.test")
    popnet.get("/x?q=1", "a.test")
    evil = 'User-Agent: a"b\\c\xe4\r\nReferer: http://from/\r\nX-Request-Id: mine-1\r\n'
    client = popnet.connect().send(f"GET /x?q=1 HTTP/1.1\r\nHost: a.test\r\n{evil}\r\n".encode("latin-1"))
    client.answer()
    popnet.get("/", "unknown.test")
    popnet.connect().send("GARBAGE\r\n\r\n").read_to_end()
    until("all are logged", lambda: len(lines(path)) == 5)
    first, hit, named, unknown, bad = (json.loads(line) for line in lines(path))
    equal("how they were answered", [first["cache"], hit["cache"], named["cache"], unknown["cache"]], ["miss", "hit", "hit", "local"])
    equal("statuses", [line["status"] for line in (first, hit, named, unknown, bad)], [200, 200, 200, 421, 400])
    equal("what was asked for", [first[key] for key in ("site", "method", "host", "path", "protocol")],
          ["a", "GET", "a.test", "/x?q=1", "HTTP/1.1"])
    check("bytes with the head", 1000 < first["bytes"] < 2000, first["bytes"])
    check("durations", 0 < first["first_byte"] <= first["total"] < 5, first)
    equal("the user's own id", named["request_id"], "mine-1")
    check("one of ours", len(first["request_id"]) == 16 and first["request_id"] != hit["request_id"], first["request_id"])
    equal("the origin got the same", origin.asked[0].fields["X-Request-Id"], first["request_id"])
    equal("quotes, backslashes and other bytes", named["user_agent"], 'a"b\\c\xe4')
    equal("lines are counted", popnet.counter("popnet_http_log_lines_total"), 5)


@scene
def rotation(stage):
    """A log that was moved away is made anew, and nothing is lost."""
    path = os.path.join(stage.folder, "access.log")
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])],
                          node={"access_log": {"file": path, "fields": ["path", "status"]}})
    popnet.get("/before", "a.test")
    until("written", lambda: lines(path) == ['{"path":"/before","status":200}'])
    os.rename(path, path + ".1")
    until("made anew", lambda: os.path.exists(path))
    popnet.get("/after", "a.test")
    until("written there", lambda: lines(path) == ['{"path":"/after","status":200}'])
    equal("the old one is whole", len(lines(path + ".1")), 1)


@scene
def combined(stage):
    """The format of Apache and nginx; a part of the requests."""
    path = os.path.join(stage.folder, "access.log")
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(200, FRESH, "x"))])],
                          node={"access_log": {"file": path, "format": "combined", "sample": 0.5}})
    client = popnet.connect()
    for _ in range(400):
        client.ask("/x", "a.test").answer()
    until("about half are there", lambda: 120 < len(lines(path)) < 280)
    line = lines(path)[0]
    check("as Apache writes it", " - - [" in line and '] "GET /x HTTP/1.1" 200 ' in line and line.endswith('"-" "-"'), line)


@scene
def fields_of_answers(stage):
    """X-Request-Id and Server-Timing are told when the site says so, and ids that are no ids are replaced."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, "x"))
    popnet = stage.popnet([site("a", [origin], request_id=True, server_timing=True), site("b", [origin])])

    def ask(path, host, request_id):
        client = popnet.connect().send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {request_id}\r\n\r\n")
        return client.answer().fields

    fields = ask("/x", "a.test", "abc.DEF_1-2")
    equal("its own", fields["X-Request-Id"], "abc.DEF_1-2")
    equal("the origin too", origin.asked[-1].fields["X-Request-Id"], "abc.DEF_1-2")
    check("what it took", fields["Server-Timing"].startswith("cache;desc=miss, edge;dur=") and ", origin;dur=" in fields["Server-Timing"],
          fields["Server-Timing"])
    fields = ask("/x", "a.test", "other")
    equal("a hit has that of its own request", fields["X-Request-Id"], "other")
    check("without an origin", fields["Server-Timing"].startswith("cache;desc=hit, ") and "origin" not in fields["Server-Timing"])
    for number, wrong in enumerate(("a" * 65, "a b", '"><script>', "a%0d")):
        told = ask(f"/{number}", "a.test", wrong)["X-Request-Id"]
        check(f"{wrong[:20]} is replaced", len(told) == 16 and told != wrong, told)
        equal("for the origin too", origin.asked[-1].fields["X-Request-Id"], told)
    fields = ask("/y", "b.test", "abc")
    check("not told unless wanted", not fields["X-Request-Id"] and not fields["Server-Timing"])


@scene
def numbers(stage):
    """Statuses by site, and how long answers took by where they came from."""
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(404 if asked.path == "/none" else 200, FRESH, "x"))])])
    for path in ("/x", "/x", "/x", "/none"):
        popnet.get(path, "a.test")
    popnet.get("/", "unknown.test")
    page = lambda: popnet.api("GET", "/metrics").body.decode()  # what is counted when all of an answer is sent comes a moment after it
    for line in ('popnet_http_site_responses_total{site="a",status="200"} 3', 'popnet_http_site_responses_total{site="a",status="404"} 1',
                 'popnet_http_first_byte_seconds_count{cache="hit"} 2', 'popnet_http_first_byte_seconds_count{cache="miss"} 2',
                 'popnet_http_answer_seconds_bucket{cache="miss",le="+Inf"} 2', "# TYPE popnet_http_answer_seconds histogram"):
        until(line, lambda line=line: line in page())


@scene
def refused(stage):
    """What is refused is logged with as much of it as can be told: the request line where it has its parts, and Host."""
    path = os.path.join(stage.folder, "access.log")
    origin = stage.origin()
    fields = ["method", "host", "path", "protocol", "status", "cache"]
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1, "access_log": {"file": path, "fields": fields}})
    cases = {"GET /x?q HTTP/1.1\r\nX: y\r\nhost:  b.test \r\nHost: a.test\r\n\r\n": ("GET", "b.test", "/x?q", "HTTP/1.1", 400),
             "\r\nGET /a b HTTP/1.0\r\nHost: a.test\r\n\r\n": ("GET", "a.test", "/a b", "HTTP/1.0", 400),
             "GET /x\xe9\x01\" HTTP/1.1\r\n\r\nHost: no.test\r\n\r\n": ("GET", "", "/x\xe9\x01\"", "HTTP/1.1", 400),
             "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n": ("CONNECT", "a.test", "a.test:443", "HTTP/1.1", 501),
             "GET /" + "y" * 40000: ("GET", "", ("/" + "y" * 40000)[:8192], "HTTP/1.1", 414),
             "GET /\r\n\r\n": ("GET", "", "/", "HTTP/1.1", 400),
             "GARBAGE\r\n\r\n": ("", "", "", "HTTP/1.1", 400),
             "\x16\x03\x01 x\r\n\r\n": ("", "", "", "HTTP/1.1", 400),
             "POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n": ("POST", "a.test", "/up", "HTTP/1.1", 400)}
    for number, (request, (*said, status)) in enumerate(cases.items(), 1):
        equal(f"{request[:20]!r}", popnet.connect().send(request.encode("latin-1")).answer().status, status)
        until("logged", lambda number=number: len(lines(path)) == number)
        equal("as", list(json.loads(lines(path)[-1]).values()), [*said, status, "local"])


@scene
def who_leaves(stage):
    """Who goes before there is an answer, waiting or in the midst of an upload, has status 0 and an outcome of his own, in the log and in /metrics."""
    path = os.path.join(stage.folder, "access.log")
    silent = stage.origin()
    popnet = stage.popnet([site("b", [silent])], node={"access_log": {"file": path}})
    waiting = popnet.connect().ask("/waiting", "b.test")
    silent.request()
    waiting.close()
    until("who waits", lambda: popnet.counter("popnet_http_requests_total", outcome="left") == 1)
    uploading = popnet.connect().send("POST /upload HTTP/1.1\r\nHost: b.test\r\nContent-Length: 10\r\n\r\nhello")
    silent.accept().read_until(b"hello")
    uploading.close()
    until("who uploads", lambda: popnet.counter("popnet_http_requests_total", outcome="left") == 2)
    equal("status 0", popnet.values("popnet_http_site_responses_total", site="b", status="0"), [2])
    equal("nobody was answered by the edge itself", popnet.counter("popnet_http_requests_total", outcome="local"), 0)
    until("they are logged", lambda: len(lines(path)) == 2)
    equal("as what they are", [[json.loads(line)[key] for key in ("path", "status", "cache")] for line in lines(path)],
          [["/waiting", 0, "left"], ["/upload", 0, "left"]])


if __name__ == "__main__":
    run()
