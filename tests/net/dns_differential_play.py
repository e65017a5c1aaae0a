#!/usr/bin/env python3
"""popnet answers as Knot, NSD and BIND do, wherever these three agree, on random zones."""
import collections
import os
import socket

from play import check, equal, run, scene
from play_dns import TYPES, Reply, make_query
from play_http import PATIENCE
from play_servers import Server
from play_zone import ORIGIN, Zone

SEEDS = [int(seed) for seed in os.environ.get("PLAY_SEEDS", "1 2 3 4").split()]


def knot(stage, zone_file, endpoint):
    host, port = endpoint.rsplit(":", 1)
    base = os.path.join(stage.folder, "knot")
    os.makedirs(base, exist_ok=True)
    config = stage.file("knot.conf", f"""
server:
  listen: {host}@{port}
  rundir: {base}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {base}
log:
  - target: stderr
    any: warning
zone:
  - domain: {ORIGIN}
    file: {zone_file}
    journal-content: none
    zonefile-load: whole
""")
    return stage.spawn("knot", ["/usr/sbin/knotd", "-c", config, "-s", f"{base}/knot.sock"])


def nsd(stage, zone_file, endpoint):
    host, port = endpoint.rsplit(":", 1)
    base = os.path.join(stage.folder, "nsd")
    os.makedirs(base, exist_ok=True)
    config = stage.file("nsd.conf", f"""
server:
  ip-address: {host}@{port}
  server-count: 1
  database: ""
  username: ""
  chroot: ""
  zonesdir: "{base}"
  xfrdfile: "{base}/xfrd.state"
  xfrdir: "{base}"
  zonelistfile: "{base}/zone.list"
  pidfile: ""
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: {ORIGIN}
  zonefile: {zone_file}
""")
    return stage.spawn("nsd", ["/usr/sbin/nsd", "-d", "-c", config])


def bind(stage, zone_file, endpoint):
    host, port = endpoint.rsplit(":", 1)
    base = os.path.join(stage.folder, "bind")
    os.makedirs(base, exist_ok=True)
    config = stage.file("named.conf", f"""
options {{
  directory "{base}"; pid-file none; session-keyfile "{base}/session.key"; lock-file none;
  listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; minimal-responses yes; check-names primary ignore; notify no;
}};
controls {{ }};
zone "{ORIGIN}" {{ type primary; file "{zone_file}"; check-integrity no; check-mx ignore; check-wildcard no; }};
""")
    return stage.spawn("named", ["/usr/sbin/named", "-f", "-g", "-n", "1", "-c", config])


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


def ask(endpoint, name, kind):
    host, port = endpoint.rsplit(":", 1)
    query = make_query(name, kind)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((host, int(port)))
        sock.send(query[:2] + b"\0\0" + query[4:])  # RD off
        reply = Whole(sock.recv(65535))
    return {"header": (reply.rcode, reply.authoritative, reply.truncated), "answer": lines(reply.answers),
            "authority": lines(reply.authorities), "question": reply.name}


@scene
def as_the_others_do(stage):
    """Wildcards, empty non-terminals, DNAME, delegations, names that delegations hide, odd case, many types."""
    for seed in SEEDS:
        zone = Zone(seed)
        zone_file = stage.file(f"zone-{seed}", zone.text())
        popnet = stage.popnet(name=f"popnet-{seed}", zones=[{"name": ORIGIN, "file": zone_file}])
        others = []
        for start in (knot, nsd, bind):
            endpoint = stage.endpoint("127.0.0.1" if start is bind else None)  # BIND listens on interfaces' addresses only
            others.append(stage.wait_for(Server(start(stage, zone_file, endpoint), endpoint)))
        seen = collections.Counter()
        for name, kind in zone.questions():
            ours, theirs = ask(popnet.dns, name, kind), [ask(other.address, name, kind) for other in others]
            for part, value in ours.items():
                agree = all(their[part] == theirs[0][part] for their in theirs)
                seen[part, agree] += 1
                if agree:
                    equal(f"seed {seed}: {part} for {name} {kind}", value, theirs[0][part])
        for part in ("header", "answer", "authority", "question"):
            print(f"    seed {seed}: {part}: {seen[part, True]} the same, the three differ in {seen[part, False]}")
            check(f"the three mostly agree on the {part}", seen[part, True] > 4 * seen[part, False])
        for server in others:
            server.stop()
        popnet.stop()


if __name__ == "__main__":
    run()
