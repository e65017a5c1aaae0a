"""Random zones, and the names worth asking for in them. The same seed makes the same zone."""
import random

ORIGIN = "diff.test"
LABELS = ["a", "b", "c", "d", "*", "x-1"]
HEAD = """$TTL 300
@ 3600 SOA ns1 hostmaster 7 3600 600 604800 60
@ NS ns1
@ NS ns2.example.net.
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
"""


class Zone:
    """Names with records, chosen so that every server loads them: a CNAME or DNAME stands alone where it must, a
    delegation has its glue. Below delegations there may be records that nobody is to see."""

    def __init__(self, seed, size=40):
        self.random = random.Random(seed)
        self.records = {}  # name (tuple of labels, leaf first) -> list of "TYPE data"
        self.cuts, self.dnames = set(), set()
        for _ in range(size):
            self._add(tuple(self.random.choice(LABELS) for _ in range(self.random.randint(1, 4))))

    def _ancestors(self, name):
        return [name[i:] for i in range(1, len(name))]

    def _below(self, name):
        return [other for other in self.records if len(other) > len(name) and other[-len(name):] == name]

    def _target(self):
        """A name, here or elsewhere, there or not."""
        choice = self.random.random()
        if choice < 0.1:
            return "www.example.org."
        if choice < 0.7 and self.records:
            name = self.random.choice(sorted(self.records))
            if self.random.random() < 0.2:
                name = ("y",) + name
            return ".".join(name)
        return self.random.choice(["nowhere", "ns1", "a", "b.a"])

    def _add(self, name):
        if name in self.records or any(above in self.dnames for above in self._ancestors(name)):
            return
        if "*" in name[1:] and self.random.random() < 0.7:  # a wildcard inside of a name is rare
            return
        kind = self.random.random()
        text = ".".join(name)
        wild = name[0] == "*"
        if kind < 0.15:
            self.records[name] = [f"CNAME {self._target()}"]
        elif kind < 0.22 and not wild and not self._below(name) and not any(a in self.cuts for a in self._ancestors(name)):
            self.records[name] = [f"DNAME {self._target()}", 'TXT "at a DNAME"']
            self.dnames.add(name)
        elif kind < 0.35 and not wild and "*" not in name:
            server = self.random.choice([f"ns.{text}", "ns2.example.net.", "ns1"])
            self.records[name] = [f"NS {server}"]
            if self.random.random() < 0.5:
                self.records[name].append("DS 12345 13 2 " + "0123456789abcdef" * 4)
            if server.startswith("ns."):
                self.records.setdefault(("ns",) + name, []).append("A 192.0.2.53")
            self.cuts.add(name)
        else:
            pool = [f"A 192.0.2.{self.random.randint(1, 250)}", f"A 198.51.100.{self.random.randint(1, 250)}",
                    f"AAAA 2001:db8::{self.random.randint(1, 99)}", f'TXT "{text}"', f"MX 10 {self._target()}",
                    f"PTR {self._target()}", f"SRV 1 2 443 {self._target()}", 'CAA 0 issue "ca.example.net"',
                    f"HTTPS 1 {self._target()} alpn=h2 ipv4hint=192.0.2.80", "TYPE65400 \\# 3 010203",
                    f'NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:Info@example.com!" {self._target()}']
            self.records[name] = self.random.sample(pool, self.random.randint(1, 3))

    def text(self):
        lines = [f"{'.'.join(name)} {record}" for name, records in self.records.items() for record in records]
        return HEAD + "\n".join(lines) + "\n"

    def _mixed_case(self, text):
        return "".join(c.upper() if self.random.random() < 0.3 else c for c in text)

    def questions(self):
        """(name, type): every name, what lies above and below it, and its neighbours; some in odd case."""
        names = {(), ("nowhere",), ("ns1",), ("a", "nowhere")}
        for name in self.records:
            names |= {name, ("new",) + name, ("deep", "new") + name, ("*",) + name, ("new",) + name[1:]}
            names |= set(self._ancestors(name))
        kinds = ["A", "AAAA", "TXT", "MX", "NS", "DS", "CNAME", "DNAME", "SOA", "PTR", "SRV", "CAA", "HTTPS", "TYPE65400", "NAPTR"]
        for name in sorted(names):
            for kind in ["A", "DS"] + self.random.sample(kinds, 4):
                full = ".".join(name + (ORIGIN,))
                yield (self._mixed_case(full) if self.random.random() < 0.2 else full), kind
