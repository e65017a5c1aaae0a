#!/usr/bin/env python3
"""WebSocket through the edge: a tunnel once the origin agrees, and nothing else ever becomes one."""
import base64
import hashlib
import os
import struct

from play import check, equal, run, scene, site

KEY = base64.b64encode(b"0123456789abcdef").decode()
ASK = {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
PROXY = [{"path": "*", "action": "proxy"}]


def accept_key(key):
    """RFC 6455 section 4.2.2."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def frame(payload, masked):
    """One binary frame (RFC 6455 section 5.2)."""
    mask = os.urandom(4) if masked else b""
    size = len(payload)
    head = struct.pack("!BBQ", 0x82, (0x80 if masked else 0) | 127, size)
    if masked:
        long_mask = mask * (size // 4 + 1)
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(long_mask[:size], "big")).to_bytes(size, "big")
    return head + mask + payload


def read_frame(wire):
    opcode, length, size = struct.unpack("!BBQ", wire.read(10))
    mask = wire.read(4) if length & 0x80 else b""
    payload = wire.read(size)
    if mask:
        long_mask = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(long_mask, "big")).to_bytes(size, "big")
    return payload


def agree(asked):
    asked.start(101, {"Connection": "Upgrade", "Upgrade": "websocket", "Date": None,
                      "Sec-WebSocket-Accept": accept_key(asked.fields["Sec-WebSocket-Key"])})
    return asked.wire


@scene
def echo(stage):
    """Frames go both ways, short and long, and the end of one side ends the other."""
    origin = stage.origin()
    for rules in ([], PROXY):
        popnet = stage.popnet([site("a", [origin], rules=rules)], name=f"edge{len(rules)}")
        client = popnet.connect().ask("/chat?room=1", "a.test", fields=ASK)
        asked = origin.request()
        equal("asked as it was", (asked.method, asked.path, asked.fields["Upgrade"].lower(), asked.fields["Connection"].lower()),
              ("GET", "/chat?room=1", "websocket", "upgrade"))
        wire = agree(asked)
        start, fields = client.read_head()
        equal("101", (start.split(" ")[1], fields["Upgrade"].lower(), fields["Connection"].lower()), ("101", "websocket", "upgrade"))
        equal("the origin's consent", fields["Sec-WebSocket-Accept"], accept_key(KEY))
        check("no length, no chunks", "Content-Length" not in fields and "Transfer-Encoding" not in fields, fields)
        for payload in (b"hello", b"", os.urandom(60_000), b"x" * 3_000_000):
            client.send(frame(payload, masked=True))
            got = read_frame(wire)
            wire.send(frame(got, masked=False))
            check(f"{len(payload)} bytes there and back", read_frame(client) == payload)
        wire.send(frame(b"by itself", masked=False))
        equal("the server speaks first", read_frame(client), b"by itself")
        if rules:
            client.close()
            check("the client has gone: so is the origin's connection", wire.ended())
        else:
            wire.close()
            check("the origin has gone: so is the client's", client.ended())


@scene
def early_bytes(stage):
    """What a client sends before the 101 waits for it; without a 101 it never becomes a request."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])])
    client = popnet.connect().ask("/x", "a.test", fields=ASK)
    client.send(frame(b"early", masked=True))
    asked = origin.request()
    check("nothing of it came with the request", not asked.wire.pending and not asked.wire.readable())
    equal("after the 101 it did", read_frame(agree(asked)), b"early")
    client.read_head()

    client = popnet.connect().ask("/y", "a.test", fields=ASK)
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
    origin.request().answer(403, {}, "no")
    equal("the refusal", client.answer().status, 403)
    check("ends the connection", client.ended())
    check("and nothing was smuggled", origin.idle())


@scene
def refused_with_a_body(stage):
    """An answer other than 101 whose body is still under way: what the client sends meanwhile never reaches the origin."""
    origin = stage.origin()
    secret = "GET /secret HTTP/1.1\r\nHost: a.test\r\n\r\n"
    for rules in ([], PROXY):
        popnet = stage.popnet([site("a", [origin], rules=rules)], name=f"edge{len(rules)}")
        for status, framing, piece in ((200, {}, "%s"), (200, {"Content-Length": "99"}, "%s"), (403, {"Transfer-Encoding": "chunked"}, "3\r\n%s\r\n")):
            client = popnet.connect().ask("/x", "a.test", fields=ASK)
            asked = origin.request().start(status, framing).send(piece % "one")
            client.read_head()
            client.read_until(b"one")
            for part in ("two", "six"):  # sent before the origin's next bytes, so taken in before or with them
                client.send(secret)
                asked.send(piece % part)
                client.read_until(part.encode())
                check(f"nothing came behind {status} {framing}", not asked.wire.readable(), asked)
            asked.close()
            client.read_to_end()
            check("nor on another connection", origin.idle())


@scene
def nothing_else(stage):
    """Other protocols are not offered to the origin, and a 101 that nobody asked for is an error."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    for upgrade in ("h2c", "websocket, h2c", "TLS/1.2"):
        client = popnet.connect().ask("/x", "a.test", fields={**ASK, "Upgrade": upgrade})
        asked = origin.request()
        check(f"{upgrade} stays behind", "Upgrade" not in asked.fields and "upgrade" not in asked.fields["Connection"].lower(), asked.fields)
        asked.answer(200, {}, "plain")
        equal(f"{upgrade}: a plain answer", client.answer().body, b"plain")
    client = popnet.connect().ask("/x", "a.test")
    origin.serve_until(client, lambda asked: asked.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"))
    equal("101 to a plain request", client.answer().status, 502)
    client = popnet.connect().ask("/x", "a.test", fields=ASK)
    origin.serve_until(client, lambda asked: asked.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"))
    equal("101 to another protocol", client.answer().status, 502)


@scene
def max_forwards(stage):
    """RFC 9110 section 7.6.2: OPTIONS is counted down, and answered here at 0."""
    origin = stage.origin(lambda asked: asked.answer(204))
    popnet = stage.popnet([site("a", [origin])])
    popnet.get("/x", "a.test", "OPTIONS", max_forwards="5")
    equal("counted down", origin.asked[-1].fields["Max-Forwards"], "4")
    check("answered here", "GET" in popnet.get("/x", "a.test", "OPTIONS", max_forwards="0").fields["Allow"])
    equal("the origin was not asked", len(origin.asked), 1)


@scene
def much_at_once(stage):
    """What the origin sends right behind its 101, and after it, goes on, also if it is much."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], rules=PROXY)])
    client = popnet.connect().ask("/chat", "a.test", fields=ASK)
    much = "x" * 60_000
    asked = origin.request()
    asked.send(f"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n{much}")
    client.read_head()
    equal("at once", len(client.read(len(much))), len(much))
    asked.send("more")
    equal("and more", client.read(4), b"more")


if __name__ == "__main__":
    run()
