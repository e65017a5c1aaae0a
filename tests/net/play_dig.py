"""The real dig (bind9-dnsutils), so that another's implementation judges ours."""
import re
import subprocess

from play_http import PATIENCE, Failure


class Dug:
    """What dig printed: status, opcode, flags, sections as lines of words, EDNS (or None), warnings."""

    def __init__(self, text):
        self.text = text
        head = re.search(r"opcode: (\w+), status: (\w+), id", text)
        self.opcode, self.status = head.groups() if head else (None, None)
        flags = re.search(r";; flags: ([^;]*);", text)
        self.flags = flags.group(1).split() if flags else []
        self.warnings = re.findall(r";; (?:Warning|WARNING): (.*)", text)
        edns = re.search(r"; EDNS: version: (\d+), flags:([^;]*); udp: (\d+)", text)
        self.edns = {"version": int(edns.group(1)), "flags": edns.group(2).split(), "udp": int(edns.group(3))} if edns else None
        subnet = re.search(r"; CLIENT-SUBNET: (\S+)", text)
        self.subnet = subnet.group(1) if subnet else None
        self.question, self.answer = self._section("QUESTION"), self._section("ANSWER")
        self.authority, self.additional = self._section("AUTHORITY"), self._section("ADDITIONAL")
        self.over_tcp = "(TCP)" in text

    def _section(self, name):
        found = re.search(rf";; {name} SECTION:\n(.*?)(?:\n\n|\Z)", self.text, re.S)
        lines = found.group(1).splitlines() if found else []
        return [" ".join(line.lstrip(";").split()) for line in lines]

    def __repr__(self):
        return f"{self.status} {self.flags} {self.answer} {self.authority}"


def ask_both(server, *arguments):
    """The same question over UDP and over TCP: the replies must be equal, but for what UDP has cut (then TCP's is returned)."""
    over_udp = run_dig(server, "+notcp", "+ignore", *arguments)
    over_tcp = run_dig(server, "+tcp", *arguments)
    cut = "tc" in over_udp.flags
    parts = lambda dug: (dug.status, [flag for flag in dug.flags if flag != "tc"], dug.question, dug.edns, dug.subnet,
                         *([] if cut else map(sorted, (dug.answer, dug.authority, dug.additional))))
    if not over_tcp.over_tcp or "tc" in over_tcp.flags or parts(over_udp) != parts(over_tcp):
        raise Failure(f"{' '.join(arguments)}: UDP and TCP differ\n{over_udp.text}\n{over_tcp.text}")
    return over_tcp if cut else over_udp


def run_dig(server, *arguments):
    """dig @server with these arguments; neither tries again nor follows search lists."""
    host, port = server.rsplit(":", 1)
    command = ["dig", f"@{host}", "-p", port, "+norec", "+tries=1", f"+time={int(PATIENCE)}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE)
    if run.returncode not in (0, 10):  # 10: the server closed the connection early
        raise Failure(f"{' '.join(command)}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
    return Dug(run.stdout)
