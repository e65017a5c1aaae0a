#!/usr/bin/env python3
"""A line to a server that can become slow: forwards TCP connections, and delays what the server says.

    slow_line.py LISTEN SERVER SECONDS      both as address:port

SIGUSR1 makes it slow: from then on everything from the server arrives SECONDS late.
"""
import signal
import socket
import sys
import threading
import time


class Line:
    def __init__(self, server, slowness):
        self.server = server
        self.slowness = slowness
        self.delay = 0.0

    def slow(self, *_):
        self.delay = self.slowness

    def forward(self, user):
        """One connection, until either side ends it."""
        try:
            server = socket.create_connection(self.server)
        except OSError:
            user.close()
            return
        threading.Thread(target=self._copy, args=(user, server, False), daemon=True).start()
        self._copy(server, user, True)

    def _copy(self, source, target, late):
        try:
            while data := source.recv(1 << 16):
                if late:
                    time.sleep(self.delay)
                target.sendall(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    line = Line(endpoint(sys.argv[2]), float(sys.argv[3]))
    signal.signal(signal.SIGUSR1, line.slow)
    listener = socket.create_server(endpoint(sys.argv[1]), backlog=64)
    while True:
        user, _ = listener.accept()
        threading.Thread(target=line.forward, args=(user,), daemon=True).start()


if __name__ == "__main__":
    main()
