#!/usr/bin/env python3
"""popnet answers as Knot, NSD and BIND do, wherever these three agree, on random zones."""
import collections
import os
import socket

from play import check, equal, run, scene
from play_dns import TYPES, Reply, make_query
from play_dns_servers import bind, knot, nsd
from play_http import PATIENCE
from play_sign import SIGNED, sign
from play_zone import ORIGIN, Zone

SEEDS = [int(seed) for seed in os.environ.get("PLAY_SEEDS", "1 2 3 4").split()]


def knots(stage, zone_file, endpoint):
    return knot(stage, endpoint, f"""
zone:
  - domain: {ORIGIN}
    file: {zone_file}
    journal-content: none
    zonefile-load: whole
""")


def nsds(stage, zone_file, endpoint):
    return nsd(stage, endpoint, f"zone:\n  name: {ORIGIN}\n  zonefile: {zone_file}\n")


def binds(stage, zone_file, endpoint):
    zone = f'zone "{ORIGIN}" {{ type primary; file "{zone_file}"; check-integrity no; check-mx ignore; check-wildcard no; }};'
    return bind(stage, endpoint, zone, "check-names primary ignore; notify no;")


class Whole(Reply):
    """With all of a record's data, names in it written out."""

    def _data(self, kind, at, size):
        if kind == TYPES["SOA"]:
            primary, at = self._name(at)
            contact, at = self._name(at)
            return primary, contact, self.message[at:at + 20]
        if kind == TYPES["MX"]:
            return self.message[at:at + 2], self._name(at + 2)[0]
        if kind == TYPES["SRV"]:
            return self.message[at:at + 6], self._name(at + 6)[0]
        if kind in (TYPES["DNAME"], TYPES["PTR"]):
            return self._name(at)[0]
        return super()._data(kind, at, size)


def lines(records):
    """Records as a set: order and case say nothing."""
    return frozenset(repr(record).lower() for record in records)


def ask(endpoint, name, kind, signed):
    host, port = endpoint.rsplit(":", 1)
    query = make_query(name, kind, dnssec_ok=signed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((host, int(port)))
        sock.send(query[:2] + b"\0\0" + query[4:])  # RD off
        reply = Whole(sock.recv(65535))
    return {"header": (reply.rcode, reply.authoritative, reply.truncated), "answer": lines(reply.answers),
            "authority": lines(reply.authorities), "question": reply.name}


def compare(stage, what, zone, zone_file, signed=False, mostly=4):
    """Asks all four servers everything; where the three agree, popnet must too. Sections count as sets."""
    popnet = stage.popnet(name=f"popnet-{what.replace(' ', '-')}", zones=[{"name": ORIGIN, "file": zone_file}])
    others = []
    for start in (knots, nsds, binds):
        endpoint = stage.endpoint("127.0.0.1" if start is binds else None)  # BIND listens on interfaces' addresses only
        others.append(stage.wait_for(start(stage, zone_file, endpoint)))
    seen = collections.Counter()
    for name, kind in zone.questions():
        ours = ask(popnet.dns, name, kind, signed)
        theirs = [ask(other.address, name, kind, signed) for other in others]
        for part, value in ours.items():
            agree = all(their[part] == theirs[0][part] for their in theirs)
            seen[part, agree] += 1
            if agree:
                equal(f"{what}: {part} for {name} {kind}", value, theirs[0][part])
    for part in ("header", "answer", "authority", "question"):
        print(f"    {what}: {part}: {seen[part, True]} the same, the three differ in {seen[part, False]}")
        check(f"the three mostly agree on the {part}", seen[part, True] > mostly * seen[part, False])
    for server in others:
        server.stop()
    popnet.stop()


@scene
def as_the_others_do(stage):
    """Wildcards, empty non-terminals, DNAME, delegations, names that delegations hide, odd case, many types."""
    for seed in SEEDS:
        zone = Zone(seed)
        compare(stage, f"seed {seed}", zone, stage.file(f"zone-{seed}", zone.text()))


@scene
def as_the_others_do_with_signed_zones(stage):
    """The same zones, signed before: NSEC, NSEC3, and NSEC3 with opt-out, rounds and salt; every query with DO."""
    for seed in SEEDS[:2]:
        for what, options in SIGNED.items():
            zone = Zone(seed)
            signed = sign(stage.file(f"zone-{seed}-{what.replace(' ', '-')}", zone.text()), ORIGIN, options)
            compare(stage, f"seed {seed}, {what}", zone, signed, signed=True)


if __name__ == "__main__":
    run()
