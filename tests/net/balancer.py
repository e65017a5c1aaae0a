#!/usr/bin/env python3
"""One address for several servers: usage: balancer.py ADDRESS:PORT SERVER:PORT SERVER:PORT ...

Connections go to the servers in turn; one that does not accept is left out, as a balancer with health checks would do.
"""
import itertools
import socket
import sys
import threading


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


def serve(client, servers):
    for server in servers:
        try:
            upstream = socket.create_connection(server, 1)
        except OSError:
            continue
        upstream.settimeout(None)
        threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
        return pump(client, upstream)
    client.close()


def main():
    servers = [endpoint(text) for text in sys.argv[2:]]
    listener = socket.create_server(endpoint(sys.argv[1]))
    for turn in itertools.count():
        client, _ = listener.accept()
        first = turn % len(servers)
        threading.Thread(target=serve, args=(client, servers[first:] + servers[:first]), daemon=True).start()


if __name__ == "__main__":
    main()
