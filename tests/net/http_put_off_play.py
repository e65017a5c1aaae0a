#!/usr/bin/env python3
"""Short answers to users who waited for an origin are sent at the end of the turn. What else happens in that turn, when the socket
does not take all of such an answer, must not cut it off: what is left goes when there is room."""
import contextlib
import resource
import socket
import time

from play import check, equal, run, scene, site, until

LARGE, SMALL = 60000, 6000
FRESH = {"Cache-Control": "max-age=600"}


class Reader:
    """A user who asks, and reads nothing until the end."""

    def __init__(self, popnet):
        host, port = popnet.http.rsplit(":", 1)
        self.port = int(port)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        self.socket.connect((host, self.port))

    def ask(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())

    def unread(self):
        """Bytes that popnet's socket has taken for this user, and not got rid of."""
        mine = self.socket.getsockname()[1]
        with open("/proc/net/tcp", encoding="ascii") as file:
            for line in file.readlines()[1:]:
                _, local, remote, _, queues = line.split()[:5]
                if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (self.port, mine):
                    return int(queues.split(":")[0], 16)
        return 0

    def takes(self, path, popnet):
        """Asks, and says whether the socket takes all of the answer."""
        def hits():
            return popnet.counter("popnet_http_requests_total", outcome="hit")

        before, end = hits(), time.monotonic() + 1
        self.ask(path)
        while hits() == before and time.monotonic() < end:
            time.sleep(0.005)
        return hits() > before

    def all_answers(self):
        """The lengths of the bodies."""
        self.socket.settimeout(2)
        data = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except (TimeoutError, ConnectionResetError):
            pass
        self.socket.close()
        return [len(answer.partition(b"\r\n\r\n")[2]) for answer in data.split(b"HTTP/1.1 200 OK\r\n")[1:]]


def store(origin, popnet, path, size):
    user = popnet.connect().ask(path, "a.test")
    origin.request().answer(200, FRESH, "s" * size)
    user.answer()
    user.close()


def almost_full(origin, popnet):
    """A user whose socket takes half of a small answer and no more, and what he has got until then."""
    store(origin, popnet, "/large", LARGE)
    probe = Reader(popnet)
    count, before = 0, 0
    while probe.takes("/large", popnet):
        count, before = count + 1, probe.unread()
    rest = probe.unread() - before - SMALL // 2
    probe.socket.close()
    check(f"behind {count} large answers there is some room", rest > 0)
    store(origin, popnet, "/rest", rest)
    reader = Reader(popnet)
    check("so it is for another reader", all(reader.takes(path, popnet) for path in ["/large"] * count + ["/rest"]))
    return reader, [LARGE] * count + [rest]


def answered_while(stage, what):
    """`what` happens in the turn in which an answer comes for which the socket has no room."""
    origin = stage.origin()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (170, 170))  # few clients fill it
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1})
    with contextlib.suppress(ValueError, PermissionError):  # who may not: so many are enough
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    reader, got = almost_full(origin, popnet)
    reader.ask("/small")
    asked = origin.request()
    before = reader.unread()
    what.prepare(popnet)
    with popnet.standing_still():
        asked.answer(200, FRESH, "a" * SMALL)
        what.happens(popnet, reader)
    until("it is answered", lambda: popnet.counter("popnet_http_requests_total", outcome="miss") >= 3)
    check("the socket did not take all of it", reader.unread() - before < SMALL)
    equal("all answers are whole", reader.all_answers(), got + [SMALL])


class Leaves:
    """The user closes his side: he asks for nothing more."""
    def prepare(self, popnet): pass

    def happens(self, popnet, reader):
        reader.socket.shutdown(socket.SHUT_WR)


class Crowded:
    """Newcomers, for whom somebody has to go, one of a few that are drawn: all others wait for answers."""
    def __init__(self):
        self.others = []

    def connect(self, popnet):
        host, port = popnet.http.rsplit(":", 1)
        self.others.append(socket.create_connection((host, int(port))))
        return self.others[-1]

    def prepare(self, popnet):
        room = int(popnet.log().split("room for ")[1].split()[0])
        for _ in range(room - 1):
            self.connect(popnet).sendall(b"GET /never HTTP/1.1\r\nHost: a.test\r\n\r\n")
        until("they wait", lambda: popnet.counter("popnet_http_store_waiting") >= room)

    def happens(self, popnet, reader):
        for _ in range(8):
            self.connect(popnet)


@scene
def and_the_user_closes_his_side(stage):
    """In the turn in which his answer is made a user closes his side, and his socket is full."""
    answered_while(stage, Leaves())


@scene
def and_there_is_no_room_for_newcomers(stage):
    """In the turn in which his answer is made newcomers want the place of one who is idle."""
    answered_while(stage, Crowded())


if __name__ == "__main__":
    run()
