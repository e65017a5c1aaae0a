#!/usr/bin/env python3
"""How long origins are waited for, phase by phase: each ends by its own option of the site's `fill`, and the next origin is asked, or users are told."""
import socket
import time

from play import check, equal, run, scene, site, until

FRESH = {"Cache-Control": "max-age=600"}


class Deaf:
    """A web server whose kernel takes no connection any more: its queue is full."""

    def __init__(self, stage):
        host, port = stage.endpoint().rsplit(":", 1)
        self.address = f"{host}:{port}"
        self.listener = socket.socket()
        self.listener.bind((host, int(port)))
        self.listener.listen(0)
        self.waiting = [socket.socket() for _ in range(4)]
        for waiting in self.waiting:
            waiting.setblocking(False)
            waiting.connect_ex((host, int(port)))


def taking(seconds, ask):
    """What it returns; it must take as long as the option says, and less than the default would (3 s to connect, 30 s else)."""
    start = time.monotonic()
    answer = ask()
    took = time.monotonic() - start
    check(f"{seconds} s, and not much longer", seconds <= took < seconds + 2.5, took)
    return answer


@scene
def connecting(stage):
    """connect_timeout: alone it is 504, beside another that one answers; the TLS handshake counts."""
    deaf = Deaf(stage)
    popnet = stage.popnet([site("a", [deaf], fill={"connect_timeout": "300ms"})])
    equal("nobody else", taking(0.3, lambda: popnet.get("/", "a.test")).status, 504)
    silent = stage.origin()
    config = site("s", [silent], fill={"connect_timeout": "300ms"})
    config["origins"][0].update(tls=True, tls_verify=False)
    secure = stage.popnet([config], name="secure")
    equal("a handshake that nobody answers", taking(0.3, lambda: secure.get("/", "s.test")).status, 504)
    other = stage.origin(lambda asked: asked.answer(200, FRESH, "other"))
    both = stage.popnet([site("b", [deaf, other], fill={"connect_timeout": "100ms"})], name="both")
    paths = iter(range(1000))

    def left_for_the_other():
        equal("the other answers", both.get(f"/{next(paths)}", "b.test").body, b"other")
        return sum(both.values("popnet_http_origin_failures_total", site="b")) >= 1
    until("the deaf one was asked first once", left_for_the_other)


@scene
def waiting_for_the_head(stage):
    """first_byte_timeout: 504, or what is stored; a head that does not end is none."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], fill={"first_byte_timeout": "1s"})])  # what this origin answers must come sooner
    equal("no answer", taking(1, lambda: popnet.get("/", "a.test")).status, 504)
    origin.request()

    def half_a_head():
        client = popnet.connect().ask("/half", "a.test")
        origin.request().send("HTTP/1.1 200 OK\r\nX: ")
        return client.answer()
    equal("half a head", taking(1, half_a_head).status, 504)
    client = popnet.connect().ask("/x", "a.test")
    origin.request().answer(200, {"Cache-Control": "max-age=1", "Age": "9"}, "stored")
    client.answer()
    equal("what is stored", taking(1, lambda: popnet.get("/x", "a.test")).body, b"stored")


@scene
def waiting_for_the_body(stage):
    """between_bytes_timeout: the answer breaks off for all, and what came of it without a validator is not kept."""
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin], fill={"between_bytes_timeout": "500ms"})])
    clients = [popnet.connect().ask("/x", "a.test") for _ in range(2)]
    asked = origin.request()
    until("the second waits, too", lambda: popnet.counter("popnet_http_store_waiting") == 2)
    asked.start(200, {**FRESH, "Content-Length": "10"}).send("01234")
    for client in clients:
        equal("the head is right", client.read_head()[0], "HTTP/1.1 200 OK")
    for client in clients:
        equal("then it breaks off", client.read_to_end(), b"01234")
    client = popnet.connect().ask("/x", "a.test")
    asked = origin.request()
    check("asked for anew", "Range" not in asked.fields, asked)
    asked.answer(200, FRESH, "0123456789")
    equal("and stored", [client.answer().body, popnet.get("/x", "a.test").hit], [b"0123456789", True])


if __name__ == "__main__":
    run()
