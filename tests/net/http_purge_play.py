#!/usr/bin/env python3
"""Purging stored objects over the admin API and by PURGE: one URL, a prefix, a tag or a whole site, for good or only made stale."""
import subprocess

from play import POPNET, check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600", "ETag": '"v1"'}


def versions(stage):
    """An origin whose answers are numbered, and two sites that it serves."""
    def answer(asked):
        if asked.fields["If-None-Match"]:
            asked.answer(304, FRESH)
        else:
            asked.answer(200, FRESH, f"version {len(asked_so_far)}")

    origin = stage.origin(answer)
    asked_so_far = origin.asked
    return origin, stage.popnet([site("a", [origin]), site("b", [origin])])


def purge(popnet, what, **order):
    """Orders a purge. The node that was asked has carried it out when it answers; to the others orders travel over the bus."""
    equal("the order is taken", popnet.api("POST", "/v1/purge", order).status // 100, 2)
    softly = " softly" if order.get("soft") else ""
    equal("it is carried out, once", popnet.log().count(f"purged {what}{softly}\n"), 1)


@scene
def one_url(stage):
    """A purged URL is fetched anew, with its query and nothing else."""
    _, popnet = versions(stage)
    first = {path: popnet.get(path, "a.test").body for path in ("/x", "/x?q", "/y")}
    purge(popnet, "http://A.test:80/x", url="http://A.test:80/x")
    check("fetched anew", popnet.get("/x", "a.test").body != first["/x"])
    for path in ("/x?q", "/y"):
        equal(f"{path} is untouched", popnet.get(path, "a.test").body, first[path])


@scene
def any_host_name(stage):
    """However users write the host, they share one object, and a purge removes it."""
    origin, popnet = versions(stage)
    first = popnet.get("/x", "a.test").body
    for host in ("A.TEST", "a.test.", "a.test:8080", "a.TEST.:81"):
        equal(f"{host} shares it", popnet.get("/x", host).body, first)
    equal("the origin is asked for the hostname", origin.asked[-1].fields["Host"], "a.test")
    purge(popnet, "https://A.test.:444/x", url="https://A.test.:444/x")
    check("it is gone for a.test", popnet.get("/x", "a.test").body != first)
    check("and for a.test.:8080", popnet.get("/x", "a.test.:8080").body != first)


@scene
def on_their_way(stage):
    """A purge frees memory from which answers are still on their way to readers; what comes into its place is not what they get."""
    letters = {"/old": "o", "/new": "n"}
    origin = stage.origin(lambda asked: asked.answer(200, FRESH, letters[asked.path[:4]] * 40_000))
    popnet = stage.popnet([site("a", [origin])])
    sent = lambda: sum(popnet.values("popnet_http_site_responses_total", site="a", status="200"))
    for _ in range(20):  # often enough to be sent without a copy
        popnet.get("/old", "a.test")
    readers = [popnet.connect().ask("/old", "a.test") for _ in range(8)]
    until("the kernel has all of them", lambda: sent() == 28)
    purge(popnet, "http://a.test/old", url="http://a.test/old")
    until("nobody holds it any more", lambda: popnet.counter("popnet_http_store_held_bytes") == 0)
    for number in range(16):
        equal("another takes its place", popnet.get(f"/new{number}", "a.test").body, b"n" * 40_000)
    for reader in readers:
        reader.read_head()
        equal("who asked before has what there was", reader.read(40_000), b"o" * 40_000)


@scene
def nobody_serves(stage):
    """A purge of what no site serves is refused, and says why."""
    _, popnet = versions(stage)
    for order in ({"url": "http://other.test/x"}, {"url": "http://a.test/x", "site": "b"}, {"site": "c"}):
        answer = popnet.api("POST", "/v1/purge", order)
        equal(f"{order}", answer.status, 404)
        check("and why", b"site" in answer.body, answer.body)


@scene
def whole_site(stage):
    """A purged site loses everything, its neighbour nothing."""
    _, popnet = versions(stage)
    for host in ("a.test", "b.test"):
        for number in range(10):
            popnet.get(f"/{number}", host)
    purge(popnet, "site a", site="a")
    check("nothing of it is left", not any(popnet.get(f"/{number}", "a.test").hit for number in range(10)))
    check("all of the other is", all(popnet.get(f"/{number}", "b.test").hit for number in range(10)))


@scene
def soft(stage):
    """A soft purge makes stale: the object is asked about, and stays when the origin confirms it."""
    origin, popnet = versions(stage)
    body = popnet.get("/x", "a.test").body
    purge(popnet, "http://a.test/x", url="http://a.test/x", soft=True)
    equal("the same body", popnet.get("/x", "a.test").body, body)
    equal("after asking whether it still holds", origin.asked[-1].fields["If-None-Match"], '"v1"')
    check("fresh again", popnet.get("/x", "a.test").hit)


@scene
def soft_in_an_outage(stage):
    """What is purged softly still serves while no origin answers, however old it is: as long as it would have done without the purge."""
    old = {"Cache-Control": "max-age=31536000", "Age": "172800"}  # two days; stale_if_error is one
    over = {"Cache-Control": "max-age=60", "Age": "172800"}
    answers = {"/old": old, "/over": over, "/never": {"Cache-Control": "max-age=31536000, must-revalidate"},
               "/not": {"Cache-Control": "max-age=31536000, stale-if-error=0"}}
    seen = set()
    def answer(asked):
        asked.answer(503 if asked.path in seen else 200, {} if asked.path in seen else answers[asked.path], asked.path)
        seen.add(asked.path)
    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    for path in answers:
        popnet.get(path, "a.test")
    purge(popnet, "site a", site="a", soft=True)
    equal("after a purge", {path: popnet.get(path, "a.test").status for path in answers}, {"/old": 200, "/over": 503, "/never": 503, "/not": 503})


@scene
def tags(stage):
    """What an origin tags is purged by any of its tags; users never see them."""
    def answer(asked):
        number.append(1)
        asked.answer(200, {**FRESH, "Surrogate-Key": f"all {asked.path[1:]}", "Cache-Tag": "color one"}, f"version {len(number)}")

    number = []
    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin]), site("b", [origin])])
    hosts = [(path, host) for path in ("/red", "/blue") for host in ("a.test", "b.test")]
    first = {key: popnet.get(*key) for key in hosts}
    check("tags stay here", not any(f in answer.fields for answer in first.values() for f in ("Surrogate-Key", "Cache-Tag")))

    def changed():
        return {key for key in hosts if popnet.get(*key).body != first[key].body}

    purge(popnet, "tag red, green of site a", site="a", tags=["red", "green"])
    equal("one object", changed(), {("/red", "a.test")})
    first = {key: popnet.get(*key) for key in hosts}
    purge(popnet, "tag color one of site a", site="a", tags=["color one"])
    equal("all of the site that has it", changed(), {("/red", "a.test"), ("/blue", "a.test")})
    until("nothing of it is kept", lambda: popnet.counter("popnet_http_store_floors") == 0)
    equal("nor of what was purged", popnet.counter("popnet_http_store_objects"), 4)


@scene
def prefix(stage):
    """All below a folder goes, and nothing beside it."""
    _, popnet = versions(stage)
    first = {path: popnet.get(path, "a.test").body for path in ("/img/1", "/img/2?q", "/img2", "/")}
    purge(popnet, "http://a.test/img/*", prefix="http://a.test/img/")
    gone = {path for path, body in first.items() if popnet.get(path, "a.test").body != body}
    equal("what is gone", gone, {"/img/1", "/img/2?q"})


@scene
def purge_requests(stage):
    """PURGE is carried out at once for those whom the site lets, and for nobody else; origins never hear of it."""
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, "Surrogate-Key": "red"}, f"version {len(origin.asked)}"))
    popnet = stage.popnet([site("a", [origin], purge_from=["127.0.0.0/8"]), site("b", [origin], purge_from=["192.0.2.0/24"]),
                           site("c", [origin])])

    def ask(path, host, fields=""):
        return popnet.connect().send(f"PURGE {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").answer().status

    for what, path, fields in (("a URL", "/x", ""), ("a prefix", "/*", ""), ("a tag", "/", "Surrogate-Key: red\r\n"),
                               ("a soft one", "/x", "Soft-Purge: 1\r\n")):
        before = popnet.get("/x", "a.test").body
        check(f"{what}: stored", popnet.get("/x", "a.test").hit)
        equal(f"{what}: carried out", ask(path, "a.test", fields), 200)
        check(f"{what}: asked for again", popnet.get("/x", "a.test").body != before)
    until("the log says what was purged, and how", lambda: [popnet.log().count(f"purged {what}, as a PURGE request wants\n") for what in (
        "http://a.test/x", "http://a.test/*", "tag red of site a", "http://a.test/x softly")] == [1] * 4)
    for tag in ("gr\xf6\xdfe", "x" * 1025):  # Latin-1; what the other nodes could not be told would be purged here alone
        equal("a tag that is no UTF-8, or too long, is refused", ask("/", "a.test", f"Surrogate-Key: red {tag}\r\n"), 400)
    equal("one in UTF-8 is not", ask("/", "a.test", "Surrogate-Key: gr\xc3\xb6\xc3\x9fe\r\n"), 200)
    for host, claims, status in (("b.test", "", 403), ("b.test", "X-Forwarded-For: 192.0.2.1\r\n", 403), ("c.test", "", 405)):
        popnet.get("/x", host)
        equal(f"{host}: refused", ask("/x", host, claims), status)
        check(f"{host}: still stored", popnet.get("/x", host).hit)
    equal("origins heard only of GET", {asked.method for asked in origin.asked}, {"GET"})


@scene
def during_a_fill(stage):
    """An object that was being fetched when it was purged does not come back as if it had not been."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request().start(200, {**FRESH, "Content-Length": "3"}).send("ol")
    client.read_head()
    purge(popnet, "http://a.test/x", url="http://a.test/x")
    asked.send("d")
    equal("who asked before gets it", client.read(3), b"old")
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, FRESH, "new")
    equal("who asks after does not", client.answer().body, b"new")


@scene
def names_that_come_back(stage):
    """What was purged while its hostname was another site's, or its site had another name, is not served when that is taken back."""
    _, popnet = versions(stage)
    a, b = popnet.config["sites"]
    any_host = {**a, "any_host": True}
    named = lambda of, *names: {**of, "hostnames": [{"name": name, "resolve": "pop"} for name in names]}

    def reload(*sites):
        popnet.write_config({**popnet.config, "sites": sites})
        equal("reload", popnet.api("POST", "/v1/reload").status, 200)

    moves = {"another site's": ([named(a, "a.test", "www.test"), b], [a, named(b, "b.test", "www.test")]),
             "under a new name": ([named(a, "www.test"), b], [{**named(a, "www.test"), "name": "new"}, b]),
             "taken from the site of all others": ([any_host, b], [any_host, named(b, "b.test", "www.test")])}
    for what, (first, second) in moves.items():
        reload(*first)
        popnet.get("/x", "www.test")
        popnet.get("/x", "b.test")
        check(f"{what}: stored", popnet.get("/x", "www.test").hit)
        reload(*second)
        equal("purged", popnet.api("POST", "/v1/purge", {"url": "http://www.test/x"}).status, 200)
        reload(*first)
        check(f"{what}, and back: the origin is asked", not popnet.get("/x", "www.test").hit)
        check("a name that stayed has lost nothing", popnet.get("/x", "b.test").hit)


@scene
def head_from_before(stage):
    """What an origin said to HEAD before a purge refreshes nothing after it, neither what is stale by it nor what has come since."""
    orders = [{"url": "http://a.test/x"}, {"site": "a", "tags": ["red"]}, {"prefix": "http://a.test/"}, {"site": "a"}]
    for soft in (True, False):
        for order in orders:
            origin = stage.origin()
            popnet = stage.popnet([site("a", [origin])], name=f"{soft}{len(order)}{list(order)[0]}")
            fields = {"Cache-Control": "max-age=600", "ETag": '"v1"', "Cache-Tag": "red", "X-Age": "old"}
            client = popnet.connect().ask("/x", "a.test")
            origin.request().answer(200, fields, "hello")
            client.answer()
            head = popnet.connect().ask("/x", "a.test", method="HEAD", fields={"Cache-Control": "no-cache"})
            asked = origin.request()
            equal("purged", popnet.api("POST", "/v1/purge", {**order, "soft": soft}).status // 100, 2)
            if not soft:
                client.ask("/x", "a.test")
                origin.request().answer(200, {**fields, "X-Age": "new"}, "hello")
                client.answer()
            asked.answer(200, fields, "hello")
            equal("the HEAD", head.answer("HEAD").fields["X-Age"], "old")
            client.ask("/x", "a.test")
            if soft:
                origin.request().answer(304, {**fields, "X-Age": "new"})
            answer = client.answer()
            equal(f"{order}, soft: {soft}", (answer.hit, answer.fields["X-Age"]), (not soft, "new"))


@scene
def by_command(stage):
    """`popnet purge` in all the forms that docs/edge.md names takes what it should and nothing else; a wrong one says so and ends with an error."""
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, **({"Surrogate-Key": "red"} if asked.path == "/red" else {})}, f"{len(origin.asked)}"))
    popnet = stage.popnet([site("a", [origin])])
    paths = ("/x", "/img/1", "/red", "/other")

    def command(*words):
        return subprocess.run([POPNET, "purge", *words, "--node", popnet.admin], capture_output=True, text=True, timeout=15)

    for words, gone in ((["http://a.test/x"], {"/x"}), (["--prefix", "http://a.test/img/"], {"/img/1"}), (["--site", "a", "--tag", "red"], {"/red"}),
                        (["--site", "a"], set(paths)), (["--soft", "http://a.test/other"], {"/other"})):
        before = {path: popnet.get(path, "a.test").body for path in paths}
        done = command(*words)
        equal(f"{words}", (done.returncode, done.stderr), (0, ""))
        equal("what is asked for again", {path for path in paths if popnet.get(path, "a.test").body != before[path]}, gone)
    refused = command("http://nobody.test/x")
    check("of no site", refused.returncode != 0 and "site" in refused.stderr, (refused.returncode, refused.stderr))


@scene
def as_people_write_it(stage):
    """A URL with bytes that stand in no request target purges what browsers ask for when they are given it: over the API and by command."""
    _, popnet = versions(stage)
    asked = {"caf\xe9": "/caf%C3%A9", "a b?\"<q>": "/a%20b?%22%3Cq%3E", "100%": "/100%", "{x}": "/{x}", "done%20so": "/done%20so"}
    for written, sent in asked.items():
        for how in ("url", "prefix", "command"):
            before = popnet.get(sent, "a.test").body
            check(f"{sent}: stored", popnet.get(sent, "a.test").hit)
            url = f"http://a.test/{written}"
            if how == "command":
                done = subprocess.run([POPNET, "purge", url.encode(), "--node", popnet.admin], capture_output=True, timeout=15)
                equal("done", (done.returncode, done.stdout), (0, f"http://a.test{sent}: every node forgets it\n".encode()))
            else:
                equal("done", popnet.api("POST", "/v1/purge", {how: url}).status, 200)
            check(f"{written} by {how}: gone", popnet.get(sent, "a.test").body != before)


@scene
def tags_of_a_304(stage):
    """A 304 with tags replaces those that are stored, one without leaves them."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    stale = {"Cache-Control": "max-age=0", "ETag": '"v1"'}
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, {**stale, "Surrogate-Key": "one"}, "x")
    client.answer()
    for fields, tag, purged in (({}, "other", False), ({}, "one", True), ({"Surrogate-Key": "two"}, "one", False), ({}, "two", True)):
        client.ask("/x", "a.test")
        asked = origin.request()
        check("asked about", "If-None-Match" in asked.fields, asked)
        asked.answer(304, {**stale, **fields})
        client.answer()
        equal("purged", popnet.api("POST", "/v1/purge", {"site": "a", "tags": [tag]}).status // 100, 2)
        client.ask("/x", "a.test")
        asked = origin.request()
        equal(f"{fields} and a purge of {tag}", "If-None-Match" not in asked.fields, purged)
        asked.answer(200 if purged else 304, {**stale, "Surrogate-Key": "one"} if purged else stale, "x" if purged else "")
        client.answer()


if __name__ == "__main__":
    run()
