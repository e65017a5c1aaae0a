"""Rules of caching, a line each: what the origin answers first, and what a second request for the same URL becomes.

HIT (from the store), ASKED (a request without conditions reaches the origin), CHECKED (one with If-None-Match or
If-Modified-Since does), or AGAIN (either of these). Nothing here waits: what is to be stale is made old by Age or Date.
"""
from play import equal, http_date, site, until

HIT, ASKED, CHECKED, AGAIN = "hit", "asked", "checked", "asked or checked"


class Line:
    """What happens: the first answer, the second request, and what becomes of that."""

    def __init__(self, what, fields, becomes, *, status=200, first=(), second=(), method="GET", first_method="GET"):
        self.what, self.becomes, self.status = what, becomes, status
        self.fields = [fields] if isinstance(fields, tuple) else list(fields)
        self.first, self.second = list(first), list(second)
        self.first_method, self.method = first_method, method


class Script:
    """An origin that answers each URL as its line says, and popnet in front of it."""

    def __init__(self, stage, **options):
        self.lines, self.asked = {}, {}
        self.popnet = stage.popnet([site("a", [stage.origin(self.answer)], **options)])

    def answer(self, asked):
        path = asked.path
        number = self.asked.setdefault(path, [])
        number.append(asked)
        status, fields = self.lines[path](asked, len(number))
        send(asked, status, fields, f"{path} {len(number)}")

    def ask(self, path, method="GET", fields=()):
        client = self.popnet.connect()
        text = "".join(f"{name}: {value}\r\n" for name, value in fields)
        client.send(f"{method} {path} HTTP/1.1\r\nHost: a.test\r\n{text}\r\n")
        answer = client.answer(method)
        client.close()
        return answer

    def play(self, lines):
        for number, line in enumerate(lines):
            path = f"/{number}"
            self.lines[path] = lambda asked, _, line=line: (line.status, line.fields)
            first = self.ask(path, line.first_method, line.first)
            second = self.ask(path, line.method, line.second)
            asked = self.asked[path]
            if line.becomes != HIT:  # stale-while-revalidate asks behind the answer
                until(f"{line.what}: the origin is asked", lambda asked=asked: len(asked) > 1)
            became = HIT if len(asked) == 1 else ASKED
            if any(f in asked[-1].fields for f in ("If-None-Match", "If-Modified-Since")) and len(asked) > 1:
                became = CHECKED
            if line.becomes == AGAIN and became != HIT:
                became = AGAIN
            equal(line.what, became, line.becomes)
            if became == HIT and line.method == "GET" and second.status == 200:
                equal(f"{line.what}: the same body", second.body, first.body)


def send(asked, status, fields, body):
    """The answer with exactly these field lines; Date, Content-Length are added unless given."""
    body = "" if asked.method == "HEAD" or status in (204, 304) else body
    names = {name.lower() for name, _ in fields}
    lines = [(name, value) for name, value in fields if value is not None]
    if "date" not in names:
        lines.append(("Date", http_date()))
    if status not in (204, 304) and "content-length" not in names and "transfer-encoding" not in names:
        lines.append(("Content-Length", str(len(body))))
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    asked.wire.send(f"HTTP/1.1 {status} Reason\r\n{text}\r\n{body}")
