#!/usr/bin/env python3
"""popnet answers as Knot, NSD and BIND do, wherever these three agree, on random zones."""
import collections
import os
import socket
import struct

from play import check, equal, run, scene
from play_dns import TYPES, Reply, make_query, read_tcp
from play_dns_servers import bind, knot, nsd
from play_http import PATIENCE
from play_sign import SIGNED, sign
from play_zone import ORIGIN, OddZone, Zone

SEEDS = [int(seed) for seed in os.environ.get("PLAY_SEEDS", "1 2 3 4").split()]
ODD_SEEDS = [int(seed) for seed in os.environ.get("PLAY_SEEDS", "1 2 3").split()]


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


def parts(message):
    reply = Whole(message)
    return {"header": (reply.rcode, reply.authoritative, reply.truncated), "answer": lines(reply.answers),
            "authority": lines(reply.authorities), "additional": lines(reply.additionals), "question": reply.name}


class Asker:
    """Two sockets to one server."""

    def __init__(self, endpoint):
        host, port = endpoint.rsplit(":", 1)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(PATIENCE)
        self.udp.connect((host, int(port)))
        self.tcp = socket.create_connection((host, int(port)), PATIENCE)

    def close(self):
        self.udp.close()
        self.tcp.close()

    def over_udp(self, query):
        self.udp.send(query)
        return parts(self.udp.recv(65535))

    def over_tcp(self, query):
        self.tcp.sendall(struct.pack("!H", len(query)) + query)
        return parts(read_tcp(self.tcp))


def compare(stage, what, zone, zone_file, signed=False, mostly=4):
    """Asks all four servers everything; where the three agree, popnet must too, and over TCP as over UDP. Sections count as sets."""
    popnet = stage.popnet(name=f"popnet-{what.replace(' ', '-').replace(',', '')}", zones=[{"name": ORIGIN, "file": zone_file}])
    others = []
    for start in (knots, nsds, binds):
        endpoint = stage.endpoint("127.0.0.1" if start is binds else None)  # BIND listens on interfaces' addresses only
        others.append(stage.wait_for(start(stage, zone_file, endpoint)))
    ours, theirs = Asker(popnet.dns), [Asker(other.address) for other in others]
    seen = collections.Counter()
    for i, (name, kind) in enumerate(zone.questions()):
        if signed and kind == "NSEC" and "nsec3" in what:
            continue  # at an alias they deny it, with a CNAME in the proof, which validators do not take (RFC 6840 section 4.3)
        query = make_query(name, kind, dnssec_ok=signed or i % 4 == 0)
        query = query[:2] + b"\0\0" + query[4:]  # RD off
        told, others_told = ours.over_udp(query), [other.over_udp(query) for other in theirs]
        whole = ours.over_tcp(query)
        if told["header"][2] or any(other["header"][2] for other in others_told):  # they compress names differently well
            told, others_told = whole, [other.over_tcp(query) for other in theirs]
        equal(f"{what}: {name} {kind} over TCP", whole, told)
        if told["header"][1]:  # only referrals need what is additional (RFC 9471); ours are minimal
            for reply in (told, *others_told):
                reply["additional"] = None
        for part, value in told.items():
            agree = all(other[part] == others_told[0][part] for other in others_told)
            seen[part, agree] += 1
            if agree:
                equal(f"{what}: {part} for {name} {kind}", value, others_told[0][part])
    for part in ("header", "answer", "authority", "additional", "question"):
        print(f"    {what}: {part}: {seen[part, True]} the same, the three differ in {seen[part, False]}")
        check(f"the three mostly agree on the {part}", part == "additional" or seen[part, True] > mostly * seen[part, False])
    for asker in (ours, *theirs):
        asker.close()
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


@scene
def odd_zones(stage):
    """What RFCs have rules for and nobody writes; see OddZone."""
    for seed in ODD_SEEDS:
        zone = OddZone(seed)
        compare(stage, f"odd {seed}", zone, stage.file(f"odd-{seed}", zone.text()), mostly=1)


@scene
def odd_zones_that_are_signed(stage):
    """The same, signed before by NSEC and NSEC3."""
    for seed in ODD_SEEDS[:2]:
        for what in ("nsec", "nsec3"):
            zone = OddZone(seed, longest=what == "nsec")
            signed = sign(stage.file(f"odd-{seed}-{what}", zone.text()), ORIGIN, SIGNED[what])
            compare(stage, f"odd {seed}, {what}", zone, signed, signed=True, mostly=1)


if __name__ == "__main__":
    run()
