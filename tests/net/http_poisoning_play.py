#!/usr/bin/env python3
"""One user's request never decides what others get: what is in no key reaches no origin, or its answer is not stored."""
from play import check, equal, run, scene, site

FRESH = {"Cache-Control": "max-age=600"}
HOST = "Host: a.test\r\n"


@scene
def content_of_a_get(stage):
    """A GET with content goes on as it is, and its answer is nobody else's; a content of no bytes changes nothing."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, b"<" + asked.body + b">"))
    popnet = stage.popnet([site("a", [origin])])
    for what, fields, body in (("a length", "Content-Length: 4\r\n", "evil"),
                               ("chunks", "Transfer-Encoding: chunked\r\n", "4\r\nevil\r\n0\r\n\r\n")):
        client = popnet.connect().send(f"GET /x HTTP/1.1\r\n{HOST}{fields}\r\n{body}")
        equal(f"{what}: the asker", client.answer().body, b"<evil>")
        answer = popnet.get(f"/x?{what[2:]}", "a.test")
        equal(f"{what}: the next", (popnet.get("/x", "a.test").body, answer.body), (b"<>", b"<>"))
    client = popnet.connect().send(f"GET /x HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n")
    check("Content-Length: 0 is a hit", client.answer().hit)


@scene
def errors_of_one_request(stage):
    """What a range, a condition or an Upgrade made of an answer (416, 412, 400) is not served to who has none."""
    def answer(asked):
        if asked.fields["Range"]:
            return asked.answer(416, {**FRESH, "Content-Range": "bytes */5"}, "no")
        if asked.fields["Upgrade"]:
            return asked.answer(400, FRESH, "no")
        if asked.fields["If-Match"]:
            return asked.answer(412, {**FRESH, "Content-Location": asked.path}, "no")
        return asked.answer(200, {**FRESH, "ETag": '"v1"'}, "hello")

    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    for path, status, first in (
            ("/range", 416, "GET /range HTTP/1.1\r\nRange: bytes=9-\r\n"),
            ("/upgrade", 400, "GET /upgrade HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"),
            ("/match", 412, 'POST /match HTTP/1.1\r\nContent-Length: 0\r\nIf-Match: "v0"\r\n')):
        equal(f"{path}: the asker", popnet.connect().send(first + HOST + "\r\n").answer().status, status)
        equal(f"{path}: the next", popnet.get(path, "a.test").body, b"hello")
        check(f"{path}: stored", popnet.get(path, "a.test").hit)


@scene
def claims(stage):
    """Fields that only a gateway may set, in any spelling, are replaced or dropped; method overrides reach no fill."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, asked.method))
    popnet = stage.popnet([site("a", [origin], rules=[{"path": "/app/*", "action": "proxy"}])])
    claimed = {name: "evil.test" for name in (
        "X-Forwarded-Host", "X_Forwarded_Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "Forwarded",
        "X-Host", "X-Original-URL", "X-Rewrite-URL", "X-Real-IP", "x_original-url", "Proxy", "Content_Length", "If_None_Match", "Accept_Encoding")}
    for method, path in (("GET", "/x"), ("GET", "/app/x"), ("POST", "/x")):
        client = popnet.connect().ask(path, "a.test", method, {**claimed, "X-HTTP-Method-Override": "DELETE", "X-Own": "1"})
        client.answer()
        asked = origin.asked[-1]
        check(f"{method} {path}: no claim arrives", "evil" not in str(asked.fields), asked)
        equal(f"{method} {path}: what the edge says", asked.fields["X-Forwarded-Host"], "a.test")
        equal(f"{method} {path}: other fields do", asked.fields["X-Own"], "1")
        equal(f"{method} {path}: the override", "X-HTTP-Method-Override" in asked.fields, (method, path) != ("GET", "/x"))


@scene
def disguised_fields(stage):
    """Of X-Device and X_Device many applications make one: who sends the one that Vary does not name chooses for himself alone."""
    def like_cgi(asked):
        seen = {name.upper().replace("-", "_"): value for name, value in asked.fields.lines}
        asked.answer(200, {**FRESH, "Vary": "X-Device, Accept-Encoding"}, f"{seen.get('X_DEVICE')} {seen.get('ACCEPT_ENCODING')} {seen.get('X_HTTP_METHOD_OVERRIDE')}")

    origin = stage.origin(like_cgi)
    popnet = stage.popnet([site("a", [origin])])
    fields = {"X_Device": "evil", "Accept_Encoding": "evil", "X_HTTP_Method_Override": "DELETE"}
    equal("his own", popnet.connect().ask("/x", "a.test", fields=fields).answer().body, b"evil None None")
    equal("is nobody else's", popnet.get("/x", "a.test").body, b"None None None")
    check("that is stored", popnet.get("/x", "a.test").hit)
    equal("and stays", (popnet.connect().ask("/x", "a.test", fields=fields).answer().body, popnet.get("/x", "a.test").hit), (b"None None None", True))


@scene
def spellings_of_the_host(stage):
    """However Host is written, there is one object, and the origin hears one name; so it is with the port that the edge has."""
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, f"{asked.fields['Host']} {asked.fields['X-Forwarded-Host']}"))
    popnet = stage.popnet([site("a", [origin])])
    for number, host in enumerate(("A.TEST:8080", "a.test.", "a.test:99", "a.test", "a.test:0", "a.test:")):
        answer = popnet.get("/x", host)
        equal(host, (answer.body, answer.hit), (b"a.test a.test", number > 0))
    port = popnet.http.rsplit(":", 1)[1]
    for number, host in enumerate((f"A.TEST:{port}", f"a.test.:{port}", f"a.test:0{port}")):
        answer = popnet.get("/x", host)
        equal(host, (answer.body, answer.hit), (f"a.test:{port} a.test:{port}".encode(), number > 0))


if __name__ == "__main__":
    run()
