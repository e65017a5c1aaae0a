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


def _label_text(label):
    """As master files want it (RFC 1035 section 5.1)."""
    return "".join(chr(c) if chr(c).isalnum() and c < 128 or c in b"-_*" else f"\\{c:03}" for c in label)


class OddZone:
    """
    What RFCs have rules for and nobody writes: wildcards below wildcards, empty non-terminals under them, chains into all that a
    zone can have, DNAMEs that lead on or are too long, delegations with glue of their siblings, names that delegations hide, and
    labels of any bytes and size. Names are tuples of labels in bytes, leaf first, without the origin.
    """
    COMMON = [b"a", b"b", b"c", b"x-1", b"*"]
    ODD = [b"_s", b"\0", b"\xff", b"a.b", b"sp ace", b'q"', b"x" * 63, b"\\", b"0", b"a*", b"**"]
    TYPES = ["A", "AAAA", "TXT", "MX", "NS", "DS", "CNAME", "DNAME", "SOA", "PTR", "SRV", "ANY", "TYPE65400", "TYPE300", "NSEC", "RRSIG",
             "DNSKEY", "HTTPS", "CAA", "NAPTR"]

    def __init__(self, seed, size=12, longest=True):
        """`longest`: names of 255 bytes, to which no hash can be added (NSEC3)."""
        self.random = random.Random(f"odd {seed}")
        self.longest = longest
        self.records, self.cuts, self.dnames, self.aliases = {}, [], [], []
        for _ in range(size):
            self.random.choice([self._wildcards, self._wildcards, self._delegations, self._renamed, self._chain, self._chain, self._plain,
                                self._long])()

    def _base(self, at_most=3):
        labels = [self.random.choice(self.ODD if self.random.random() < 0.2 else self.COMMON) for _ in range(self.random.randint(1, at_most))]
        return tuple(labels)

    def _text(self, name):
        """Relative to the origin, in odd case."""
        text = ".".join(_label_text(label) for label in name) or "@"
        return "".join(c.upper() if self.random.random() < 0.2 else c for c in text)

    def _add(self, name, *data):
        below = lambda above: len(name) > len(above) and name[len(name) - len(above):] == above
        size = sum(len(label) + 1 for label in name) + len(ORIGIN) + 2
        if name in self.records or size > 255 or any(below(dname) for dname in self.dnames):
            return False
        self.records[name] = list(data)
        return True

    def _data(self):
        pool = [f"A 192.0.2.{self.random.randint(1, 250)}", f"AAAA 2001:db8::{self.random.randint(1, 99)}", 'TXT "text" "" "\\000\\255"',
                f"MX 10 {self._target()}", f"SRV 1 2 443 {self._target()}", "TYPE65400 \\# 3 010203", "TYPE300 \\# 0", f"PTR {self._target()}"]
        return self.random.sample(pool, self.random.randint(1, 3))

    def _plain(self):
        self._add(self._base(4), *self._data())

    def _wildcards(self):
        base = self._base(2)
        for name in [(b"*",), (b"x", b"*"), (b"*", b"x", b"*"), (b"*", b"*"), (b"deep", b"ent", b"*"), (b"a", b"b")]:
            if self.random.random() < 0.5:
                self._add(name + base, *([f"CNAME {self._target()}"] if self.random.random() < 0.25 else self._data()))

    def _delegations(self):
        """Two beside each other, which may share servers, and what they hide."""
        base = self._base(2)
        first, second = (self.random.choice([b"k1", b"\1cut", b"K" * 63]),) + base, (b"k2",) + base
        for cut, sibling in ((first, second), (second, first)):
            servers = [f"NS {self._text((b'ns',) + cut)}"] + ([f"NS {self._text((b'ns',) + sibling)}"] if self.random.random() < 0.5 else [])
            if self.random.random() < 0.3:
                servers.append(self.random.choice(["NS ns1", "NS ns2.example.net."]))
            if self.random.random() < 0.5:
                servers.append("DS 12345 13 2 " + "0123456789abcdef" * 4)
            for name in first, second:
                self._add((b"ns",) + name, "A 192.0.2.53", *(["AAAA 2001:db8::53"] if self.random.random() < 0.5 else []))
            if self._add(cut, *servers):
                self.cuts.append(cut)
        hidden = [((b"*",), self._data()), ((b"down", b"deep"), ["NS ns1"]), ((b"tree",), [f"DNAME {self._target()}"]),
                  ((b"alias",), [f"CNAME {self._target()}"]), ((b"www",), self._data())]
        for name, data in self.random.sample(hidden, 2):
            self._add(name + first, *data)

    def _renamed(self):
        name = (b"tree",) + self._base(2)
        if any(len(other) > len(name) and other[-len(name):] == name for other in self.records):
            return
        target = self.random.choice([self._target, self._target, lambda: ".".join("z" * 60 for _ in range(3))])()
        if self._add(name, f"DNAME {target}", *(["A 192.0.2.7"] if self.random.random() < 0.5 else [])):
            self.dnames.append(name)

    def _chain(self):
        name = (b"alias",) + self._base(2)
        for i in range(self.random.randint(1, 4)):
            if self._add(name, f"CNAME {self._target()}"):
                self.aliases.append(name)
            name = (f"alias{i}".encode(),) + self._base(1)

    def _long(self):
        """Names of 255 bytes, and what is as long as can be under a wildcard."""
        fill = 255 - (len(ORIGIN) + 2) - 3 * 64 - 1
        if not self.longest:
            return
        self._add((b"l" * fill,) + (b"x" * 63,) * 3, *self._data())
        self._add((b"*",) + (b"x" * 63,) * self.random.randint(1, 3), *self._data())

    def _target(self):
        """A name of any kind: there, below one that is there, renamed, delegated, hidden, an alias, nowhere, another's."""
        there = sorted(self.records) or [(b"a",)]
        kinds = [lambda: self.random.choice(there), lambda: (b"y",) + self.random.choice(there), lambda: (b"nowhere",) + self._base(1),
                 lambda: (b"y", b"z") + self.random.choice(self.dnames or there), lambda: (b"www",) + self.random.choice(self.cuts or there),
                 lambda: self.random.choice(self.cuts or there), lambda: self.random.choice(self.aliases or there), lambda: self._base(3)]
        if self.random.random() < 0.06:
            return "www.example.org."
        name = self.random.choice(kinds)()
        return self._text(name) if sum(len(label) + 1 for label in name) < 240 else "a"

    def text(self):
        lines = [f"{self._text(name)} {record}" for name, records in self.records.items() for record in records]
        return HEAD + "\n".join(lines) + "\n"

    def questions(self, at_most=500):
        """(name, type) as Zone has them, the names as tuples of labels."""
        names = {(), (b"nowhere",), (b"ns1",), (b"a", b"nowhere")}
        for name in self.records:
            names |= {name, (b"new",) + name, (b"deep", b"new") + name, (b"*",) + name, (b"new",) + name[1:], (b"\0",) + name,
                      (b"n" * 63,) + name, (b"n" * 63,) * 3 + name}
            names |= {name[i:] for i in range(1, len(name))}
        asked = []
        for name in sorted(names):
            full = name + tuple(label.encode() for label in ORIGIN.split("."))
            if sum(len(label) + 1 for label in full) + 1 > 255:
                continue
            for kind in ["A"] + self.random.sample(self.TYPES, 4):
                asked.append((tuple(bytes(c ^ 32 if 65 <= c & 0xDF <= 90 and self.random.random() < 0.2 else c for c in label) for label in full),
                              kind))
        return self.random.sample(asked, min(len(asked), at_most))
