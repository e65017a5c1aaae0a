#!/usr/bin/env python3
"""Who else may use an answer: what is one user's never reaches another, and takes nothing away from the others."""
from play import check, equal, http_date, run, scene, site, until

CC = "Cache-Control"
FRESH, TAG = {CC: "max-age=600"}, {"ETag": '"v1"'}
AGED = {**FRESH, "Age": "700", **TAG}  # stored, and stale
ALICE, BOB = {"Cookie": "user=alice"}, {"Cookie": "user=bob"}
AUTHORIZED, UNSTORED = {"Authorization": "Basic YTpi"}, {CC: "no-store"}
FILE = "".join(f"{line:15}\n" for line in range(8192))  # two slices of 64 KiB


def ask(popnet, path, fields=(), method="GET"):
    client = popnet.connect()
    answer = client.ask(path, "a.test", method, fields=dict(fields)).answer(method)
    client.close()
    return answer


def together(stage, popnet, origin, path, users, handler):
    """They ask at once, and wait for one fill before the origin answers. Returns their answers, and how often it was asked."""
    before = len(origin.asked)
    clients = [popnet.connect().ask(path, "a.test", fields=user) for user in users]
    until("both wait", lambda: popnet.counter("popnet_http_store_waiting") == len(users))
    for client in clients:
        origin.serve_until(client, handler)
    answers = [client.answer() for client in clients]
    for client in clients:
        client.close()
    return answers, len(origin.asked) - before


@scene
def at_once(stage):
    """RFC 9111 section 4: who waits for another's answer gets it only if it may be used again."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for number, fields in enumerate(({CC: "max-age=0"}, {CC: "max-age=0, must-revalidate"}, {CC: "s-maxage=0"}, {CC: "no-cache", **TAG},
                                     {"Expires": "0", **TAG}, {CC: "private"}, {CC: "no-store"})):
        page = lambda asked, fields=fields: asked.answer(200, fields, "page of " + asked.fields["Cookie"])
        got, _ = together(stage, popnet, origin, f"/{number}", (ALICE, BOB), page)
        equal(f"{fields}: to each his own", [answer.body for answer in got], [b"page of user=alice", b"page of user=bob"])
    got, asked = together(stage, popnet, origin, "/fresh", (ALICE, BOB), lambda asked: asked.answer(200, FRESH, "for all"))
    equal("what may be used again is fetched once", ([answer.body for answer in got], asked), ([b"for all"] * 2, 1))


@scene
def told_of_each(stage):
    """RFC 9111 section 4.1: what an origin chose by what the edge told it of one client, and says so, no other client gets."""
    names = ("X-Forwarded-For", "x-request-id, Accept", "X-Forwarded-For Accept")  # the last is no list: what it means nobody knows
    origin = stage.origin(lambda asked: asked.answer(200, {**FRESH, "Vary": names[int(asked.path[1:])]}, asked.fields["X-Forwarded-For"] + asked.fields["X-Request-Id"]))
    popnet = stage.popnet([site("a", [origin])])
    for number, name in enumerate(names):
        bodies = [popnet.connect(stage.address()).ask(f"/{number}", "a.test").answer().body for _ in range(2)]
        check(f"{name}: to each his own", bodies[0] != bodies[1], bodies)


@scene
def confirmed_for_each(stage):
    """Section 5.2.2.4: no-cache wants each use confirmed; what is fresh again after a 304 is so for all who wait."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for path, directive, times in (("/each", "no-cache", 2), ("/all", "max-age=600", 1)):
        client = popnet.connect().ask(path, "a.test")
        origin.request().answer(200, {**AGED, CC: directive}, "hello")
        client.answer()
        confirm = lambda asked, directive=directive: asked.answer(304, {**TAG, CC: directive})
        got, asked = together(stage, popnet, origin, path, (ALICE, BOB), confirm)
        equal(f"{directive}: answers, requests", ([answer.body for answer in got], asked), ([b"hello"] * 2, times))


@scene
def what_refreshes(stage):
    """Sections 3.5, 5.2.1.5, 5.2.2.5, 5.2.2.7: what may not be stored does not make what is stored fresh for all."""
    now, asked_of = {}, {}

    def answer(asked):
        asked_of.setdefault(asked.path, []).append(asked)
        if asked.method == "HEAD" or asked.fields["If-None-Match"]:
            return asked.answer(200 if asked.method == "HEAD" else 304, {**TAG, **now.get(asked.path, FRESH), "Content-Length": "5" if asked.method == "HEAD" else None})
        return asked.answer(200, AGED if len(asked_of[asked.path]) == 1 else {CC: "no-store"}, "hello")

    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    for number, (what, fields, user, method) in enumerate((
            ("304 with no-store", {CC: "no-store, max-age=600"}, {}, "GET"), ("304 with private", {CC: "private, max-age=600"}, {}, "GET"),
            ("304 with a targeted no-store", {**FRESH, "CDN-Cache-Control": "no-store"}, {}, "GET"),
            ("304 to Authorization", FRESH, AUTHORIZED, "GET"), ("304 to no-store", FRESH, UNSTORED, "GET"),
            ("200 to HEAD with Authorization", FRESH, AUTHORIZED, "HEAD"), ("200 to HEAD with no-store", {CC: "no-store, max-age=600"}, {CC: "no-cache"}, "HEAD"))):
        path = f"/{number}"
        now[path] = fields
        ask(popnet, path)
        answered = ask(popnet, path, user, method)
        equal(f"{what}: is answered", (answered.status, answered.body), (200, b"" if method == "HEAD" else b"hello"))
        before = len(asked_of[path])
        check("and the next user's request reaches the origin", not ask(popnet, path).hit and len(asked_of[path]) > before)
    ask(popnet, "/public")
    now["/public"] = {CC: "max-age=600, public"}
    ask(popnet, "/public", AUTHORIZED)
    check("304 to Authorization that says public refreshes it", ask(popnet, "/public").hit)


@scene
def confirmed_for_one(stage):
    """RFC 9111 section 4.3.3: a 304 that refreshes nothing for others is an answer to the one who asked: one request for each."""
    said = {}
    bodies = {"short": "hello", "long": FILE}

    def answer(asked):
        if asked.fields["If-None-Match"]:
            return asked.answer(304, {**TAG, **said, "X-Told": asked.fields["Cookie"], "Set-Cookie": "own"})
        return asked.answer(200, {**AGED, "X-Told": "first"}, bodies[asked.path.split("-")[1]])

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    for number, (what, fields, user, stays) in enumerate((
            ("Authorization", FRESH, AUTHORIZED, True), ("no-store of the request", FRESH, UNSTORED, True),
            ("both, and no-store of the answer", {CC: "no-store"}, {**AUTHORIZED, **UNSTORED}, True), ("no-cache too", FRESH, {**AUTHORIZED, CC: "no-cache"}, True),
            ("no-store", {CC: "no-store"}, {}, False), ("private", {CC: "private, max-age=600"}, {}, False))):
        for length, body in bodies.items():
            path = f"/{number}-{length}"
            said.clear()
            said.update(fields)
            ask(popnet, path)
            before = len(origin.asked)
            got = ask(popnet, path, {**user, **ALICE})
            equal(f"{what}, {length}: one request", ([asked.fields["If-None-Match"] for asked in origin.asked[before:]], got.status, got.body), (['"v1"'], 200, body.encode()))
            equal("its own fields", (got.fields["X-Told"], got.fields["Set-Cookie"], got.fields[CC], got.fields["Age"]), (ALICE["Cookie"], "own", fields[CC], ""))
            equal("and what is said of it", got.fields["Cache-Status"], "popnet-local; fwd=stale; fwd-status=304")
            before = len(origin.asked)
            if stays:
                part = ask(popnet, path, {**user, **BOB, "Range": "bytes=1-2"})
                equal("a range", (part.status, part.body, part.fields["X-Told"]), (206, body[1:3].encode(), BOB["Cookie"]))
                equal("a condition", ask(popnet, path, {**user, "If-None-Match": '"v1"'}).status, 304)
                equal("one request for each, too", [asked.fields["If-None-Match"] for asked in origin.asked[before:]], ['"v1"'] * 2)
                said.update(FRESH)
                again = ask(popnet, path)
                equal("who may refresh it does, and finds nobody's fields", (again.body, again.fields["X-Told"], ask(popnet, path).hit), (body.encode(), "", True))
            else:
                ask(popnet, path)
                equal("what the origin wants nobody to store is gone", origin.asked[-1].fields["If-None-Match"], "")
    for fields, user in ((FRESH, AUTHORIZED), ({CC: "no-store"}, {})):
        def slice_of(asked, fields=fields):
            if asked.fields["If-None-Match"]:
                return asked.answer(304, {**TAG, **fields, "X-Told": asked.fields["Cookie"]})
            first, last = (int(place) for place in asked.fields["Range"].removeprefix("bytes=").split("-"))
            last = min(last, len(FILE) - 1)
            return asked.answer(206, {**AGED, "Content-Range": f"bytes {first}-{last}/{len(FILE)}"}, FILE[first:last + 1])

        origin = stage.origin(slice_of)
        popnet = stage.popnet([site("a", [origin], cache={"slice": "64KiB"})])
        ask(popnet, "/", {"Range": "bytes=0-9"})
        got = ask(popnet, "/", {**user, **ALICE})
        equal("an object in slices", (got.status, got.body == FILE.encode(), got.fields["X-Told"], got.fields[CC]), (200, True, ALICE["Cookie"], fields[CC]))
        equal("its first slice is here, its second is not", [asked.fields["If-None-Match"] for asked in origin.asked], ["", '"v1"', ""])
        if user:
            got = ask(popnet, "/", {**user, **BOB, "Range": "bytes=70000-70009"})
            equal("a range of it", (got.status, got.body, got.fields["X-Told"]), (206, FILE[70000:70010].encode(), BOB["Cookie"]))
            equal("the slice was one user's", [asked.fields["If-None-Match"] for asked in origin.asked[3:]], ['"v1"', ""])

    told = {"Content-Range": "bytes 1-3/5"}
    origin = stage.origin(lambda asked: asked.answer(304, {**TAG, **FRESH}) if asked.fields["If-None-Match"] else asked.answer(206, {**AGED, **told}, "ell"))
    popnet = stage.popnet([site("a", [origin])])
    for user in ({}, AUTHORIZED):
        got = ask(popnet, "/part", {**user, "Range": "bytes=1-3"})
        equal("a part", (got.status, got.body, got.fields["Content-Range"]), (206, b"ell", "bytes 1-3/5"))
    equal("one request for each", [asked.fields["If-None-Match"] for asked in origin.asked], ["", '"v1"'])

    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for path, body in bodies.items():
        client = popnet.connect().ask(f"/{path}", "a.test")
        origin.request().answer(200, AGED, body)
        client.answer()
        users = [{**AUTHORIZED, **ALICE}, {**AUTHORIZED, **BOB}, {"Cookie": "user=everybody"}]
        confirm = lambda asked: asked.answer(304, {**FRESH, **TAG, "X-Told": asked.fields["Cookie"]})
        got, asked = together(stage, popnet, origin, f"/{path}", users, confirm)
        equal(f"{path}: who waits", ([answer.body for answer in got], asked <= 3), ([body.encode()] * 3, True))
        for user, answer in zip(users, got):  # what came without Authorization is for all
            equal("gets his own, or what is for everybody", answer.fields["X-Told"] in (user["Cookie"], "user=everybody"), True)


@scene
def parts(stage):
    """The same for the rest of a stored part, and for a slice of a stored object."""
    asked_of = {}

    def answer(asked):
        asked_of.setdefault(asked.path, []).append(asked)
        span = asked.fields["Range"]
        fields = {**FRESH, **TAG}
        if asked.path == "/unstored" and len(asked_of[asked.path]) > 1:
            fields[CC] = "no-store"
        if not span:
            return asked.answer(200, fields, FILE)
        first, last = span.removeprefix("bytes=").split("-")
        last = min(int(last or len(FILE)), len(FILE) - 1)
        return asked.answer(206, {**fields, "Content-Range": f"bytes {first}-{last}/{len(FILE)}"}, FILE[int(first):last + 1])

    for slices in ({}, {"slice": "64KiB"}):
        asked_of.clear()
        popnet = stage.popnet([site("a", [stage.origin(answer)], cache=slices)])
        beginning = {"Range": "bytes=0-65535"}
        for path, user in (("/authorized", AUTHORIZED), ("/wish", UNSTORED), ("/unstored", {})):
            equal("the beginning", len(ask(popnet, path, beginning).body), 65536)
            equal(f"{path} {slices}: all of it", ask(popnet, path, user).body, FILE.encode())
            before = len(asked_of[path])
            equal("the end, to another", ask(popnet, path, {"Range": "bytes=70000-70009"}).body, FILE[70000:70010].encode())
            equal("has been asked for anew", len(asked_of[path]), before + 1)


@scene
def waiting_for_a_slice(stage):
    """Who waits for a slice that turns out to be another's alone gets one of his own."""
    def slice_of(asked, fields):
        first, last = (int(place) for place in asked.fields["Range"].removeprefix("bytes=").split("-"))
        last = min(last, len(FILE) - 1)
        asked.answer(206, {**fields, **TAG, "Content-Range": f"bytes {first}-{last}/{len(FILE)}"}, FILE[first:last + 1])

    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], cache={"slice": "64KiB"})])
    client = popnet.connect().ask("/", "a.test", fields={"Range": "bytes=0-9"})
    slice_of(origin.request(), FRESH)
    equal("the head is stored, and the first slice", client.answer().status, 206)
    clients = [popnet.connect().ask("/", "a.test", fields={"Range": "bytes=70000-70009", **user}) for user in (ALICE, BOB)]
    first = origin.request()
    until("both wait", lambda: popnet.counter("popnet_http_store_waiting") == 2)
    slice_of(first, {CC: "private"})
    second = origin.request()
    equal("for one and the other", {asked.fields["Cookie"] for asked in (first, second)}, {ALICE["Cookie"], BOB["Cookie"]})
    slice_of(second, {CC: "private"})
    equal("each has it", [client.answer().body for client in clients], [FILE[70000:70010].encode()] * 2)


@scene
def older_than_what_is_stored(stage):
    """An answer that was asked for before the stored one, and made before it, does not take its place, whoever asked."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    public = {CC: "public, max-age=600"}
    slow = popnet.connect().ask("/", "a.test")
    before = origin.request()
    quick = popnet.connect().ask("/", "a.test", fields=AUTHORIZED)
    origin.request().answer(200, {**public, "Date": http_date()}, "new")
    equal("the later one", quick.answer().body, b"new")
    before.answer(200, {**public, "Date": http_date(-60)}, "old")
    equal("the earlier one, for its user", slow.answer().body, b"old")
    equal("what others get", ask(popnet, "/").body, b"new")

    slow = popnet.connect().ask("/part", "a.test", fields={"Range": "bytes=1-2"})
    before = origin.request()
    quick = popnet.connect().ask("/part", "a.test", fields=AUTHORIZED)
    origin.request().answer(200, {**public, "Date": http_date()}, "new")
    equal("the later one", quick.answer().body, b"new")
    before.answer(206, {**public, **TAG, "Date": http_date(-60), "Content-Range": "bytes 1-2/3"}, "ld")
    answer = slow.answer()
    equal("a part of the earlier one", (answer.status, answer.body), (206, b"ld"))
    equal("RFC 9110 s15.3.7 and where it lies", answer.fields["Content-Range"], "bytes 1-2/3")
    equal("what others get", ask(popnet, "/part").body, b"new")

    first = popnet.connect().ask("/304", "a.test")
    origin.request().answer(200, AGED, "old")
    first.answer()
    slow = popnet.connect().ask("/304", "a.test")
    before = origin.request()
    quick = popnet.connect().ask("/304", "a.test", fields={"If-Match": "*"})  # is the origin's to judge
    origin.request().answer(200, {**public, "Date": http_date(), "ETag": '"v2"'}, "new")
    equal("the later one", quick.answer().body, b"new")
    before.answer(304, {**public, **TAG, "Date": http_date(-60)})
    origin.serve_until(slow, lambda asked: asked.answer(200, {**public, "ETag": '"v2"'}, "new"))
    equal("who was told of the earlier one", slow.answer().body, b"new")
    equal("what others get", ask(popnet, "/304").body, b"new")


@scene
def nobody_takes_it_away(stage):
    """An answer that cannot be shared leaves what is stored for others: no single user makes a busy object cost its origin more."""
    vary = {**FRESH, "Vary": "Cookie"}

    def answer(asked):
        if "alice" in asked.fields["Cookie"]:
            return asked.answer(200, {CC: "private", "Vary": "Cookie"}, "hello Alice")
        if "bob" in asked.fields["Cookie"]:
            return asked.answer(403, {}, "not you")
        if "bad" in asked.fields["Cookie"]:
            return asked.answer(400, {"Vary": "Cookie"}, "what?")
        if asked.fields["If-None-Match"] == '"v1"':
            return asked.answer(304, {**vary, **TAG})
        return asked.answer(200, vary, "hello")

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    ask(popnet, "/")
    for what, user in (("another's private page", ALICE), ("a refusal", BOB),
                       ("a request that its server does not like", {"Cookie": "bad", CC: "no-cache"}),
                       ("a 304 to conditions that only the origin can judge", {"If-Unmodified-Since": http_date(), "If-None-Match": '"v1"'}),
                       ("no-cache, no-store", {CC: "no-cache, no-store"}),
                       ("no-cache with Authorization", {**AUTHORIZED, CC: "no-cache"}), ("a range beyond the end", {"Range": "bytes=99-", CC: "no-cache"})):
        before = len(origin.asked)
        ask(popnet, "/", user)
        check(f"{what} comes from the origin", len(origin.asked) > before)
        check("the page is still stored", ask(popnet, "/").hit)


@scene
def variants_at_once(stage):
    """RFC 9111 section 4.1: users of many variants who ask at once wait for one fill, to learn that it varies, and then for that of their own."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    answer = lambda asked: asked.answer(200, {**FRESH, "Vary": "Cookie"}, asked.fields["Cookie"])
    users = [f"user={number % 20}" for number in range(60)]
    clients = [popnet.connect().ask("/", "a.test", fields={"Cookie": user}) for user in users]
    until("all wait", lambda: popnet.counter("popnet_http_store_waiting") == 60)
    answer(origin.request())
    others = [origin.request() for _ in range(19)]  # before any of them is answered
    equal("each variant is asked for once", len({asked.fields["Cookie"] for asked in origin.asked}), 20)
    until("who wants the same waits for it", lambda: popnet.counter("popnet_http_store_waiting") == 57)
    for asked in others:
        answer(asked)
    equal("to each his own", [client.answer().body.decode() for client in clients], users)
    equal("requests to the origin", len(origin.asked), 20)
    check("no more than that", origin.idle())
    for what, options, wanted in (("a part", {}, {"Range": "bytes=0-4"}), ("slices", {"slice": "64KiB"}, {})):
        origin = stage.origin()
        popnet = stage.popnet([site("a", [origin], cache=options)])
        users = [{"Cookie": f"user={number % 3}", **wanted} for number in range(12)]
        clients = [popnet.connect().ask("/", "a.test", fields=user) for user in users]
        until("all wait", lambda: popnet.counter("popnet_http_store_waiting") == 12)
        part = lambda asked: asked.answer(206, {**FRESH, "ETag": f'"{asked.fields["Cookie"]}"', "Vary": "Cookie", "Content-Range": "bytes 0-4/5"},
                                          asked.fields["Cookie"][-1] * 5)
        part(origin.request())
        for asked in [origin.request(), origin.request()]:
            part(asked)
        equal(f"{what}: to each his own", [client.answer().body.decode() for client in clients], [user["Cookie"][-1] * 5 for user in users])
        check("one request for each variant", origin.idle())


@scene
def conditions_of_what_is_not_stored(stage):
    """Section 4.3.2: what can only be one user's is asked for with his conditions and his range, so that 304 and 206 are possible."""
    def answer(asked):
        if asked.fields["If-None-Match"] == '"v1"':
            return asked.answer(304, TAG)
        if asked.fields["Range"] == "bytes=1-3":
            return asked.answer(206, {CC: "private", **TAG, "Content-Range": "bytes 1-3/5"}, "ell")
        return asked.answer(200, {CC: "private", **TAG}, "hello")

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    equal("the first time the edge judges", ask(popnet, "/", {"If-None-Match": '"v1"'}).status, 304)
    equal("as nobody knew that it cannot be stored", origin.asked[-1].fields["If-None-Match"], "")
    equal("then the origin", ask(popnet, "/", {"If-None-Match": '"v1"'}).status, 304)
    equal("by the user's own tag", origin.asked[-1].fields["If-None-Match"], '"v1"')
    equal("another tag", ask(popnet, "/", {"If-None-Match": '"v0"'}).body, b"hello")
    part = ask(popnet, "/", {"Range": "bytes=1-3"})
    equal("a part", (part.status, part.body, part.fields["Content-Range"]), (206, b"ell", "bytes 1-3/5"))
    equal("the first time too", ask(popnet, "/new", {"Range": "bytes=1-3"}).body, b"ell")
    equal("one with Authorization", ask(popnet, "/own", {**AUTHORIZED, "If-None-Match": '"v1"'}).status, 304)
    equal("is the origin's at once", origin.asked[-1].fields["If-None-Match"], '"v1"')


@scene
def a_head_when_the_origin_fails(stage):
    """RFC 5861 section 4 holds for HEAD as for GET."""
    status = [200]
    popnet = stage.popnet([site("a", [stage.origin(lambda asked: asked.answer(status[0], {**AGED, CC: "max-age=600, stale-if-error=6000"}, "hello"))])])
    ask(popnet, "/")
    status[0] = 503
    for method in ("HEAD", "GET"):
        equal(method, ask(popnet, "/", method=method).status, 200)
        equal(f"{method} with a condition (RFC 9111 s4.3.2)", ask(popnet, "/", {"If-None-Match": '"v1"'}, method).status, 304)


@scene
def what_a_head_makes_stale(stage):
    """RFC 9111 section 4.3.5: a HEAD of another version makes stale what a GET like it would get: no other variant, and only if others may have it."""
    version, fields = {}, {}

    def answer(asked):
        tag = f'"{asked.fields["X-User"]}{version.get(asked.path, 1)}"'
        if asked.fields["Range"]:
            return asked.answer(206, {CC: "max-age=600", "ETag": tag, "Content-Range": "bytes 0-1/5"}, "he")
        return asked.answer(200, {"Vary": "X-User", CC: "max-age=600", "ETag": tag, **(fields if asked.method == "HEAD" else {})}, "hello")

    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    again = {CC: "no-cache"}
    for path, how, said, stale in (("/", {}, {}, True), ("/a", AUTHORIZED, {}, False), ("/n", UNSTORED, {}, False), ("/s", {}, {CC: "no-store"}, False),
                                   ("/p", {}, {CC: "private"}, False), ("/public", AUTHORIZED, {CC: "public, max-age=600"}, True)):
        version.pop(path, None)
        for user in ("alice", "bob"):
            ask(popnet, path, {"X-User": user})
        version[path], fields = 2, said
        ask(popnet, path, {"X-User": "alice", **again, **how}, "HEAD")
        equal(f"{path} {how} {said}: stale", not ask(popnet, path, {"X-User": "alice"}).hit, stale)
        check("another variant stays", ask(popnet, path, {"X-User": "bob"}).hit)
    ask(popnet, "/part", {"Range": "bytes=0-1"})
    version["/part"] = 2
    ask(popnet, "/part", again, "HEAD")
    check("a part of the old version is stale", not ask(popnet, "/part", {"Range": "bytes=0-1"}).hit)

    gone = lambda asked: asked.answer(200 if asked.method == "HEAD" else int(asked.path[1:4]), {CC: "max-age=600", **(TAG if asked.path.endswith("t") else {})}, "hello")
    popnet = stage.popnet([site("a", [stage.origin(gone)])])
    for status in (301, 404, 410, 500):
        for path in (f"/{status}", f"/{status}t"):
            ask(popnet, path)
            check(f"{path} is stored", ask(popnet, path).hit)
            ask(popnet, path, again, "HEAD")
            check(f"{path}: a GET would have been answered with 200, too", not ask(popnet, path).hit)


if __name__ == "__main__":
    run()
