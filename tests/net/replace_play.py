#!/usr/bin/env python3
"""serve --replace: a new process takes over all sockets, and nobody who asks meanwhile loses anything."""
import contextlib
import errno
import os
import signal
import socket
import time

from paced_load import ANY_CERTIFICATE, CLOSE_NOW, Load
from play import PATIENCE, check, equal, run, scene, site, until
from play_dns import make_query
from play_servers import certificate

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"
SERVES = "serves: "
THE_REST = "TLS connections go on through this process"


def serve(stage, zone=ZONE, dns=None, **node):
    origin = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "max-age=60", "Content-Length": "4"}, "body"))
    pem, key = certificate(stage, "dns.test")
    tls = {"dns_server": {"tls_listen": stage.endpoint(stage.address()), "tls_certificate": pem, "tls_key": key}}
    return stage.popnet([site("a", [origin])], zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", zone),
                                "transfer": {"to": ["127.0.0.0/8"]}}], dns=dns or {},
                        node={"state_dir": os.path.join(stage.folder, "state"), **tls, **node})


def successor(stage, popnet, name, config=None, arguments=(), wait=True):
    """Another process with that config, or one of its own, that replaces the running one."""
    config = config or popnet.config
    sections = {key: value for key, value in config.items() if key not in ("sites", "node")}
    started = stage.popnet(config["sites"], name, ("--replace", *arguments), wait=False, node=config["node"], **sections)
    if wait:
        until(f"{name} serves", lambda: SERVES in started.log())
    return started


def over_tls(popnet):
    return popnet.config["node"]["dns_server"]["tls_listen"]


@contextlib.contextmanager
def everybody_asks(popnet, pace=300):
    """Steady load of every kind; in the end none of it was lost."""
    kinds = {"UDP": (popnet.dns, "udp", "ns1.zone.test"), "TCP": (popnet.dns, "tcp", "ns1.zone.test"),
             "TLS": (over_tls(popnet), "tls", "ns1.zone.test"), "TLS, deaf to requests to close": (over_tls(popnet), "deaf", "ns1.zone.test"),
             "HTTP": (popnet.http, "http", "/x a.test"), "admin": (popnet.admin, "http", f"/healthz {popnet.admin}")}
    with contextlib.ExitStack() as stack:
        loads = {what: stack.enter_context(Load(*of, pace)) for what, of in kinds.items()}
        yield
    for what, load in loads.items():
        check(f"{what}: {load.answered} asked, none lost, the slowest took {load.slowest * 1000:.0f} ms", not load.lost, load.lost[:5])
        if what not in ("HTTP", "admin"):  # whose connections end with an answer that says so, or idle
            equal(f"{what}: connections that ended all the same", load.ended, 0)


@scene
def under_load(stage):
    """Six processes follow each other while everybody asks."""
    running = [serve(stage, drain_timeout="1s")]
    with everybody_asks(running[0]):
        for number in range(2, 7):
            running.append(successor(stage, running[-1], f"process{number}"))
            if number > 2:
                until(f"process {number - 1} has ended", lambda: not running[-2].alive())
            queries = running[-1].counter("popnet_dns_queries_total", transport="udp")
            until(f"process {number} answers", lambda: running[-1].counter("popnet_dns_queries_total", transport="udp") > queries + 50)
        check("the first keeps the keys of those who have stayed", running[0].alive())
    until("and ends with them", lambda: not running[0].alive())
    equal("in order", [one.child.returncode for one in running[:-1]], [0] * 5)


@scene
def lasting_connections(stage):
    """DNS connections over TCP outlive the process that accepted them: idle, in the middle of a query, after a long transfer."""
    records = "".join(f"h{i} 300 IN TXT \"{'x' * 200}\"\n" for i in range(20_000))
    first = serve(stage, drain_timeout="2s", zone=ZONE + records)
    host, port = first.dns.rsplit(":", 1)
    query = make_query("ns1.zone.test")
    framed, transfer = len(query).to_bytes(2, "big") + query, make_query("zone.test", "AXFR")

    def answered(connection):
        stream = connection.makefile("rb")
        return stream.read(int.from_bytes(stream.read(2), "big"))[:2] == query[:2]

    idle, half, busy, long = (socket.create_connection((host, int(port)), PATIENCE) for _ in range(4))
    for connection in (idle, half, busy, long):
        connection.sendall(framed)
        check("answered by the first", answered(connection))
    half.sendall(framed[:7])
    padding = 60_000
    padded = query[:-2] + (padding + 4).to_bytes(2, "big") + (12).to_bytes(2, "big") + padding.to_bytes(2, "big") + bytes(padding)  # RFC 7830
    padded = len(padded).to_bytes(2, "big") + padded
    long.sendall(padded[:-1])
    busy.sendall(len(transfer).to_bytes(2, "big") + transfer)  # more than the kernel takes: it stays with the first until it is read
    second = successor(stage, first, "second")
    until("the others are with the second", lambda: second.counter("popnet_dns_tcp_accepted_total") == 3)
    stream, size = busy.makefile("rb"), 0
    while size < 4_000_000:
        size += len(stream.read(int.from_bytes(stream.read(2), "big")))
    until("the first has ended", lambda: not first.alive())
    half.sendall(framed[7:])
    check("a query of which each process has read a part", answered(half))
    long.sendall(padded[-1:])
    check("and one of the greatest size, but for a byte", answered(long))
    for _ in range(3):
        idle.sendall(framed)
        check("the idle one goes on", answered(idle))
    for connection in (idle, half, busy, long):
        connection.close()


@scene
def connections_of_proxies(stage):
    """What a proxy has said of whom it speaks for goes over with its connection, to two processes one after the other."""
    first = serve(stage, drain_timeout="2s", dns_server={"proxies": ["127.0.0.0/8"]})
    host, port = first.dns.rsplit(":", 1)
    query = make_query("ns1.zone.test")
    framed = len(query).to_bytes(2, "big") + query
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    for_another = signature + b"\x21\x11\0\x0c" + bytes((203, 0, 113, 9, 127, 0, 0, 1, 0x30, 0x39, 0, 53))
    for_itself = signature + b"\x20\0\0\0"

    def answered(connection):
        connection.sendall(framed)
        stream = connection.makefile("rb")
        return stream.read(int.from_bytes(stream.read(2), "big"))[:2] == query[:2]

    early, itself, late = (socket.create_connection((host, int(port)), PATIENCE) for _ in range(3))
    early.sendall(for_another)
    itself.sendall(for_itself)
    check("answered by the first", answered(early) and answered(itself))
    late.sendall(for_another[:20])
    running = first
    for name in ("second", "third"):
        running, before = successor(stage, running, name), running
        until(f"all are with the {name}", lambda: running.counter("popnet_dns_tcp_accepted_total") == 3)
        until("the one before has ended", lambda: not before.alive())
        check("and answered there", answered(early) and answered(itself))
    late.sendall(for_another[20:])
    check("also when the header came in two parts", answered(late))
    for connection in (early, itself, late):
        connection.close()


def tls_client(popnet):
    host, port = over_tls(popnet).rsplit(":", 1)
    return ANY_CERTIFICATE.wrap_socket(socket.create_connection((host, int(port)), PATIENCE), suppress_ragged_eofs=False)


def whole_reply(connection):
    def exactly(size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            check("the connection goes on", more) if not more else None
            data += more
        return data
    return exactly(int.from_bytes(exactly(2), "big"))


@scene
def tls_connections(stage):
    """DNS over TLS: the old process has the keys and stays for its connections; the queries are answered by whoever serves."""
    records = "".join(f"h{i} 300 IN TXT \"{'x' * 200}\"\n" for i in range(20_000))
    first = serve(stage, drain_timeout="20s", zone=ZONE + records)
    query, transfer = make_query("ns1.zone.test"), make_query("zone.test", "AXFR")
    framed = len(query).to_bytes(2, "big") + query

    def ask(connection):
        connection.sendall(framed)
        reply = whole_reply(connection)
        equal("rcode", reply[3] & 15, 0) if reply[3] & 15 else None
        return reply

    def asked_over_tls(popnet):
        return popnet.counter("popnet_dns_queries_total", transport="tls")

    idle, half, busy = (tls_client(first) for _ in range(3))
    check("asked nothing of it, told nothing", CLOSE_NOW not in ask(idle))
    ask(half)
    half.sendall(framed[:7])
    busy.sendall(len(transfer).to_bytes(2, "big") + transfer)  # more than the kernel takes: it stays until it is read
    silent = socket.create_connection(half.getpeername(), PATIENCE)  # has not begun to shake hands
    second = successor(stage, first, "second")
    until("the others are with the second", lambda: second.counter("popnet_dns_tcp_accepted_total") == 3)
    check("their clients are told that a new connection would be better", CLOSE_NOW in ask(idle))
    half.sendall(framed[7:])
    check("a query of which each process has read a part", whole_reply(half)[:2] == query[:2])
    late = ANY_CERTIFICATE.wrap_socket(silent, suppress_ragged_eofs=False)
    check("a handshake that began after the replacement", ask(late)[:2] == query[:2])
    equal("asked at the second", asked_over_tls(second), 3)
    soas = 0
    while soas < 2:
        soas += whole_reply(busy).count(b"\nhostmaster")
    check("a transfer ends where it began, and its connection goes on", ask(busy)[:2] == query[:2] and asked_over_tls(second) == 4)
    until("the first has nothing else to do", lambda: THE_REST in first.log())
    equal("its name", open(f"/proc/{first.pid}/comm").read().strip(), "popnet-relay")
    third = successor(stage, second, "third")
    until("the second has ended: it has no keys", lambda: not second.alive())
    for connection in (idle, half, busy, late):
        ask(connection)
    equal("asked at the third", asked_over_tls(third), 4)
    idle.unwrap()
    idle.close()
    until("a client that leaves is gone from the third, too", lambda: third.counter("popnet_dns_tcp_closed_total") == 1)
    for connection in (half, busy):
        connection.close()
    check("the first stays for the last one", first.alive() and ask(late))
    late.close()
    until("the first has ended", lambda: not first.alive())
    equal("in order", first.child.returncode, 0)


@scene
def tls_connections_end(stage):
    """Ends of the process that has the keys, and of the one that answers: the client sees an end in order."""
    def ask(connection):
        query = make_query("ns1.zone.test")
        connection.sendall(len(query).to_bytes(2, "big") + query)
        return whole_reply(connection)

    first = serve(stage, drain_timeout="1s", dns={"tcp_idle": "2s"})
    one, another = tls_client(first), tls_client(first)
    second = successor(stage, first, "second")
    until("the second has them", lambda: second.counter("popnet_dns_tcp_accepted_total") == 2)
    begin = time.monotonic()
    while time.monotonic() < begin + 4:  # longer than drain_timeout and tcp_idle
        ask(one)
        time.sleep(0.05)
    equal("an idle client is let go as always, and in order", another.recv(1), b"")
    another.close()
    equal("the second stops", second.stop(), 0)
    equal("its clients see it in order", one.recv(1), b"")
    one.close()
    until("and the first has nobody to stay for", lambda: not first.alive())
    equal("in order", first.child.returncode, 0)

    third = stage.popnet(first.config["sites"], "third", node=first.config["node"], zones=first.config["zones"])
    one = tls_client(third)
    successor(stage, third, "fourth")
    query = make_query("ns1.zone.test")
    one.sendall(10 * (len(query).to_bytes(2, "big") + query))
    third.signal(signal.SIGTERM)
    equal("told to stop, it has what was asked answered", [whole_reply(one)[:2] for _ in range(10)], [query[:2]] * 10)
    equal("and its clients see the end in order", one.recv(1), b"")
    one.close()
    until("it has ended", lambda: not third.alive())
    equal("well", third.child.returncode, 0)


@scene
def replaced_twice(stage):
    """A transfer holds connections in the first process while the second is replaced, too: they go on with the third."""
    records = "".join(f"h{i} 300 IN TXT \"{'x' * 200}\"\n" for i in range(20_000))
    first = serve(stage, drain_timeout="20s", zone=ZONE + records)
    query, transfer = make_query("ns1.zone.test"), make_query("zone.test", "AXFR")
    host, port = first.dns.rsplit(":", 1)
    busy = {"TCP": socket.create_connection((host, int(port)), PATIENCE), "TLS": tls_client(first)}
    for connection in busy.values():
        connection.sendall(len(transfer).to_bytes(2, "big") + transfer)
    second = successor(stage, first, "second")
    third = successor(stage, second, "third")
    check("the second waits for the first", first.alive() and second.alive())
    for what, connection in busy.items():
        soas = 0
        while soas < 2:
            soas += whole_reply(connection).count(b"\nhostmaster")
        connection.sendall(len(query).to_bytes(2, "big") + query)
        check(f"{what}: answered behind its transfer", whole_reply(connection)[:2] == query[:2])
    until("the second has ended", lambda: not second.alive())
    equal("the third has them", third.counter("popnet_dns_tcp_accepted_total"), 2)
    for what, connection in busy.items():
        connection.sendall(len(query).to_bytes(2, "big") + query)
        check(f"{what}: and answered by the third", whole_reply(connection)[:2] == query[:2])
        connection.close()
    until("the first has ended", lambda: not first.alive())
    equal("in order", (first.child.returncode, second.child.returncode), (0, 0))


@scene
def other_config(stage):
    """More threads, then fewer, an address more, then less: what stays loses nothing."""
    first = serve(stage, threads=2, drain_timeout="1s")
    added, web = stage.endpoint(stage.address()), stage.endpoint(stage.address())
    node = {**first.config["node"], "threads": 4, "dns_listen": [first.dns, added], "http_listen": [first.http, web]}
    with everybody_asks(first, 200):
        second = successor(stage, first, "second", {**first.config, "node": node})
        until("the first serves no more", lambda: THE_REST in first.log())
        with Load(added, "udp", "ns1.zone.test", 50) as load:
            pass
        check("the new address answers", load.answered > 0 and not load.lost, load.lost)
        third = successor(stage, second, "third", {**first.config, "node": {**first.config["node"], "threads": 1}})
        until("the second has ended", lambda: not second.alive())
    for removed in (added, web):
        host, port = removed.rsplit(":", 1)
        equal("nobody listens at a removed address", socket.socket().connect_ex((host, int(port))), errno.ECONNREFUSED)
    check("the third is alive", third.alive())


@scene
def failing(stage):
    """A successor that cannot serve: a wrong config, a port in use, killed while it starts. The first one serves on."""
    first = serve(stage)
    taken = socket.create_server((stage.address(), 0))
    in_use = "%s:%d" % taken.getsockname()
    with everybody_asks(first, 200):
        other = {"name": "other.test", "file": stage.file("other.zone", ZONE)}
        broken = {**first.config, "zones": [{"name": "zone.test", "file": "/nowhere"}, other]}
        wrong = successor(stage, first, "wrong", broken, wait=False)
        equal("a zone that is served is broken", wrong.child.wait(15), 1)
        node = {**first.config["node"], "http_listen": [first.http, in_use]}
        late = successor(stage, first, "late", {**first.config, "node": node}, wait=False)
        equal("a port in use", late.child.wait(15), 3)
        check("which is said", "another program uses this port" in late.log(), late.log())
        until("the first has noticed", lambda: "has given up taking over" in first.log())
        successor(stage, first, "killed", wait=False).kill()
        none = serve_without_state(stage, first)
        equal("no state_dir, no replacement", none.child.wait(15), 1)
        check("the first is there", first.status()["pop"] is not None and first.alive())
        for bad in (wrong, late, none):
            bad.killed = True  # need not end well
    second = successor(stage, first, "second")
    until("a good one takes over after that", lambda: not first.alive())
    check("it serves", second.get("/x", "a.test").status == 200)


def serve_without_state(stage, first):
    node = {key: value for key, value in first.config["node"].items() if key != "state_dir"}
    return successor(stage, first, "stateless", {**first.config, "node": node}, wait=False)


@scene
def nobody_to_replace(stage):
    """Without a running node, --replace is a usual start; a second successor at the same time is refused."""
    popnet = stage.popnet(arguments=("--replace",), node={"state_dir": os.path.join(stage.folder, "state")})
    check("it says so", "no node runs that could be replaced" in popnet.log())
    path = os.path.join(stage.folder, "state", "handover")
    until("it waits for successors", lambda: os.path.exists(path))
    equal("the socket is the owner's only", os.stat(path).st_mode & 0o777, 0o600)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as slow:
        slow.connect(path)
        slow.send(b"popnet-handover-1 hello 1")
        check("it is offered the sockets", slow.recv(1000).startswith(b"popnet-handover-1 offer "))
        late = successor(stage, popnet, "late", wait=False)
        equal("another one at that moment", late.child.wait(15), 3)
        check("is told why", "is taking over from the running node already" in late.log(), late.log())
        late.killed = True
    until("it goes on", lambda: "has given up taking over" in popnet.log())
    address = stage.address()
    elsewhere = {f"{what}_listen": stage.endpoint(address) for what in ("dns", "http", "admin")}
    plain = stage.popnet(popnet.config["sites"], "plain", wait=False, node={**popnet.config["node"], **elsewhere})
    equal("another node with its folder", plain.child.wait(15), 3)
    check("is told why not", "another process runs with" in plain.log(), plain.log())
    plain.killed = True
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(path)
        stranger.send(b"GET / HTTP/1.1")
        equal("who speaks otherwise gets nothing", stranger.recv(1000), b"popnet-handover-1 not-understood")
    equal("stopped", popnet.stop(), 0)
    check("nothing is left behind", not os.path.exists(path))


@scene
def supervised(stage):
    """SIGUSR2: it starts its successor itself, and the supervisor hears who is the main process now."""
    path = os.path.join(stage.folder, "notify")
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(path)
    supervisor.settimeout(15)
    os.environ["NOTIFY_SOCKET"] = path
    try:
        first = serve(stage, drain_timeout="1s")
    finally:
        del os.environ["NOTIFY_SOCKET"]
    equal("ready", supervisor.recv(1000).decode(), f"READY=1\nMAINPID={first.pid}")
    with everybody_asks(first, 100):
        first.signal(signal.SIGUSR2)
        said = {supervisor.recv(1000).decode() for _ in range(2)}
        until("the first serves no more", lambda: THE_REST in first.log())
    until("the first has ended", lambda: not first.alive())
    pid = int(next(text for text in said if text.startswith("MAINPID=")).split("=")[1])
    equal("the supervisor was told by both", said, {f"MAINPID={pid}", f"READY=1\nMAINPID={pid}"})
    check("it is another one", pid != first.pid)
    os.kill(pid, signal.SIGTERM)
    equal("it stops", supervisor.recv(1000).decode(), "STOPPING=1")
    supervisor.close()


@scene
def reload_and_maps(stage):
    """Reloads with other names, and a map four times a second: nothing is lost by these either."""
    popnet = serve(stage)
    with everybody_asks(popnet):
        for i in range(5):
            stage.file("zone.test.zone", ZONE.replace(" 1 3600", f" {i + 2} 3600") + f"new{i} 300 IN A 192.0.2.9\n")
            popnet.signal(signal.SIGHUP)
            until(f"reload {i + 1}", lambda: popnet.dig(f"new{i}.zone.test").addresses() == ["192.0.2.9"])
        before = popnet.counter("popnet_dns_queries_total", transport="udp")
        until("some hundred queries more", lambda: popnet.counter("popnet_dns_queries_total", transport="udp") > before + 300)


@scene
def purges(stage):
    """Two processes answer for a while, each from its own store: what is purged at one of them is gone from the other, too."""
    origin = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "max-age=600"}, f"version {len(origin.asked)}"))
    first = stage.popnet([site("a", [origin], purge_from=["127.0.0.0/8"])],
                         node={"state_dir": os.path.join(stage.folder, "state"), "drain_timeout": f"{4 * PATIENCE}s"})
    check("the first has it", first.get("/x", "a.test") and first.get("/x", "a.test").hit)
    sender, readers = first.connect(), [first.connect() for _ in range(3)]
    for connection in (sender, *readers):
        connection.ask("/x", "a.test").answer()
    second = successor(stage, first, "second")
    check("the second has it", second.get("/x", "a.test") and second.get("/x", "a.test").hit)
    check("who has stayed with the first is served from its store", readers[0].ask("/x", "a.test").answer().hit)

    def purged(popnet, times):
        until(f"{popnet.name} has purged", lambda: popnet.log().count("purged http://a.test/x") == times)

    equal("a PURGE by a connection that has stayed", sender.ask("/x", "a.test", method="PURGE").answer().status, 200)
    purged(second, 1)
    check("the second asks anew", not second.get("/x", "a.test").hit and second.get("/x", "a.test").hit)
    check("and so does the first", not readers[1].ask("/x", "a.test").answer().hit)
    equal("the API of the second", second.api("POST", "/v1/purge", {"url": "http://a.test/x"}).status, 200)
    purged(first, 2)
    check("the first asks anew", not readers[2].ask("/x", "a.test").answer().hit)
    until("the first has ended", lambda: not first.alive())
    equal("the second purges on", second.api("POST", "/v1/purge", {"url": "http://a.test/x"}).status, 200)


if __name__ == "__main__":
    run()
