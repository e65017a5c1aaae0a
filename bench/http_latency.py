"""Latency at half load: hits of 1 KiB that fall due at random moments, half as many a second as the server can answer.

First how many each can answer (wrk). Then nginx and popnet at half of what nginx can, and popnet at half of what popnet can.
In the last row popnet is given a changed config (SIGHUP) and publishes new maps every second meanwhile; its config has
200 sites and 1,000 client networks in all rows.
"""
import signal
import statistics
import threading

import http_servers as on

NAME, SECONDS, ROUNDS = "latency", 5, 3
MORE = {"sites": 200, "networks": 1000}
PATH = f"/{on.SMALL}"


class Reloads:
    """A changed config every second while the block runs."""

    def __init__(self, server):
        self.server, self.count, self.over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.go_on)
        self.texts = [on.popnet_config(ttl=ttl, **MORE) for ttl in ("20s", "30s")]

    def __enter__(self):
        self.thread.start()
        return self

    def go_on(self):
        while not self.over.wait(1):
            self.count += 1
            with open(self.server.config_file, "w") as file:
                file.write(self.texts[self.count % 2])
            self.server.process.send_signal(signal.SIGHUP)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def measure(row, server, rate, seconds, results):
    results.setdefault(row, []).append(on.Load(server, PATH, seconds, "--rate", str(rate), "--spin"))


def table(results, rates):
    print(f"\n{'hit of 1 KiB, paced':34}{'requests/s':>12}{'median us':>11}{'99 %':>8}{'99.9 %':>8}{'longest':>9}")
    value = lambda row, name: statistics.median(getattr(run, name) for run in results[row])
    for row in results:
        print(f"{row:34}{rates[row]:12.0f}{value(row, 'p50'):11.0f}{value(row, 'p99'):8.0f}{value(row, 'p999'):8.0f}"
              f"{value(row, 'longest'):9.0f}")


def run(arguments):
    seconds, rounds = arguments.seconds or SECONDS, arguments.rounds or ROUNDS
    results = {}
    with on.workplace() as folder, on.Running() as running:
        running.add(on.start_origin(folder))
        nginx = running.add(on.start_nginx(folder))
        popnet = running.add(on.start_popnet(folder, **MORE))
        for server in (nginx, popnet):
            server.fetch(PATH)
        half = {server.row: on.wrk(server, PATH, 2) / 2 / 2 for server in (nginx, popnet)}
        on.say(f"latency: half load is {half['nginx']:.0f} requests a second for nginx, {half['popnet']:.0f} for popnet")
        plan = [("nginx, half of its load", nginx, "nginx"), ("popnet, the same load", popnet, "nginx"),
                ("popnet, half of its load", popnet, "popnet")]
        rates = {row: half[whose] for row, _, whose in plan}
        changing = "popnet, the same, reloads"
        rates[changing] = half["nginx"]
        for number in range(rounds):
            for row, server, whose in plan:
                on.say(f"latency, round {number + 1} of {rounds}: {row}")
                measure(row, server, half[whose], seconds, results)
            on.say(f"latency, round {number + 1} of {rounds}: {changing}")
            with Reloads(popnet) as reloads:
                measure(changing, popnet, half["nginx"], seconds, results)
        table(results, rates)
