#!/usr/bin/env python3
"""Ten thousand users wait for one object: one request to the origin, all get every byte, each costs little."""
import resource
import socket

from play import check, equal, run, scene, site, until

WANTED = 10_000
PIECES = [bytes([65 + i]) * 16384 for i in range(4)]


def memory(popnet):
    with open(f"/proc/{popnet.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def may_open(wanted):
    """Raises the limit of open files as far as may be; popnet has the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (ValueError, OSError):  # only root raises the hard one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@scene
def ten_thousand(stage):
    """They all wait before the origin has said anything, and then follow what comes."""
    files = may_open(32768)
    waiters = min(WANTED, files * 5 // 8 - 500)  # what popnet, without DNS, lends clients of what it may open
    print(f"  {waiters} users, as {files} files may be open")
    origin = stage.origin()
    popnet = stage.popnet([site("a", [origin])], node={"dns": False})
    host, port = popnet.http.rsplit(":", 1)
    request = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"
    users = [socket.create_connection((host, int(port)), 60) for _ in range(waiters)]
    until("all are connected", lambda: popnet.counter("popnet_http_connections_total") >= waiters, 60)
    idle = memory(popnet)
    for user in users:
        user.sendall(request)
    until("all wait", lambda: popnet.counter("popnet_http_store_waiting") == waiters, 60)
    each = (memory(popnet) - idle) / waiters
    check(f"to wait costs {each / 1024:.1f} KiB each", each < 4096)

    asked = origin.request().start(200, {"Cache-Control": "max-age=600", "Content-Length": str(4 * 16384)})
    for piece in PIECES:
        asked.send(piece)
    whole, right = b"".join(PIECES), 0
    for user in users:
        answer = b""
        while len(answer) < len(whole) or not answer.endswith(whole[-1:]) or answer.partition(b"\r\n\r\n")[2] != whole:
            more = user.recv(1 << 17)
            if not more:
                break
            answer += more
        right += answer.startswith(b"HTTP/1.1 200 ") and answer.partition(b"\r\n\r\n")[2] == whole
    equal("users who got all of it", right, waiters)
    equal("requests to the origin", popnet.counter("popnet_http_fills_total"), 1)
    equal("all but one found the fill under way",
          popnet.counter("popnet_http_requests_total", outcome="collapsed"), waiters - 1)
    check(f"memory has grown by {(memory(popnet) - idle) >> 20} MiB for {waiters * len(whole) >> 20} MiB that were sent", memory(popnet) - idle < 64 << 20)
    for user in users:
        user.close()


if __name__ == "__main__":
    run()
