"""Load at a steady pace that counts every loss: DNS over UDP, TCP and TLS, HTTP. A process of its own each, so that Python's
lock does not set the pace.

    with Load(popnet.dns, "udp", "www.zone.test") as load:
        ...
    load.lost      # what was asked and not answered, as texts
    load.answered  # how often it was
    load.ended     # how many connections the server has ended without having said so

Connections: half of them live as long as the load, each of the others brings `ASKS_EACH` questions, then a new one follows. A
connection over TLS ends, too, when a reply says so (keepalive of 0, RFC 7828), but for those of kind "deaf".
"""
import multiprocessing
import select
import socket
import ssl
import struct
import time

from play_dns import make_query
from play_http import PATIENCE

ASKS_EACH = 5
CLOSE_NOW = bytes((0, 11, 0, 2, 0, 0))  # the option of RFC 7828 with a timeout of 0
ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANY_CERTIFICATE.check_hostname, ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE


class Load:
    """`kind`: udp, tcp, tls, deaf or http; `what`: a name, or "path host"; `pace`: questions each second."""

    def __init__(self, server, kind, what, pace=500):
        self.lost, self.answered, self.slowest, self.ended = None, 0, 0.0, 0
        host, port = server.rsplit(":", 1)
        ours, theirs = multiprocessing.Pipe()
        self._pipe = ours
        worker = _udp if kind == "udp" else _connections
        self._process = multiprocessing.Process(target=worker, args=(theirs, (host, int(port)), kind, what, pace), daemon=True)

    def __enter__(self):
        self._process.start()
        self._pipe.recv()  # the first answer is there
        return self

    def __exit__(self, *_):
        self._pipe.send("end")
        if self._pipe.poll(4 * PATIENCE):
            self.lost, self.answered, self.slowest, self.ended = self._pipe.recv()
        else:
            self.lost = ["the load did not end"]
        self._process.join(PATIENCE)
        self._process.kill()


def _udp(pipe, server, _, name, pace):
    """From eight ports, so that the kernel spreads it over all sockets of the server."""
    socks = []
    for _ in range(8):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(server)
        sock.setblocking(False)
        socks.append(sock)
    query = bytearray(make_query(name))
    waiting, answered, slowest, number, end = {}, 0, 0.0, 0, None
    start = time.monotonic()
    while end is None or (waiting and time.monotonic() < end + PATIENCE):
        now = time.monotonic()
        while end is None and number < (now - start) * pace:
            sock, ident = socks[number % len(socks)], (number // len(socks)) & 0xFFFF
            query[0:2] = struct.pack("!H", ident)
            waiting[(sock, ident)] = time.monotonic()
            sock.send(query)
            number += 1
        for sock in select.select(socks, [], [], 0.001)[0]:
            try:
                while True:
                    reply = sock.recv(2048)
                    sent = waiting.pop((sock, struct.unpack("!H", reply[:2])[0]))
                    slowest = max(slowest, time.monotonic() - sent)
                    if reply[3] & 15:
                        waiting[(sock, f"rcode {reply[3] & 15}")] = sent
                    if answered == 0:
                        pipe.send("runs")
                    answered += 1
            except BlockingIOError:
                pass
        if end is None and pipe.poll():
            end = time.monotonic()
    pipe.send(([f"id {ident}, sent {sent - start:.3f} s after the start" for (_, ident), sent in waiting.items()], answered, slowest, 0))


class _Connection:
    """One that is asked again and again, and made anew when its server has ended it between two questions."""

    def __init__(self, server, kind, what, for_ever):
        self.server, self.kind, self.for_ever = server, kind, for_ever
        self.sock, self.asked, self.ended = None, 0, 0
        if kind != "http":
            query = make_query(what)
            self.question = struct.pack("!H", len(query)) + query
        else:
            path, host = what.split()
            self.question = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def ask(self):
        if self.sock is None:
            self.sock = socket.create_connection(self.server, PATIENCE)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.kind in ("tls", "deaf"):
                self.sock = ANY_CERTIFICATE.wrap_socket(self.sock)
            self.asked = 0
        elif select.select([self.sock], [], [], 0)[0]:  # its end is there: nothing was asked on it
            self.ended += 1
            self.close()
            return self.ask()
        self.sock.sendall(self.question)
        self.asked += 1
        last = self._read()
        if last or (not self.for_ever and self.asked >= ASKS_EACH):
            self.close()

    def close(self):
        self.sock.close()
        self.sock = None

    def _read(self):
        """True if it was the last answer of this connection."""
        if self.kind != "http":
            size = struct.unpack("!H", self._exactly(2))[0]
            reply = self._exactly(size)
            if reply[3] & 15:
                raise OSError(f"rcode {reply[3] & 15}")
            return self.kind == "tls" and CLOSE_NOW in reply
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, body = data.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200"):
            raise OSError(head.split(b"\r\n")[0].decode())
        fields = head.lower()
        size = int(fields.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < size:
            body += self._some()
        return b"connection: close" in fields

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            data += self._some(size - len(data))
        return data

    def _some(self, size=65536):
        data = self.sock.recv(size)
        if not data:
            raise OSError("the connection ended without an answer")
        return data


def _connections(pipe, server, kind, what, pace):
    connections = [_Connection(server, kind, what, for_ever=i % 2 == 0) for i in range(8)]
    lost, answered, slowest, number = [], 0, 0.0, 0
    start = time.monotonic()
    while not pipe.poll():
        time.sleep(max(0.0, start + number / pace - time.monotonic()))
        connection = connections[number % len(connections)]
        number += 1
        asked = time.monotonic()
        try:
            connection.ask()
            answered += 1
            slowest = max(slowest, time.monotonic() - asked)
            if answered == 1:
                pipe.send("runs")
        except OSError as error:
            lost.append(f"{error!r}, {asked - start:.3f} s after the start, "
                        f"{'kept' if connection.for_ever else 'short'} connection, question {connection.asked} on it")
            if connection.sock:
                connection.close()
    pipe.send((lost, answered, slowest, sum(connection.ended for connection in connections)))
