#!/usr/bin/env python3
"""Parts of objects (206): stored however they are framed, side by side, joined where they meet, never with another version."""
import re

from play import check, equal, http_date, run, scene, site, until

WHOLE = "0123456789"
FRESH = {"Cache-Control": "max-age=600", "ETag": '"v1"'}
MEDIUM = "".join(f"{at:09d}\n" for at in range(500_000))
FRAMINGS = ("length", "chunked", "close")


def wanted(asked, size=len(WHOLE)):
    """First and last byte of what was asked for; none: the whole."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.fields["Range"])
    if not found:
        return None
    first, last = found.groups()
    return (int(first), min(int(last or size - 1), size - 1)) if first else (size - int(last), size - 1)


def send_part(asked, place, framing="length", body=None, fields=FRESH, whole=WHOLE):
    """The 206 with those bytes (or that body), framed so."""
    body = whole[place[0]:place[1] + 1] if body is None else body
    head = {**fields, "Content-Range": f"bytes {place[0]}-{place[1]}/{len(whole)}"}
    if framing == "length":
        return asked.answer(206, head, body)
    if framing == "chunked":
        half = len(body) // 2
        chunks = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in (body[:half], body[half:]) if piece)
        return asked.start(206, {**head, "Transfer-Encoding": "chunked"}).send(chunks + "0\r\n\r\n")
    return asked.start(206, head).send(body).close()


@scene
def however_framed(stage):
    """RFC 9110 section 15.3.7: without Content-Length it is Content-Range that says how many bytes there are."""
    def answer(asked):
        place = wanted(asked)
        return send_part(asked, place, asked.path.split("/")[1]) if place else asked.answer(200, FRESH, WHOLE)

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    for framing in FRAMINGS:
        first = popnet.get(f"/{framing}", "a.test", range="bytes=0-5")
        equal(f"{framing}: the part", (first.status, first.body, first.fields["Content-Range"]), (206, b"012345", "bytes 0-5/10"))
        part = popnet.get(f"/{framing}", "a.test", range="bytes=2-3")
        equal("a hit within it", (part.status, part.body, part.hit), (206, b"23", True))
        full = popnet.get(f"/{framing}", "a.test")
        equal("the whole, by what was missing", (full.status, full.body, origin.asked[-1].fields["Range"]), (200, WHOLE.encode(), "bytes=6-9"))
        check("is stored", popnet.get(f"/{framing}", "a.test").hit)
        popnet.get(f"/{framing}/all", "a.test", range="bytes=0-9")
        check("a part that is all of it answers all", popnet.get(f"/{framing}/all", "a.test").hit)


@scene
def of_unknown_length(stage):
    """RFC 9110 section 14.4: "bytes 2-7/*" leaves open how much there is: what lies within is served, ends of the whole are not guessed."""
    def answer(asked):
        place = wanted(asked)
        if not place:
            return asked.answer(200, FRESH, WHOLE)
        return asked.answer(206, {**FRESH, "Content-Range": f"bytes {place[0]}-{place[1]}/*"}, WHOLE[place[0]:place[1] + 1])

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin]), site("s", [origin], cache={"slice": "64KiB"})])

    def get(text, host="a.test", path="/"):
        got = popnet.get(path, host, range=f"bytes={text}")
        return got.status, got.body, got.fields["Content-Range"], got.hit

    equal("the part", get("2-4"), (206, b"234", "bytes 2-4/*", False))
    equal("a hit within it", get("3-4"), (206, b"34", "bytes 3-4/*", True))
    equal("a 304 of it", popnet.get("/", "a.test", range="bytes=2-4", if_none_match='"v1"').status, 304)
    for text, body in (("3-", b"3456789"), ("-3", b"789")):
        equal(f"{text}: the end is the origin's to know", get(text)[:2], (206, body))
        equal("asked", origin.asked[-1].fields["Range"], f"bytes={text}")
    equal("together with what adjoins", (get("0-1")[3], get("1-3")), (False, (206, b"123", "bytes 1-3/*", True)))
    check("a HEAD, which knows the length, takes nothing away", popnet.get("/", "a.test", method="HEAD").status == 200 and get("2-4")[3])
    full = popnet.get("/", "a.test")
    equal("the whole, without a guess at what is missing", (full.status, full.body, "Range" in origin.asked[-1].fields), (200, WHOLE.encode(), False))
    equal("is stored", get("3-4"), (206, b"34", "bytes 3-4/10", True))
    equal("a part that the origin is asked for anew", popnet.get("/", "a.test", range="bytes=3-4", if_match='"v1"').body, b"34")
    check("leaves the whole where it is", popnet.get("/", "a.test").hit)
    equal("no slices of it", get("3-4", "s.test", "/slices")[:3], (206, b"34", "bytes 3-4/*"))


def sizes_by_request(asked):
    """Says how large the whole is as the request's X-Size has it."""
    place = wanted(asked)
    tag = {"Cache-Tag": asked.fields["X-Tag"]} if "X-Tag" in asked.fields else {}
    if asked.fields["If-None-Match"] == FRESH["ETag"]:
        return asked.answer(304, FRESH)
    if not place:
        return asked.answer(200, {**FRESH, **tag}, WHOLE)
    size = asked.fields["X-Size"] or len(WHOLE)
    return asked.answer(206, {**FRESH, **tag, "Content-Range": f"bytes {place[0]}-{place[1]}/{size}"}, WHOLE[place[0]:place[1] + 1])


@scene
def beside_those_of_unknown_length(stage):
    """RFC 9110 section 14.4: an origin that says how large the whole is with some parts and not with others; of one version none ends another."""
    origin = stage.origin(sizes_by_request)
    popnet = stage.popnet([site("a", [origin])])

    def get(path, text, size="10", **fields):
        got = popnet.get(path, "a.test", range=f"bytes={text}", x_size=size, **fields)
        equal(f"{path}: {text}", (got.status, got.body), (206, WHOLE[int(text[0]):int(text[2]) + 1].encode()))
        return got.hit

    for path, first, second in (("/then", "10", "*"), ("/before", "*", "10"), ("/both", "*", "*")):
        get(path, "0-1", first), get(path, "6-8", second)
        check(f"{first}, then {second}: both are hits", get(path, "0-1") and get(path, "6-8"))
    get("/behind", "0-1"), get("/behind", "4-5", "*"), get("/behind", "8-8", "9")
    check("of another length: gone", not get("/behind", "0-1"))
    for soft in (True, False):
        for text, size in (("0-1", "10"), ("4-5", "*"), ("8-9", "*")):
            get("/purged", text, size)
        popnet.api("POST", "/v1/purge", {"url": "http://a.test/purged", "soft": soft})
        check("a purge is of all of them", not any([get("/purged", "4-5", "*"), get("/purged", "0-1"), get("/purged", "8-9", "*")]))
        check("and each that comes again, or is confirmed, leaves the others", get("/purged", "4-5") and get("/purged", "0-1") and get("/purged", "8-9"))


@scene
def with_those_of_unknown_length(stage):
    """RFC 9111 section 3.4: parts of one version are used together, and completed, whether or not each of them says how large the whole is."""
    origin = stage.origin(sizes_by_request)
    popnet = stage.popnet([site("a", [origin])])

    def store(path, *parts):
        for text, size in parts:
            equal(f"{path}: {text}/{size}", popnet.get(path, "a.test", range=f"bytes={text}", x_size=size).fields["Content-Range"], f"bytes {text}/{size}")

    def whole(path, missing, **fields):
        before = len(origin.asked)
        full = popnet.get(path, "a.test", **fields)
        equal(f"{path}: the whole", (full.status, full.body), (200, WHOLE.encode()))
        equal("by what was missing", [asked.fields["Range"] for asked in origin.asked[before:]], missing)
        check("is stored", popnet.get(path, "a.test").hit)

    def part(path, text, size):
        got = popnet.get(path, "a.test", range=f"bytes={text}")
        equal(f"{path}: {text} together", (got.body, got.fields["Content-Range"], got.hit), (WHOLE[int(text[0]):int(text[2]) + 1].encode(), f"bytes {text}/{size}", True))

    store("/elsewhere", ("0-3", "10"), ("6-6", "*"))
    whole("/elsewhere", ["bytes=4-9"])
    store("/begins", ("0-3", "*"), ("6-9", "10"))
    whole("/begins", ["bytes=4-5"])
    store("/ends", ("6-9", "10"), ("0-3", "*"))
    whole("/ends", ["bytes=4-5"])
    store("/rest", ("0-3", "10"), ("6-6", "*"))
    whole("/rest", ["bytes=4-9", ""], x_size="*")  # and that rest is of no use
    store("/unknown", ("0-3", "*"), ("6-9", "*"))
    whole("/unknown", [""])
    store("/last", ("0-8", "*"), ("9-9", "10"))
    whole("/last", [])
    store("/cover", ("0-1", "10"), ("4-5", "10"), ("2-3", "*"))
    part("/cover", "1-4", 10), part("/cover", "2-4", 10), part("/cover", "4-5", 10)
    store("/open", ("0-1", "*"), ("2-3", "*"))
    part("/open", "1-2", "*")
    store("/open", ("6-7", "10"))
    part("/open", "1-2", 10)
    store("/joined", ("2-3", "*"), ("4-6", "10"))
    part("/joined", "2-6", 10)
    for parts in ((("2-3", "*"), ("4-6", "10")), (("4-6", "10"), ("2-3", "*"))):
        for text, size in parts:
            popnet.get("/tags", "a.test", range=f"bytes={text}", x_size=size, x_tag="red" if size == "*" else "blue")
        part("/tags", "2-6", 10)
        popnet.api("POST", "/v1/purge", {"site": "a", "tags": ["red"]})
        check("together they are gone with the tags of each", not popnet.get("/tags", "a.test", range="bytes=2-6").hit)
        popnet.api("POST", "/v1/purge", {"site": "a"})


@scene
def of_another_length(stage):
    """A body that is not as long as its Content-Range says breaks off, is not stored, and what is stored stays."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    for framing, body in (("chunked", "01"), ("chunked", "0123456"), ("close", "01")):
        path = f"/{framing}{len(body)}"
        client = popnet.connect().ask(path, "a.test", fields={"Range": "bytes=0-3"})
        send_part(origin.request(), (0, 3), framing, body)
        failed = " 502 " in client.read_head()[0]  # it was all there before any of it was used
        check(f"{len(body)} bytes of 4, {framing}: an error, or it breaks off", failed or len(client.read_to_end()) < 4)
        again = popnet.connect().ask(path, "a.test", fields={"Range": "bytes=0-3"})
        send_part(origin.request(), (0, 3))
        equal("the next one asks anew", again.answer().body, b"0123")
        other = popnet.connect().ask(path, "a.test", fields={"Range": "bytes=4-9"})
        asked = origin.request()
        asked.answer(206, {**FRESH, "Content-Range": "bytes 4-9/10"}, "45")
        equal("a length that contradicts is passed on", other.answer().body, b"45")
        check("and ends nothing", popnet.get(path, "a.test", range="bytes=0-3").hit)
    client = popnet.connect().ask("/own", "a.test", fields={"Range": "bytes=0-9"})
    send_part(origin.request(), (0, 9), "close", "01234", {"Cache-Control": "private"})
    client.read_head()
    check("one user's own that is too short breaks off too", b"\r\n0\r\n\r\n" not in client.read_to_end())


@scene
def seeking(stage):
    """Parts that do not touch lie side by side: who goes back to one finds it, and none is fetched twice."""
    origin = stage.origin(lambda asked: send_part(asked, wanted(asked, 5_000_000), whole=MEDIUM))
    popnet = stage.popnet([site("a", [origin])])
    seen = [(at, at + 99_999) for at in (0, 4_000_000, 2_000_000, 700_000)]
    for turn in (False, True):
        for first, last in seen:
            part = popnet.get("/film", "a.test", range=f"bytes={first}-{last}")
            equal(f"{first}-{last}", (part.status, part.body == MEDIUM[first:last + 1].encode(), part.hit), (206, True, turn))
    equal("each was asked for once", len(origin.asked), len(seen))
    inner = popnet.get("/film", "a.test", range="bytes=2000010-2000019")
    equal("a hit within one", (inner.body, inner.hit), (MEDIUM[2_000_010:2_000_020].encode(), True))


@scene
def joined(stage):
    """RFC 9111 section 3.4: parts that adjoin or overlap become one, whichever comes first; all of them, the whole."""
    origin = stage.origin(lambda asked: send_part(asked, wanted(asked)))
    popnet = stage.popnet([site("a", [origin])])

    def get(path, text):
        return popnet.get(path, "a.test", range=f"bytes={text}")

    for path, first, second in (("/up", "2-3", "4-6"), ("/down", "4-6", "2-3"), ("/over", "2-4", "3-6"), ("/in", "3-4", "2-6")):
        get(path, first)
        answer = get(path, second)
        low, high = map(int, second.split("-"))
        equal(f"{path}: what was asked for", (answer.body, answer.fields["Content-Range"]), (WHOLE[low:high + 1].encode(), f"bytes {second}/10"))
        both = get(path, "2-6")
        equal("both", (both.body, both.hit), (b"23456", True))
    for path, parts in (("/bridge", ("0-2", "7-9", "3-6")), ("/last", ("0-4", "5-9")), ("/first", ("5-9", "0-4"))):
        asked = len(origin.asked)
        for part in parts:
            get(path, part)
        full = popnet.get(path, "a.test")
        equal(f"{path}: all of them", (full.status, full.body, full.hit, len(origin.asked) - asked), (200, WHOLE.encode(), True, len(parts)))
    get("/gap", "0-2"), get("/gap", "8-9"), get("/gap", "5-5")
    equal("the whole, by one request for what lies between", (popnet.get("/gap", "a.test").body, origin.asked[-1].fields["Range"]), (WHOLE.encode(), "bytes=3-7"))
    check("is stored", popnet.get("/gap", "a.test").hit)


@scene
def many_small_ones(stage):
    """Small ranges one after the other become few objects; what is kept beside each other is bounded."""
    origin = stage.origin(lambda asked: send_part(asked, wanted(asked, 5_000_000), whole=MEDIUM))
    popnet = stage.popnet([site("a", [origin])])
    for first in range(0, 4_000_000, 100_000):
        popnet.get("/film", "a.test", range=f"bytes={first}-{first + 99_999}")
    check("of a MiB each", 1 <= popnet.counter("popnet_http_store_objects") <= 5, popnet.counter("popnet_http_store_objects"))
    asked = len(origin.asked)
    for first in range(0, 4_000_000, 100_000):
        check(f"{first} is there", popnet.get("/film", "a.test", range=f"bytes={first}-{first + 99_999}").hit)
    for first in range(1, 80, 2):
        popnet.get("/dust", "a.test", range=f"bytes={first * 60_000}-{first * 60_000 + 9}")
    check("bounded", popnet.counter("popnet_http_store_objects") <= 5 + 33, popnet.counter("popnet_http_store_objects"))
    check("the last ones stay", popnet.get("/dust", "a.test", range=f"bytes={79 * 60_000}-{79 * 60_000 + 9}").hit)
    equal("asked", len(origin.asked) - asked, 40)


@scene
def versions(stage):
    """Parts of two versions are never joined; a new version ends the old one's parts; without a strong validator there is one."""
    fields = {"Cache-Control": "max-age=600"}
    origin = stage.origin(lambda asked: send_part(asked, wanted(asked), fields={**fields, **tags[0]}, whole=whole[0]))
    popnet = stage.popnet([site("a", [origin])])
    whole = [WHOLE]
    for path, old, new in (("/tag", {"ETag": '"v1"'}, {"ETag": '"v2"'}), ("/weak", {"ETag": 'W/"v"'}, {"ETag": 'W/"v"'}), ("/none", {}, {})):
        tags, whole[0] = [old], WHOLE
        popnet.get(path, "a.test", range="bytes=0-2")
        popnet.get(path, "a.test", range="bytes=8-9")
        tags, whole[0] = [new], "abcdefghij"
        equal(f"{path}: of the new one", popnet.get(path, "a.test", range="bytes=3-5").body, b"def")
        for text, body in (("0-5", b"abcdef"), ("8-9", b"ij")):
            equal(f"{text}: nothing of the old one", popnet.get(path, "a.test", range=f"bytes={text}").body, body)


@scene
def beside_the_whole(stage):
    """A part without a strong validator does not take the place of a whole that is fresh, unless it is of another version."""
    now = {}

    def answer(asked):
        place = wanted(asked, len(now["whole"]))
        fields = {"Cache-Control": "max-age=600", **now["fields"]}
        return send_part(asked, place, fields=fields, whole=now["whole"]) if place else asked.answer(200, fields, now["whole"])

    weak, dated = {"ETag": 'W/"v1"'}, {"Last-Modified": http_date(60)}
    for options, reload in (({}, {"if_match": "*"}), ({"slice": "64KiB"}, {"cache_control": "no-cache"})):
        origin = stage.origin(answer)
        popnet = stage.popnet([site("a", [origin], cache=options)])
        whole = WHOLE * (1 + 200_000 // len(WHOLE)) if options else WHOLE
        for number, (what, fields, then, size, stays) in enumerate((
                ("none", {}, {}, len(whole), True), ("the same weak one", weak, weak, len(whole), True), ("the same date", dated, dated, len(whole), True),
                ("a weak one, then none", weak, {}, len(whole), True), ("another weak one", weak, {"ETag": 'W/"v2"'}, len(whole), False),
                ("none, and another size", {}, {}, len(whole) - 1, False))):
            now.update(whole=whole, fields=fields)
            path = f"/{number}"
            popnet.get(path, "a.test")
            check(f"{what}: the whole is stored", popnet.get(path, "a.test").hit)
            now.update(whole=whole[:size], fields=then)
            part = popnet.get(path, "a.test", range="bytes=2-3", **reload)
            equal("the part", (part.status, part.body), (206, whole[2:4].encode()))
            equal("comes from the origin", origin.asked[-1].fields["Range"], "bytes=2-3")
            equal("the whole stays", popnet.get(path, "a.test").hit, stays)


@scene
def over_the_whole(stage):
    """Who has parts sent by the origin one by one (If-Match is the origin's to judge) takes the whole of that version from nobody: not the 33rd, not
    one of an object in slices, fresh or stale, nor one of a whole that is still coming."""
    whole = WHOLE * 20_000

    def answer(asked):
        place = wanted(asked, len(whole)) if "Range" in asked.fields else None
        if asked.fields["If-None-Match"] == FRESH["ETag"]:
            return asked.answer(304, FRESH)
        return send_part(asked, place, whole=whole) if place else asked.answer(200, FRESH, whole)

    for options in ({}, {"slice": "64KiB"}):
        origin = stage.origin(answer)
        popnet = stage.popnet([site("a", [origin], cache=options)])
        popnet.get("/x", "a.test")
        for soft in (False, True):
            if soft:
                popnet.api("POST", "/v1/purge", {"site": "a", "soft": True})
            for at in range(0, 4 if soft else 200, 4):
                part = popnet.get("/x", "a.test", range=f"bytes={at}-{at + 1}", if_match='"v1"')
                equal(f"{at}", (part.status, part.body, origin.asked[-1].fields["If-Match"]), (206, whole[at:at + 2].encode(), '"v1"'))
            before = len(origin.asked)
            full = popnet.get("/x", "a.test")
            equal("the whole is there", (full.body == whole.encode(), full.hit), (True, not soft))
            equal("all that was asked of the origin is whether it holds", [a.fields["If-None-Match"] for a in origin.asked[before:]], ['"v1"'] * soft)
    for framing in ("length", "chunked"):
        origin = stage.origin()
        popnet = stage.popnet([site("a", [origin])])
        first = popnet.connect().ask("/x", "a.test")
        length = {"Content-Length": "10"} if framing == "length" else {"Transfer-Encoding": "chunked"}
        asked = origin.request().start(200, {**FRESH, **length})
        asked.send("01234") if framing == "length" else asked.chunk("01234")
        first.read_head()
        other = popnet.connect().ask("/x", "a.test", fields={"Range": "bytes=2-3", "If-Match": '"v1"'})
        send_part(origin.request(), (2, 3))
        equal("the part", other.answer().body, b"23")
        asked.send("56789") if framing == "length" else asked.chunk("56789").last_chunk()
        equal("the whole", first.read(10) if framing == "length" else first.read_chunked(), WHOLE.encode())
        again = popnet.connect().ask("/x", "a.test")
        origin.serve_until(again, lambda asked: asked.answer(500))
        equal("is stored", again.answer().hit, True)


@scene
def taken_away(stage):
    """A purge takes all parts, and what was joined from one with a tag; a 304 makes one of them fresh again."""
    fields = {**FRESH}
    origin = stage.origin(lambda asked: asked.answer(304, fields) if asked.fields["If-None-Match"] else send_part(asked, wanted(asked), fields=fields))
    popnet = stage.popnet([site("a", [origin])])

    def get(text):
        return popnet.get("/x", "a.test", range=f"bytes={text}")

    for order in ({"url": "http://a.test/x"}, {"site": "a"}, {"site": "a", "tags": ["red"]}):
        for text, fields["Cache-Tag"] in (("0-1", "red"), ("6-7", "red"), ("2-3", "blue")):
            get(text)
        check("joined", get("0-3").hit and get("6-7").hit)
        popnet.api("POST", "/v1/purge", order)
        check(f"all gone by {order}", not get("0-3").hit and not get("6-7").hit)
        popnet.api("POST", "/v1/purge", {"site": "a"})
    get("0-1"), get("6-7")
    popnet.api("POST", "/v1/purge", {"site": "a", "soft": True})
    part = get("6-7")
    equal("checked with the origin", (part.body, "fwd-status=304" in part.cache_status), (b"67", True))
    check("is fresh again", get("6-7").hit)
    equal("so is the other", ("fwd-status=304" in get("0-1").cache_status, get("0-1").hit), (True, True))


@scene
def together(stage):
    """RFC 9111 section 3.4: a range that several parts have together, and none alone, is a hit; while one of them may be used."""
    tag = ['"v1"']
    origin = stage.origin(lambda asked: send_part(asked, wanted(asked, 5_000_000), fields={**FRESH, "ETag": tag[0]}, whole=MEDIUM))
    popnet = stage.popnet([site("a", [origin])])

    def get(first, last, **fields):
        part = popnet.get("/film", "a.test", range=f"bytes={first}-{last}", **fields)
        equal(f"{first}-{last}", (part.status, part.body == MEDIUM[first:last + 1].encode(), part.fields["Content-Range"]),
              (206, True, f"bytes {first}-{last}/5000000"))
        return part.hit

    for first, last in ((0, 1_499_999), (1_400_000, 2_999_999), (3_000_000, 4_399_999)):
        check("asked for", not get(first, last))
    for first, last in ((0, 4_399_999), (1_499_990, 1_500_009), (2_999_999, 3_000_000), (1_450_000, 4_000_000), (1_399_999, 1_500_000)):
        check("a hit", get(first, last))
    check("so with If-Range", get(2_999_990, 3_000_009, if_range='"v1"'))
    equal("and If-None-Match", popnet.get("/film", "a.test", range="bytes=1000000-4000000", if_none_match='"v1"').status, 304)
    check("what is not all there is asked for", not get(4_399_990, 4_400_009))
    tail = popnet.get("/film", "a.test", range="bytes=-600010")
    equal("and so is a suffix", (tail.hit, len(tail.body)), (False, 600_010))
    check("which then has its place", get(1_000_000, 4_999_999))
    popnet.api("POST", "/v1/purge", {"site": "a", "soft": True})
    tag[0] = '"v2"'
    check("stale ones are not used", not get(1_000_000, 4_000_000))
    popnet.get("/film", "a.test", range="bytes=4000000-4999999")
    check("nor any of the old version", not get(0, 4_000_000))


@scene
def breaking_off(stage):
    """A part that breaks off takes nothing away: who asks for what is stored gets it meanwhile and after."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test", fields={"Range": "bytes=6-9"})
    send_part(origin.request(), (6, 9))
    client.answer()
    joining = popnet.connect().ask("/x", "a.test", fields={"Range": "bytes=2-5"})
    asked = origin.request().start(206, {**FRESH, "Content-Range": "bytes 2-5/10", "Content-Length": "4"}).send("2")
    joining.read_head()
    equal("the first byte", joining.read(1), b"2")
    check("what is stored is there while more of it comes", popnet.get("/x", "a.test", range="bytes=6-9").hit)
    asked.close()
    equal("it breaks off", joining.read_to_end(), b"")
    check("and stays", popnet.get("/x", "a.test", range="bytes=7-8").hit)


@scene
def broken_off(stage):
    """RFC 9111 section 3.3: what came of a body that broke off is a part: it serves ranges, and the rest is fetched when it is wanted."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])

    def broken(path, fields, status=200, head=None, came="01234"):
        client = popnet.connect().ask(path, "a.test", fields=fields)
        origin.request().start(status, {**FRESH, "Content-Length": "10", "X-Own": "kept", **(head or {})}).send(came).close()
        client.read_head()
        equal(f"{path}: broken off", client.read_to_end(), came.encode())

    broken("/x", {})
    part = popnet.get("/x", "a.test", range="bytes=1-3")
    equal("a range of it", (part.status, part.body, part.hit, part.fields["Content-Range"], part.fields["X-Own"]), (206, b"123", True, "bytes 1-3/10", "kept"))
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request()
    equal("the rest", (asked.fields["Range"], asked.fields["If-Range"]), ("bytes=5-9", '"v1"'))
    send_part(asked, (5, 9))
    equal("is the whole", client.answer().body, WHOLE.encode())
    check("stored", popnet.get("/x", "a.test").hit)
    broken("/part", {"Range": "bytes=2-7"}, 206, {"Content-Length": "6", "Content-Range": "bytes 2-7/10"}, "234")
    equal("of a part", popnet.get("/part", "a.test", range="bytes=2-4").body, b"234")
    for path, head in (("/weak", {"ETag": 'W/"v1"'}), ("/none", {"ETag": None}), ("/private", {"Cache-Control": "private"})):
        broken(path, {}, head=head)
        client = popnet.connect().ask(path, "a.test", fields={"Range": "bytes=0-3"})
        send_part(origin.request(), (0, 3))
        equal(f"{path}: nothing is kept", client.answer().body, b"0123")
    client = popnet.connect().ask("/old", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=1, stale-if-error=600", "Age": "9", "ETag": '"v0"'}, "old")
    client.answer()
    broken("/old", {})
    client = popnet.connect().ask("/old", "a.test")
    origin.request().answer(503)
    equal("the old whole is not given up for a piece of the new one", client.answer().body, b"old")


@scene
def users_who_leave(stage):
    """What was fetched for a user who has left is kept; no more is fetched for nobody."""
    whole = MEDIUM
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/film", "a.test", fields={"Range": "bytes=1000000-"})
    asked = origin.request().start(206, {**FRESH, "Content-Range": f"bytes 1000000-4999999/{len(whole)}", "Content-Length": "4000000"})
    asked.send(whole[1_000_000:1_600_000])
    client.read_head()
    client.read(600_000)
    client.close()
    sent = [1_600_000]

    def given_up():
        """The edge finds out that the user has left when it sends him more."""
        if asked.wire.readable():
            return True
        asked.send(whole[sent[0]:sent[0] + 1000])
        sent[0] += 1000
        return False

    until("the fetch is given up", given_up)
    check("long before its end", sent[0] < 3_000_000, sent)
    for first in (1_000_000, 1_599_000):
        part = popnet.get("/film", "a.test", range=f"bytes={first}-{first + 99}")
        equal(f"{first}: kept", (part.status, part.body, part.hit), (206, whole[first:first + 100].encode(), True))
    check("nobody was asked", origin.idle())


@scene
def slices_however_framed(stage):
    """Slices come so too."""
    whole = "".join(chr(ord("a") + at % 26) for at in range(200_000))
    for framing in FRAMINGS:
        origin = stage.origin(lambda asked, framing=framing: send_part(asked, wanted(asked, len(whole)), framing, whole=whole))
        popnet = stage.popnet([site("a", [origin], cache={"slice": "64KiB"})], name=framing)
        equal("the whole", popnet.get("/x", "a.test").body, whole.encode())
        equal("in slices", len(origin.asked), 4)
        again = popnet.get("/x", "a.test", range="bytes=70000-70009")
        equal("stored", (again.body, again.hit), (whole[70000:70010].encode(), True))


@scene
def less_than_was_asked_for(stage):
    """What an origin sends of a range is given on as that, whatever lies before it in the store; RFC 9110 section 15.3.7."""
    def answer(asked):
        first, last = wanted(asked, 5_000_000)
        send_part(asked, (first, min(last, first + 999)), whole=MEDIUM)

    popnet = stage.popnet([site("a", [stage.origin(answer)])])
    popnet.get("/x", "a.test", range="bytes=4000-4999")
    part = popnet.get("/x", "a.test", range="bytes=5000-8999")
    equal("the part of it that came", (part.status, part.fields["Content-Range"], part.body), (206, "bytes 5000-5999/5000000", MEDIUM[5000:6000].encode()))
    equal("and both are stored", popnet.get("/x", "a.test", range="bytes=4000-5999").hit, True)


@scene
def one_users_bytes_complete_nothing(stage):
    """A rest that sets a cookie is no part of what others get: the whole is asked for, for that user."""
    def answer(asked):
        place = wanted(asked)
        if place is None:
            return asked.answer(200, {**FRESH, "Set-Cookie": "u=1"}, "own " + WHOLE)
        return send_part(asked, place, fields={**FRESH, **({"Set-Cookie": "u=1"} if place[0] > 0 else {})})

    origin = stage.origin(answer)
    popnet = stage.popnet([site("a", [origin])])
    popnet.get("/x", "a.test", range="bytes=0-3")
    for _ in range(2):
        full = popnet.get("/x", "a.test")
        equal("his own", (full.status, full.body, full.hit), (200, b"own " + WHOLE.encode(), False))


@scene
def a_large_whole(stage):
    """A stored part is copied into the whole in steps, between which others are served; where there is no room it passes through."""
    whole = MEDIUM * 8
    first = len(whole) - 1000
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1, "cache_memory": "100MiB"})

    def fetch(path, handler, **fields):
        client = popnet.connect().ask(path, "a.test", fields=fields)
        origin.serve_until(client, handler)
        return client.answer()

    def send(asked):
        send_part(asked, wanted(asked, len(whole)), whole=whole)

    for path, busy in (("/room", False), ("/none", True)):
        fetch(path, send, Range=f"bytes=0-{first - 1}")
        other = popnet.connect().ask(f"/other{path}", "a.test") if busy else None
        if other:  # half of the memory is for what is growing
            growing = origin.request().start(200, {**FRESH, "Content-Length": len(whole)}).send(whole[:20_000_000])
            other.read_head()
            other.read(20_000_000)
        full = fetch(path, send)
        equal(f"{path}: all of it, by what was missing", (full.status, full.body == whole.encode(), origin.asked[-1].fields["Range"]),
              (200, True, f"bytes={first}-{len(whole) - 1}"))
        if not busy:
            check("which is stored", popnet.get(path, "a.test").hit)
            equal("and purged", popnet.api("POST", "/v1/purge", {"site": "a"}).status // 100, 2)
        else:
            growing.reset()
    until("no fill is left", lambda: popnet.counter("popnet_http_site_fills_running") == 0)

if __name__ == "__main__":
    run()
