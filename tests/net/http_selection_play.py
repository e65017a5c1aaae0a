#!/usr/bin/env python3
"""Which of several stored answers a request gets, what a 304 changes of that, and what POST and its like store and end: RFC 9111 sections 4 and 4.1 to 4.4."""
import os
import random

from play import check, equal, http_date, run, scene, site, until
from play_lines import Script

CC, NOTHING = "Cache-Control", ("Content-Length", "0")
FRESH, TAG = (CC, "max-age=600"), ("ETag", '"v1"')
STALE = [FRESH, ("Age", "700")]


def x(value):
    return [("X", value)]


@scene
def the_latest_that_fits(stage):
    """Section 4: of several that fit the latest by Date is used, in whatever order they came; a new answer to the same request is the latest."""
    script = Script(stage)
    script.lines["/late"] = lambda asked, n: (200, [FRESH, ("Vary", "X")] if n == 1 else [FRESH, ("Vary", "Y"), ("Date", http_date(-100))])
    both = [("X", "1"), ("Y", "1")]
    script.ask("/late", fields=both)
    equal("another", script.ask("/late", fields=[("X", "2"), ("Y", "1")]).body, b"/late 2")
    equal("both fit: the later one", script.ask("/late", fields=both).body, b"/late 1")
    equal("one fits", script.ask("/late", fields=[("X", "2"), ("Y", "1")]).body, b"/late 2")
    script.ask("/late", fields=[*both, (CC, "no-cache")])
    equal("asked anew: what the origin says now", script.ask("/late", fields=both).body, b"/late 3")


@scene
def vary_forgotten(stage):
    """Section 4.1: an answer without Vary, which some origins forget where a request has no preference, does not push aside those that fit better."""
    script = Script(stage)
    script.lines["/x"] = lambda asked, n: (200, [FRESH, *([("Vary", "X")] if "X" in asked.fields else [])])
    script.ask("/x", fields=x("1"))
    script.ask("/x")
    for value, body in (("1", b"/x 1"), (None, b"/x 2"), ("1", b"/x 1")):
        answer = script.ask("/x", fields=x(value) if value else ())
        equal(f"X: {value}", (answer.hit, answer.body), (True, body))
    equal("HEAD", script.ask("/x", "HEAD", x("1")).fields["Content-Length"], "4")
    script.ask("/x", fields=[(CC, "no-cache")])
    equal("asked anew it is still behind", script.ask("/x", fields=x("1")).body, b"/x 1")
    script.lines["/late"] = script.lines["/x"]
    script.ask("/late")
    script.ask("/late", fields=[*x("1"), (CC, "no-cache")])
    for value, body, hit in (("2", b"/late 3", False), (None, b"/late 4", False), (None, b"/late 4", True), ("1", b"/late 2", True), ("2", b"/late 3", True),
                             ("3", b"/late 5", False), (None, b"/late 4", True)):
        answer = script.ask("/late", fields=x(value) if value else ())
        equal(f"what came before it was seen that the origin varies is for nobody else: X: {value}", (answer.hit, answer.body), (hit, body))
    script.lines["/swr"] = lambda asked, n: (200, [(CC, "max-age=1, stale-while-revalidate=600"), ("Age", "9"), ("Vary", "X")] if n == 1 else
                                             [FRESH, *([("Vary", "X")] if "X" in asked.fields else [])])
    script.ask("/swr", fields=x("1"))
    script.ask("/swr")
    equal("what serves while it is refreshed", script.ask("/swr", fields=x("1")).body, b"/swr 1")
    until("is refreshed, though the other is fresh", lambda: script.ask("/swr", fields=x("1")).body == b"/swr 3")
    script.lines["/stops"] = lambda asked, n: (200, [*STALE, ("Vary", "X")] if n == 1 else [FRESH])
    script.ask("/stops", fields=x("1"))
    script.ask("/stops")
    equal("what fits better, but is stale, is asked for", script.ask("/stops", fields=x("1")).body, b"/stops 3")
    answer = script.ask("/stops", fields=x("1"))
    equal("once: the origin has stopped to vary", (answer.hit, answer.body), (True, b"/stops 3"))


@scene
def vary_forgotten_elsewhere(stage):
    """The same where the default answer is updated by a HEAD, joined of parts, or fetched while others wait, and where what fits is older."""
    script = Script(stage)
    def by_head(asked, n):
        if "X" in asked.fields:
            return 200, [FRESH, ("Vary", "X"), ("ETag", '"x"')]
        return 200, [FRESH, TAG, ("Content-Length", "4")] if asked.method == "HEAD" else [*STALE, TAG]
    script.lines["/h"] = by_head
    script.ask("/h", fields=x("1"))
    script.ask("/h")
    script.ask("/h", "HEAD")
    equal("HEAD", script.ask("/h", fields=x("1")).body, b"/h 1")
    check("is for who has no wish", not script.ask("/h", fields=x("9")).hit)
    script.lines["/c"] = lambda asked, n: (200, [FRESH, *([("Age", "300")] if n == 2 else []), *([("Vary", "X")] if n < 3 else [])])
    for value in ("2", "1", "3"):
        script.ask("/c", fields=x(value))
    equal("what fits, though another variant is newer", script.ask("/c", fields=x("1")).body, b"/c 2")

    whole = "".join(f"{at:09d}\n" for at in range(300_000))
    def parts(asked):
        if "X" in asked.fields:
            return asked.answer(200, {CC: "max-age=600", "Vary": "X", "ETag": '"x"'}, "abcdefghij")
        first, last = map(int, asked.fields["Range"].removeprefix("bytes=").split("-"))
        return asked.answer(206, {CC: "max-age=600", "ETag": '"v1"', "Content-Range": f"bytes {first}-{last}/{len(whole)}"}, whole[first:last + 1])
    origin = stage.origin(parts)
    popnet = stage.popnet([site("a", [origin])])
    for path, spans in (("/small", ("0-99", "100-199")), ("/large", ("0-1499999", "1400000-2899999"))):
        popnet.get(path, "a.test", X="1")
        for span in spans:
            popnet.get(path, "a.test", Range=f"bytes={span}")
        equal(f"{path}: beside parts", popnet.get(path, "a.test", X="1").body, b"abcdefghij")
        check("parts are for who has no wish", not popnet.get(path, "a.test", X="2", Range="bytes=10-19").hit)

    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    def begin(**fields):
        return popnet.connect().ask("/w", "a.test", fields=fields)
    for fields, said, body in (({"X": "1"}, {CC: "max-age=600", "Age": "700", "ETag": '"x"', "Vary": "X"}, "own"), ({}, {CC: "max-age=600"}, "default")):
        client = begin(**fields)
        origin.request().answer(200, said, body)
        equal("stored", client.answer().body, body.encode())
    first = begin(X="1")
    asked = origin.request()
    second = begin(X="1")
    until("the second waits for the first", lambda: popnet.counter("popnet_http_store_waiting") == 2)
    asked.answer(304, {CC: "private", "ETag": '"x"'})
    equal("the first", first.answer().body, b"own")
    origin.request().answer(200, {CC: "max-age=600", "Vary": "X"}, "own too")
    equal("the second asks for himself", second.answer().body, b"own too")


def history(script, path, draw):
    """Random requests to an origin whose Vary, Date and Age change at random: what comes from the store must fit the request, and be fresh."""
    given, hits = {}, 0
    def answer(asked, n):
        given[n] = (draw.choice(["", "X", "Y", "X, Y"]), {name: asked.fields[name] for name in "XY"}, draw.choice([0, 0, 700]))
        vary, _, age = given[n]
        return 200, [FRESH, ("Date", http_date(draw.choice([0, -5, -50]))), *([("Age", str(age))] if age else []), *([("Vary", vary)] if vary else [])]
    script.lines[path] = answer
    for _ in range(25):
        wants = {name: draw.choice(["", "1", "2"]) for name in "XY"}
        reload = draw.random() < 0.15
        got = script.ask(path, fields=[*((name, value) for name, value in wants.items() if value), *([(CC, "no-cache")] if reload else [])])
        number, hits = int(got.body.split()[1]), hits + got.hit
        vary, selected, age = given[number]
        fits = all(selected[name] == wants[name] for name in vary.split(", ") if name)
        if not (fits and not age and not reload if got.hit else number == len(script.asked[path])):
            raise AssertionError(f"{path}: {wants}, no-cache {reload}: got {number} of {given}")
    return hits


@scene
def histories(stage):
    """Section 4, whatever came before: nobody gets an answer that his request does not select, that is stale, or that he wants confirmed."""
    script, seeds = Script(stage), os.environ.get("PLAY_SEEDS", " ".join(map(str, range(20)))).split()
    hits = sum(history(script, f"/{seed}", random.Random(seed)) for seed in seeds)
    check("many were hits", hits > 10 * len(seeds), hits)


@scene
def vary_updated(stage):
    """Sections 3.2 and 4.1: the Vary of a 304 takes the place of the stored one."""
    script = Script(stage)
    for path, vary in (("/other", "Y"), ("/star", "*")):
        script.lines[path] = lambda asked, n, vary=vary: (
            (304, [FRESH, TAG, ("Vary", vary)]) if "If-None-Match" in asked.fields else (200, [*STALE, TAG, ("Vary", "X")]))
        for _ in range(2):
            script.ask(path, fields=[("X", "1"), ("Y", "1")])
    equal("another X", script.ask("/other", fields=[("X", "2"), ("Y", "1")]).hit, True)
    equal("another Y", script.ask("/other", fields=[("X", "1"), ("Y", "2")]).hit, False)
    equal("a star", script.ask("/star", fields=[("X", "1"), ("Y", "1")]).hit, False)
    script.lines["/own"] = lambda asked, n: (304, [FRESH]) if "If-None-Match" in asked.fields else (200, [*STALE, ("Vary", "X"), ("ETag", f'"{asked.fields["X"]}"')])
    for value in "121":
        script.ask("/own", fields=x(value))
    equal("each is asked about by its own tag", script.asked["/own"][-1].fields["If-None-Match"], '"1"')
    equal("and the 304 speaks of that alone", [script.ask("/own", fields=x(value)).hit for value in "12"], [True, False])


@scene
def updates(stage):
    """Sections 3.2 and 4.3.4: what a 304 says of freshness, age, and of fields that are for one user."""
    script = Script(stage)
    for what, said, hit in (
            ("nothing: the stored lifetime begins anew", [], True), ("Expires", [(CC, "public"), ("Expires", http_date(600))], True), ("Age", [("Age", "500")], True),
            ("Age beyond", [("Age", "601")], False), ("Date beyond", [("Date", http_date(-601))], False), ("no-cache", [(CC, "no-cache, max-age=600")], False),
            ("no-store", [(CC, "no-store")], False), ("a targeted field", [("CDN-Cache-Control", "max-age=0"), (CC, "max-age=600")], False),
            ("a cookie", [("Set-Cookie", "a=b")], True), ("private of a field", [(CC, 'max-age=600, private="X-One"'), ("X-One", "1")], True),
            ("a weak tag of the same", [("ETag", 'W/"v1"')], True), ("hop-by-hop fields", [("Keep-Alive", "timeout=5"), ("Proxy-Connection", "x"), ("Upgrade", "h2c")], True)):
        path = "/" + what.replace(" ", "-")
        script.lines[path] = lambda asked, n, said=said: (304, said if said and said[0][0] == "ETag" else [TAG, *said]) if n == 2 else (200, [*STALE, TAG])
        script.ask(path)
        update, after = script.ask(path), script.ask(path)
        equal(f"{what}: fresh again", after.hit, hit)
        for name in ("Set-Cookie", "X-One"):
            check(f"{what}: {name} is for him", (name in update.fields) == any(n == name for n, _ in said) and name not in after.fields, after.fields)
        check(f"{what}: nothing of the connection", not any(name in after.fields for name in ("Keep-Alive", "Proxy-Connection", "Upgrade")), after.fields)
        check(f"{what}: Age", "Age" not in dict(said) or not hit or int(after.fields["Age"]) >= 500, after.fields)


@scene
def statuses(stage):
    """Section 3: any final status with explicit freshness; sections 4.3.2 and RFC 9110 13.2.1: conditions are judged for all that succeed, ranges of 200 alone."""
    script, day = Script(stage), http_date(-100_000)
    for status in (201, 202, 203, 205, 207, 226, 299, 305, 402, 403, 406, 409, 411, 412, 416, 418, 421, 422, 425, 429, 431, 451, 505, 511, 598):
        path = f"/{status}"
        script.lines[path] = lambda asked, n, status=status: (status, [FRESH, TAG, ("Last-Modified", day)])
        script.ask(path)
        for fields in ([], [("If-None-Match", '"v1"')], [("If-Modified-Since", day)]):
            answer = script.ask(path, fields=fields)
            equal(f"{status} {fields}", (answer.hit, answer.status), (True, 304 if fields and status < 300 else status))
        equal(f"{status} with a range", script.ask(path, fields=[("Range", "bytes=0-1")]).status, status)
        equal(f"{status} to HEAD", script.ask(path, "HEAD").status, status)
    script.lines["/204"] = lambda *_: (204, [FRESH, TAG])
    script.ask("/204")
    equal("204", [(a.hit, a.status, "Content-Length" in a.fields) for a in (script.ask("/204"), script.ask("/204", fields=[("If-None-Match", '"v1"')]))],
          [(True, 204, False), (True, 304, False)])


@scene
def what_a_304_cannot_confirm(stage):
    """RFC 9110 section 13.2.1: a 304 says that there is a success now. A stored error or redirect is fetched anew, whatever its date."""
    script, day = Script(stage), http_date(-100_000)
    for status in (200, 203, 204, 300, 301, 302, 404, 410, 500, 503):
        def answer(asked, n, status=status):
            if "If-Modified-Since" in asked.fields or "If-None-Match" in asked.fields:
                return 304, [FRESH]
            return (status, [(CC, "max-age=600"), ("Age", "700"), TAG, ("Last-Modified", day)]) if n == 1 else (200, [FRESH])
        script.lines[f"/{status}"] = answer
        script.ask(f"/{status}")
        equal(f"{status}, and then a page", script.ask(f"/{status}").status, status if status < 300 else 200)


@scene
def stored_posts(stage):
    """RFC 9110 section 9.3.3: what a POST's answer must say to serve GET, and all else that keeps an answer from the store."""
    script = Script(stage)
    here = ("Content-Location", "{}")
    for number, (what, fields, hit, request) in enumerate((
            ("absolute", [FRESH, ("Content-Location", "http://A.TEST:80{}")], True, []), ("the last segment", [FRESH, ("Content-Location", "p1")], True, []),
            ("https", [FRESH, ("Content-Location", "https://a.test{}")], False, []), ("another host", [FRESH, ("Content-Location", "http://b.test{}")], False, []),
            ("a query", [FRESH, ("Content-Location", "{}?a")], False, []), ("two of them", [FRESH, here, ("Content-Location", "/o")], False, []),
            ("Expires", [("Expires", http_date(600)), here], True, []), ("a heuristic", [("Last-Modified", http_date(-100_000)), here], False, []),
            ("s-maxage", [(CC, "s-maxage=600"), here], True, []), ("a targeted field", [("CDN-Cache-Control", "max-age=600"), here], True, []),
            ("private", [(CC, "private, max-age=600"), here], False, []), ("a cookie", [FRESH, here, ("Set-Cookie", "a=b")], False, []),
            ("Vary: *", [FRESH, here, ("Vary", "*")], False, []), ("Authorization", [FRESH, here], False, [("Authorization", "x")]),
            ("no-store of the request", [FRESH, here], False, [(CC, "no-store")]))):
        path = f"/p{number}"
        script.lines[path] = lambda asked, n, fields=fields, path=path: (200, [(name, value.format(path)) for name, value in fields])
        script.ask(path, "POST", [NOTHING, *request])
        equal(what, script.ask(path).hit, hit)
    script.lines["/v"] = lambda *_: (200, [FRESH, TAG, ("Content-Location", "/v"), ("Vary", "X")])
    script.ask("/v", "POST", [NOTHING, *x("1")])
    equal("Vary", [script.ask("/v", fields=x(value)).hit for value in "12"], [True, False])
    equal("conditions and ranges", [script.ask("/v", fields=[*x("1"), field]).status for field in (("If-None-Match", '"v1"'), ("Range", "bytes=0-1"))], [304, 206])
    script.lines["/put"] = lambda *_: (200, [FRESH, ("Content-Location", "/put")])
    script.ask("/put", "PUT", [NOTHING])
    check("PUT stores nothing", not script.ask("/put").hit)


@scene
def what_a_success_ends(stage):
    """Section 4.4: references of every form, all variants, parts, and what could serve stale."""
    script = Script(stage)
    for number, (method, status, field, target, gone) in enumerate((
            ("POST", 200, "Location", "x{n}", True), ("POST", 200, "Location", "../dir/./x{n}", True), ("POST", 201, "Location", "HTTP://A.Test:80{path}", True),
            ("POST", 201, "Location", "http://a.test:81{path}", False), ("POST", 201, "Location", "//a.test{path}", True), ("POST", 201, "Location", "//b.test{path}", False),
            ("POST", 201, "Location", "{path}#f", True), ("POST", 201, "Location", "{path}?a", False), ("PUT", 307, "Content-Location", "{path}", True),
            ("LOCK", 200, "Content-Location", "{path}", True), ("PUT", 400, "Content-Location", "{path}", False), ("PUT", 200, "Location", "", False),
            ("GET", 201, "Location", "{path}", False), ("HEAD", 201, "Location", "{path}", False))):
        path, do = f"/dir/x{number}", f"/dir/do{number}"
        script.lines[path] = lambda *_: (200, [FRESH])
        script.lines[do] = lambda *_, s=status, f=field, t=target.format(n=number, path=path): (s, [(f, t)])
        script.ask(path)
        script.ask(do, method, [NOTHING])
        equal(f"{method} {status} {field}: {target}", not script.ask(path).hit, gone)
    script.lines["/v"] = lambda *_: (200, [(CC, "max-age=600, stale-while-revalidate=600, stale-if-error=600"), ("Vary", "X")])
    for value in "12":
        script.ask("/v", fields=x(value))
    script.ask("/v", "PUT", [NOTHING, *x("3")])
    equal("all variants, and not stale either", [script.ask("/v", fields=x(value)).hit for value in "12"], [False, False])
    script.lines["/part"] = lambda asked, _: (206, [FRESH, TAG, ("Content-Range", "bytes 0-6/20")]) if "Range" in asked.fields else (200, [])
    script.ask("/part", fields=[("Range", "bytes=0-6")])
    hits = [script.ask("/part", fields=[("Range", "bytes=1-2")]).hit]
    script.ask("/part", "POST", [NOTHING])
    equal("a part", [*hits, script.ask("/part", fields=[("Range", "bytes=0-6")]).hit], [True, False])


if __name__ == "__main__":
    run()
