"""HTTP/1.1 for plays: a client and an origin that send exactly the bytes they are told to, and read strictly.

Everything waits for events, at most PATIENCE seconds; a wait that ends without its event is a failure of the play.
"""
import email.utils
import os
import select
import socket
import struct
import threading
import time

PATIENCE = float(os.environ.get("PLAY_PATIENCE", "15"))


class Failure(AssertionError):
    """What a play expected did not happen."""


def http_date(seconds_from_now=0):
    return email.utils.formatdate(time.time() + seconds_from_now, usegmt=True)


def ready(sockets, seconds):
    """Those of them that have something to read. Not select(): a play may have more than 1024 files open."""
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN)
    found = {number for number, _ in poll.poll(seconds * 1000)}
    return [sock for sock in sockets if sock.fileno() in found]


def to_bytes(data):
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)


class Fields:
    """Field lines in order; names in any case; lines of one name read as one list."""

    def __init__(self, lines):
        self.lines = list(lines)

    def __getitem__(self, name):
        return ", ".join(value for key, value in self.lines if key.lower() == name.lower())

    def __contains__(self, name):
        return any(key.lower() == name.lower() for key, _ in self.lines)

    def count(self, name):
        return sum(key.lower() == name.lower() for key, _ in self.lines)

    def __repr__(self):
        return repr(self.lines)


class Answer:
    """A response as it came: status, fields, body (decoded when it was chunked)."""

    def __init__(self, start, fields, body):
        self.status = int(start.split(" ")[1])
        self.fields = fields
        self.body = body
        self.cache_status = fields["Cache-Status"].split(",")[-1].strip()

    @property
    def hit(self):
        return "; hit" in self.cache_status

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:80]!r}"


class Wire:
    """One connection, either side."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.pending = bytearray()  # received, not yet read

    def send(self, *parts):
        try:
            self.sock.sendall(b"".join(to_bytes(part) for part in parts))
        except OSError as error:
            raise Failure(f"cannot send: {error}") from error
        return self

    def _more(self):
        """False at the end of the stream; a reset counts as an end."""
        try:
            data = self.sock.recv(1 << 16)
        except socket.timeout as error:
            raise Failure(f"nothing came for {PATIENCE:g} s; so far {bytes(self.pending[:200])!r}") from error
        except ConnectionError:
            return False
        self.pending += data
        return bool(data)

    def _take(self, size, skip=0):
        data = bytes(self.pending[:size])
        del self.pending[:size + skip]
        return data

    def read_until(self, mark):
        while mark not in self.pending:
            if not self._more():
                raise Failure(f"ended before {mark!r}: {bytes(self.pending[:200])!r}")
        return self._take(self.pending.index(mark), len(mark))

    def read(self, size):
        while len(self.pending) < size:
            if not self._more():
                raise Failure(f"ended after {len(self.pending)} of {size} bytes")
        return self._take(size)

    def read_to_end(self):
        """Everything up to the end of the connection."""
        while self._more():
            pass
        return self._take(len(self.pending))

    def read_head(self):
        start, *lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Failure(f"malformed field line {line!r}")
            fields.append((name, value.strip()))
        return start, Fields(fields)

    def read_chunked(self):
        body = b""
        while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
            body += self.read(size)
            if self.read(2) != b"\r\n":
                raise Failure("no CR LF behind a chunk")
        while self.read_until(b"\r\n"):
            pass
        return body

    def ended(self):
        """Is this the end of the connection, with nothing left to read? Waits for one of the two."""
        return not self.pending and not self._more()

    def readable(self):
        """Has something come, or the connection ended? Does not wait."""
        return bool(self.pending or ready([self.sock], 0))

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Client(Wire):
    """The user's end of a connection."""

    def ask(self, path, host, method="GET", fields=(), body=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in dict(fields).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join(lines) + "\r\n\r\n", body or b"")

    def answer(self, method="GET", interim=False):
        """The next final response (with interim=True the next of any kind)."""
        while True:
            start, fields = self.read_head()
            answer = Answer(start, fields, b"")
            if answer.status >= 200 or interim:
                break
        if method == "HEAD" or answer.status < 200 or answer.status in (204, 304):
            return answer
        if "Transfer-Encoding" in fields:
            answer.body = self.read_chunked()
        elif "Content-Length" in fields:
            answer.body = self.read(int(fields["Content-Length"]))
        else:
            answer.body = self.read_to_end()
        return answer


class Asked:
    """A request that has arrived at an origin, to be answered on its connection."""

    def __init__(self, wire, start, fields, body):
        self.wire, self.fields, self.body = wire, fields, body
        self.method, self.path, self.version = start.split(" ")

    def __repr__(self):
        return f"{self.method} {self.path} {self.fields} {self.body[:80]!r}"

    def start(self, status=200, fields=(), reason="Some Reason"):
        """Sends the head alone. A Date of now is added; a field whose value is None is left out."""
        lines = {"Date": http_date(), **dict(fields)}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        self.wire.send(f"HTTP/1.1 {status} {reason}\r\n{text}\r\n")
        return self

    def answer(self, status=200, fields=(), body=b""):
        """Sends a whole response with its length."""
        body = to_bytes(body)
        length = {} if status in (204, 304) else {"Content-Length": len(body)}
        self.start(status, {**length, **dict(fields)})
        self.wire.send(b"" if self.method == "HEAD" else body)
        return self

    def send(self, *parts):
        self.wire.send(*parts)
        return self

    def chunk(self, data):
        data = to_bytes(data)
        self.wire.send(f"{len(data):x}\r\n", data, "\r\n")
        return self

    def last_chunk(self):
        self.wire.send("0\r\n\r\n")
        return self

    def close(self):
        self.wire.close()

    def reset(self):
        self.wire.reset()


class Origin:
    """A customer's web server that does what the play says.

    Either request by request (request() returns the next one, from whatever connection it comes), or by itself:
    serve(handler) answers every request with handler(asked) on a thread of its own.
    """

    def __init__(self, address, port=0):
        self.listener = socket.create_server((address, port), backlog=512)
        self.host, self.port = self.listener.getsockname()
        self.address = f"{self.host}:{self.port}"
        self.connections = 0  # accepted so far
        self.asked = []       # every request so far
        self._wires = []
        self._stopping = False
        self._thread = None
        self.failure = None

    def _next(self, seconds):
        """The next request, or None when none comes in that time."""
        deadline = time.monotonic() + seconds
        while True:
            for wire in [w for w in self._wires if w.pending]:
                return self._read(wire)
            self._wires = [w for w in self._wires if w.sock.fileno() >= 0]
            left = max(0, deadline - time.monotonic())
            readable = ready([self.listener] + [w.sock for w in self._wires], left)
            if not readable:
                return None
            if self.listener in readable:
                self._wires.append(Wire(self.listener.accept()[0]))
                self.connections += 1
                continue
            for wire in [w for w in self._wires if w.sock in readable]:
                if not wire._more():
                    wire.close()

    def _read(self, wire):
        start, fields = wire.read_head()
        if "Transfer-Encoding" in fields:
            body = wire.read_chunked()
        else:
            body = wire.read(int(fields["Content-Length"] or 0))
        request = Asked(wire, start, fields, body)
        self.asked.append(request)
        return request

    def request(self):
        found = self._next(PATIENCE)
        if found is None:
            raise Failure(f"origin {self.address}: no request came for {PATIENCE:g} s")
        return found

    def serve_until(self, client, handler):
        """Answers each request with handler(asked) until something comes for that client."""
        deadline = time.monotonic() + PATIENCE
        while not client.readable():
            if asked := self._next(0.01):
                handler(asked)
            if time.monotonic() > deadline:
                raise Failure(f"nothing came for the client for {PATIENCE:g} s")

    def accept(self):
        """A new connection of which nothing is read yet."""
        self.listener.settimeout(PATIENCE)
        try:
            wire = Wire(self.listener.accept()[0])
        except socket.timeout as error:
            raise Failure(f"origin {self.address}: no connection came for {PATIENCE:g} s") from error
        self.connections += 1
        self._wires.append(wire)
        return wire

    def idle(self):
        """Nobody has asked anything that was not read yet."""
        return self._next(0) is None

    def serve(self, handler):
        def work():
            try:
                while not self._stopping:
                    try:
                        if request := self._next(0.05):
                            handler(request)
                    except ConnectionError:  # whoever asked has left before all of the answer was sent
                        pass
            except Exception as error:  # reported by close(), in the play's own thread
                if not self._stopping:
                    self.failure = error

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        return self

    def close(self):
        """Ends the server: nobody listens there any more. Safe to call twice."""
        self._stopping = True
        if self._thread:
            self._thread.join()
            self._thread = None
        self.listener.close()
        for wire in self._wires:
            wire.close()
        self._wires = []
