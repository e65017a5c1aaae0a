#!/usr/bin/env python3
"""Parts of objects (206): stored however they are framed, side by side, joined where they meet, never with another version."""
import re

from play import check, equal, run, scene, site

WHOLE = "0123456789"
FRESH = {"Cache-Control": "max-age=600", "ETag": '"v1"'}
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


if __name__ == "__main__":
    run()
