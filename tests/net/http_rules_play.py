#!/usr/bin/env python3
"""No spelling of a path slips past a rule: what nginx would serve under it is denied, or goes to it as it was asked."""
from play import check, equal, run, scene, site, until

SPELLINGS = ("//secret/x", "/secret%2fx", "/%2fsecret/x", "/%73ecret/x", "/open/..%2fsecret/x", "/open%2f..%2fsecret%2fx",
             "/secret//x", "///secret///x", "/open/%2e%2e/secret/x", "/open/../secret/x")


def ask(connect, path):
    """Exactly these bytes: clients would tidy them up."""
    client = connect()
    client.send(f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    return client.answer()


@scene
def denied(stage):
    """Every spelling that nginx takes for a denied file is refused, and nginx is not even asked."""
    from play import _connect
    nginx = stage.nginx(files={"/secret/x": "hidden", "/open/x": "open"})
    for path in SPELLINGS:
        equal(f"nginx itself serves {path}", ask(lambda: _connect(nginx.address), path).body, b"hidden")
    served = len(SPELLINGS)
    until("nginx has logged them all", lambda: len(nginx.requests()) == served)
    popnet = stage.popnet([site("a", [nginx], rules=[{"path": "/secret/*", "action": "deny"}])])
    for path in ("/secret/x", *SPELLINGS, "/secret\\x", "/secret%5Cx", "/secret;v=1/x"):
        check(f"{path} is refused", ask(popnet.connect, path).status in (400, 403))
    equal("nginx has heard nothing of it", len(nginx.requests()), served)
    for path in ("/open/x", "//open/x", "/open%2fx"):
        equal(f"{path} is served", ask(popnet.connect, path).body, b"open")
    until("as it was asked", lambda: any("/open%2fx" in line for line in nginx.requests()))


@scene
def ttl_is_not_of_failures(stage):
    """The `ttl` of a rule is for content: an error, a refusal or a redirect of the moment is not served to all for so long."""
    moments = (302, 401, 403, 429, 500, 502, 503, 504)
    lasting = (200, 301, 404)
    seen = {}
    def answer(asked):
        seen[asked.path] = seen.get(asked.path, 0) + 1
        asked.answer(int(asked.path[1:]) if seen[asked.path] == 1 else 200, {}, str(seen[asked.path]))
    popnet = stage.popnet([site("a", [stage.origin(answer)], rules=[{"path": "*", "ttl": "1h"}])])
    for status in moments + lasting:
        popnet.get(f"/{status}", "a.test")
        again = popnet.get(f"/{status}", "a.test")
        equal(f"after {status}", (again.status, again.hit), (status, True) if status in lasting else (200, False))


@scene
def proxied(stage):
    """What a rule never stores is not stored under another spelling either."""
    origin = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "max-age=60"}, "yours"))
    popnet = stage.popnet([site("a", [origin], rules=[{"path": "/account/*", "action": "proxy"}])])
    for path in ("/account/x", "//account/x", "/account%2Fx", "/%61ccount/x"):
        ask(popnet.connect, path)
        check(f"{path} is asked for again", not ask(popnet.connect, path).hit)


if __name__ == "__main__":
    run()
