"""A DNS query over UDP or TCP, as dig sends it: enough of RFC 1035 and RFC 7871 for plays."""
import ipaddress
import os
import socket
import struct

from play_http import Failure, PATIENCE

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35, "DNAME": 39,
         "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "HTTPS": 65, "IXFR": 251, "AXFR": 252, "ANY": 255, "CAA": 257, "TYPE300": 300,
         "TYPE65400": 65400}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 9: "NOTAUTH", 16: "BADVERS"}
CLASS_IN, TYPE_OPT, OPTION_SUBNET = 1, 41, 8


class Reply:
    """rcode, flags and records (name, type, ttl, text) of one reply; `scope` of its client subnet, or None."""

    def __init__(self, message):
        self.message = message
        ident, flags, *counts = struct.unpack("!6H", message[:12])
        self.id, self.flags, self.rcode = ident, flags, RCODES.get(flags & 15, str(flags & 15))
        self.authoritative, self.truncated = bool(flags & 0x400), bool(flags & 0x200)
        self.scope = None
        at = 12
        for _ in range(counts[0]):
            self.name, at = self._name(at)
            at += 4
        self.answers, at = self._records(at, counts[1])
        self.authorities, at = self._records(at, counts[2])
        self.additionals, at = self._records(at, counts[3])

    def addresses(self):
        return [text for _, kind, _, text in self.answers if kind in ("A", "AAAA")]

    def ttls(self):
        return [ttl for _, _, ttl, _ in self.answers]

    def _name(self, at):
        labels, end = [], None
        while length := self.message[at]:
            if length >= 0xC0:
                end = end or at + 2
                at = struct.unpack("!H", self.message[at:at + 2])[0] & 0x3FFF
                continue
            labels.append(self.message[at + 1:at + 1 + length].decode("latin-1"))
            at += 1 + length
        return ".".join(labels), end or at + 1

    def _records(self, at, count):
        records = []
        for _ in range(count):
            name, at = self._name(at)
            kind, cls, ttl, size = struct.unpack("!HHIH", self.message[at:at + 10])
            at += 10
            if kind == TYPE_OPT:
                self._options(self.message[at:at + size])
            else:
                kinds = [text for text, number in TYPES.items() if number == kind]
                records.append((name, kinds[0] if kinds else str(kind), ttl, self._data(kind, at, size)))
            at += size
        return records, at

    def _data(self, kind, at, size):
        data = self.message[at:at + size]
        if kind in (TYPES["A"], TYPES["AAAA"]):
            return str(ipaddress.ip_address(data))
        if kind in (TYPES["CNAME"], TYPES["NS"], TYPES["SOA"]):
            return self._name(at)[0]
        return data

    def _options(self, data):
        while len(data) >= 4:
            code, size = struct.unpack("!HH", data[:4])
            if code == OPTION_SUBNET:
                self.scope = data[4 + 3]
            data = data[4 + size:]


def make_query(name, kind="A", subnet=None, dnssec_ok=False):
    """`name`: text, or labels in bytes."""
    labels = [label.encode() for label in name.rstrip(".").split(".")] if isinstance(name, str) else name
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    option = b""
    if subnet:
        network = ipaddress.ip_network(subnet)
        address = network.network_address.packed[:(network.prefixlen + 7) // 8]
        payload = struct.pack("!HBB", 1 if network.version == 4 else 2, network.prefixlen, 0) + address
        option = struct.pack("!HH", OPTION_SUBNET, len(payload)) + payload
    ident = struct.unpack("!H", os.urandom(2))[0]
    header = struct.pack("!6H", ident, 0x100, 1, 0, 0, 1)
    opt = b"\0" + struct.pack("!HHIH", TYPE_OPT, 1232, 0x8000 if dnssec_ok else 0, len(option)) + option
    return header + question + struct.pack("!HH", TYPES[kind], CLASS_IN) + opt


def dig(server, name, kind="A", subnet=None, tcp=False, source="", tries=1):
    """
    Asks "address:port"; `subnet` is an EDNS client subnet like "198.51.100.0/24", `source` the address to ask from.
    `tries`: over UDP, how often the query is sent before no answer is a failure. Resolvers drop what took them long (unbound
    after 1.9 s: discard-timeout) and have the answer ready when they are asked again, as every stub resolver does.
    """
    host, port = server.rsplit(":", 1)
    query = make_query(name, kind, subnet)
    style = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, style) as sock:
        sock.settimeout(PATIENCE / tries)
        sock.bind((source, 0))
        sock.connect((host, int(port)))
        for left in reversed(range(tries)):
            sock.sendall((struct.pack("!H", len(query)) if tcp else b"") + query)
            try:
                message = read_tcp(sock) if tcp else sock.recv(65535)
                break
            except socket.timeout as error:
                if left == 0:
                    raise Failure(f"{server} did not answer for {name}") from error
    if message[:2] != query[:2]:
        raise Failure("the reply has another id")
    return Reply(message)


def read_tcp(sock):
    data = b""
    while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
        more = sock.recv(65535)
        if not more:
            raise Failure(f"the TCP connection ended after {len(data)} bytes")
        data += more
    return data[2:]
