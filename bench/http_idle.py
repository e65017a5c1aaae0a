"""Memory of idle connections: 10,000 of them, each of which had one answer (1 KiB, a hit) and is kept alive.

What counts is how much the resident memory of the server's processes has grown, divided by the connections. What a server
takes at its start for all connections that it may ever have (nginx does) is in the first column only.
"""
import resource
import socket

import http_servers as on

NAME = "idle"
CONNECTIONS = 10_000


def connect(server):
    connection = socket.create_connection((on.ADDRESS, server.port))
    connection.sendall(f"GET /{on.SMALL} HTTP/1.1\r\nHost: {on.HOST}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < on.SMALL:
        answer += connection.recv(65536)
    return connection


def still_open(connections):
    """None was closed by the server, and the last one still works."""
    for connection in connections:
        connection.setblocking(False)
        try:
            if connection.recv(1) == b"":
                return False
        except BlockingIOError:
            pass
    return True


def measure(server, count):
    for _ in range(100):  # what it takes for any connection is there before
        connect(server).close()
    before = server.resident_bytes()
    connections = [connect(server) for _ in range(count)]
    after = server.resident_bytes()
    if not still_open(connections):
        raise SystemExit(f"{server.row} has closed idle connections")
    for connection in connections:
        connection.close()
    return before, after, (after - before) / count


def run(arguments):
    count = arguments.connections or CONNECTIONS
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = {}
    with on.workplace() as folder:
        for start in (on.start_nginx, on.start_popnet):
            with on.Running() as running:
                running.add(on.start_origin(folder))
                server = running.add(start(folder))
                on.say(f"idle: {count} connections to {server.row}")
                results[server.row] = measure(server, count)
    print(f"\n{f'{count} idle connections':26}{'MiB before':>12}{'MiB with':>10}{'bytes/connection':>18}{'of nginx':>10}")
    for row, (before, after, each) in results.items():
        print(f"{row:26}{before / 2**20:12.1f}{after / 2**20:10.1f}{each:18.0f}{each / results['nginx'][2]:10.2f}")
    print("met: below nginx's" if results["popnet"][2] < results["nginx"][2] else "MISSED: above nginx's")
