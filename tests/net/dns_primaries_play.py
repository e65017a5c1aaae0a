#!/usr/bin/env python3
"""Primaries that say nothing, a word at a time, or are dead: the other primaries' zones stay up to date, and so does this one's."""
import re
import signal
import socket
import threading
import time

from play import check, equal, run, scene, until
from play_dig import run_dig
from play_http import Failure

ZONE = "$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 1 604800 60\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.{serial}\n" + "".join(
    f"h{i} A 192.0.2.9\n" for i in range(20))


def primary(stage, *zones, notify=(), **node):
    return stage.popnet(name="primary", node=node, zones=[
        {"name": name, "file": stage.file(f"{name}.zone", ZONE.format(serial=1)), "transfer": {"to": ["127.0.0.0/8"], "notify": list(notify)}}
        for name in zones])


def secondary(stage, zones, **node):
    return stage.popnet(name="secondary", node={"state_dir": f"{stage.folder}/state", **node},
                        zones=[{"name": name, "secondary": {"primaries": list(primaries)}} for name, primaries in zones.items()])


def next_version(stage, popnet, serial, *zones):
    for name in zones:
        stage.file(f"{name}.zone", ZONE.format(serial=serial))
    popnet.signal(signal.SIGHUP)


def serial_at(server, zone):
    try:
        answer = run_dig(server, zone, "soa").answer
    except Failure:
        return None
    return int(answer[0].split()[6]) if answer else None


def odd_primary(stage, talk):
    """A socket that accepts, and does with each connection what `talk` does, in a thread of its own."""
    listener = socket.create_server((stage.address(), 0), backlog=128)
    connections = []

    def accept():
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return
            threading.Thread(target=talk, args=(connections[-1],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "%s:%d" % listener.getsockname(), connections, listener


def dribble(connection):
    """The length of a message, then a byte of it each second."""
    try:
        connection.sendall(b"\xff\xff")
        while True:
            connection.sendall(b"\0")
            time.sleep(1)
    except OSError:
        pass


@scene
def a_silent_primary_keeps_nobody_waiting(stage):
    """Of a hundred zones at a primary that is silent; one at another; one has both, and one a primary that sends byte by byte."""
    silent, connections, listener = odd_primary(stage, lambda connection: None)
    slow, _, _ = odd_primary(stage, dribble)
    told = stage.endpoint()
    zones = ("fine.test", "both.test", "slow.test")
    good = primary(stage, *zones, notify=[told])
    popnet = secondary(stage, {**{f"z{i}.test": [silent] for i in range(100)}, "fine.test": [good.dns],
                               "both.test": [silent, good.dns], "slow.test": [slow, good.dns]}, dns_listen=told)
    until("the zone of the other one", lambda: serial_at(told, "fine.test") == 1)
    begin = time.monotonic()
    until("those of two primaries", lambda: serial_at(told, "both.test") == 1 and serial_at(told, "slow.test") == 1)
    check("after the time that one is given", time.monotonic() - begin < 14, time.monotonic() - begin)
    next_version(stage, good, 2, *zones)
    begin = time.monotonic()
    until("the next version", lambda: [serial_at(told, zone) for zone in zones] == [2, 2, 2])
    check("soon", time.monotonic() - begin < 5, time.monotonic() - begin)
    check("one look at a time is made at who is silent", f"zone z0.test.: {silent} does not answer" in popnet.log(), popnet.log())
    listener.close()
    for connection in connections:
        connection.close()
    back = stage.popnet(name="back", node={"dns_listen": silent}, zones=[
        {"name": f"z{i}.test", "file": stage.file("z.zone", ZONE.format(serial=3)), "transfer": {"to": ["127.0.0.0/8"]}} for i in range(100)])
    until("all come when it is back", lambda: popnet.values("popnet_dns_fetched_zones", state="current") == [103], 60)
    check("which runs", back.alive())


@scene
def zones_that_go_give_their_turns_back(stage):
    """Sixteen zones are asked for at a primary at once; a reload takes them away: the seventeenth, which waited, is asked for."""
    silent, connections, _ = odd_primary(stage, lambda connection: None)
    zone = lambda name: {"name": name, "secondary": {"primaries": [silent]}}
    popnet = stage.popnet(node={"state_dir": f"{stage.folder}/state"}, zones=[*(zone(f"a{i}.test") for i in range(16)), zone("z.test")])
    until("sixteen looks", lambda: len(connections) == 16)
    popnet.write_config({**popnet.config, "zones": [zone("z.test")]})
    popnet.signal(signal.SIGHUP)
    until("the next one", lambda: len(connections) == 17, 5)


@scene
def differences_come_also_past_a_dead_primary(stage):
    """A primary that refuses connections, or was down, is no reason to fetch whole zones."""
    told, dead = stage.endpoint(), stage.endpoint()
    good = primary(stage, "fine.test", notify=[told])
    popnet = secondary(stage, {"fine.test": [dead, good.dns]}, dns_listen=told)
    until("the first version", lambda: serial_at(told, "fine.test") == 1)
    next_version(stage, good, 2, "fine.test")
    until("the second", lambda: serial_at(told, "fine.test") == 2)
    until("how", lambda: re.findall(r"version (\d) is in force \((\w+) from", popnet.log()) == [("1", "AXFR"), ("2", "IXFR")])


@scene
def a_key_may_be_written_as_names_are(stage):
    """Case and the last dot of a TSIG key's name do not matter, as in any name."""
    key = {"dns": {"tsig_keys": [{"name": "Good.Key.", "secret": "c2VjcmV0IG9mIHRoaXMga2V5IG9mIHRoZXNlIHR3bw=="}]}}
    good = stage.popnet(name="primary", **key, zones=[{"name": "fine.test", "file": stage.file("z.zone", ZONE.format(serial=1)),
                                                       "transfer": {"key": "good.KEY"}}])
    popnet = stage.popnet(name="secondary", **key, node={"state_dir": f"{stage.folder}/state"},
                          zones=[{"name": "fine.test", "secondary": {"primaries": [good.dns], "key": "GOOD.key."}}])
    until("the zone", lambda: serial_at(popnet.dns, "fine.test") == 1)


if __name__ == "__main__":
    run()
