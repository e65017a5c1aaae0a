#!/usr/bin/env python3
"""What a process group uses of the machine, as JSON over HTTP: what a customer lets popnet know of a web server's load.

    load_reporter.py ADDRESS:PORT GROUP      {"cpu": 0.42, "memory": 0.01} for every GET

`cpu`: CPU time that the processes of the group have used in the last second, 1 being one core. `memory`: their resident
memory, 1 being all that the machine has. Both are read from /proc.
"""
import collections
import json
import os
import socket
import sys
import threading
import time

WINDOW = 1.0    # seconds that `cpu` is a mean over
INTERVAL = 0.2  # between two looks

TICKS = os.sysconf("SC_CLK_TCK")
PAGES = os.sysconf("SC_PHYS_PAGES")


class Group:
    """Reads what the processes of one group have used so far."""

    def __init__(self, number):
        self.number = number
        self.cpu_seconds = 0.0
        self.pages = 0
        self._seen = {}  # process → its CPU ticks at the last look

    def look(self):
        seen, self.pages = {}, 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
                    fields = file.read().rpartition(")")[2].split()  # from the state on: field 3 of proc(5)
            except OSError:
                continue  # it has ended meanwhile
            if int(fields[2]) == self.number:
                seen[pid] = int(fields[11]) + int(fields[12])
                self.pages += int(fields[21])
        self.cpu_seconds += sum(max(0, ticks - self._seen.get(pid, 0)) for pid, ticks in seen.items()) / TICKS
        self._seen = seen


class Meter:
    """Looks at the group again and again; `report` is the newest picture."""

    def __init__(self, group):
        self.group = Group(group)
        self.report = {"cpu": 0.0, "memory": 0.0}
        self._looks = collections.deque()  # (time, CPU seconds so far)

    def look(self):
        self.group.look()
        now = time.monotonic()
        self._looks.append((now, self.group.cpu_seconds))
        while now - self._looks[0][0] > WINDOW and len(self._looks) > 2:
            self._looks.popleft()
        start, before = self._looks[0]
        cpu = (self.group.cpu_seconds - before) / (now - start) if now > start else 0.0
        self.report = {"cpu": round(cpu, 4), "memory": round(self.group.pages / PAGES, 4)}

    def run(self):
        while True:
            self.look()
            time.sleep(INTERVAL)


def answer(connection, meter):
    """One GET, one answer, the end."""
    with connection:
        connection.settimeout(INTERVAL)
        request = b""
        try:
            while b"\r\n\r\n" not in request and (data := connection.recv(4096)):
                request += data
            body = json.dumps(meter.report)
            connection.sendall((f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                                f"Connection: close\r\n\r\n{body}").encode())
        except OSError:
            pass  # that one has left


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    meter = Meter(int(sys.argv[2]))
    listener = socket.create_server((host, int(port)), backlog=64)
    threading.Thread(target=meter.run, daemon=True).start()
    while True:
        answer(listener.accept()[0], meter)


if __name__ == "__main__":
    main()
