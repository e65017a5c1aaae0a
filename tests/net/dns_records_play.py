#!/usr/bin/env python3
"""dnstap and the query log: what others' readers make of it, and that nobody waits for them."""
import json
import os
import socket
import subprocess

import yaml

from paced_load import Load
from play import PATIENCE, check, equal, run, scene, until
from play_dns import dig

ZONE = "@ 300 IN SOA ns1 hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"


def serve(stage, name="popnet", **dns_server):
    return stage.popnet(zones=[{"name": "zone.test", "file": stage.file("zone.test.zone", ZONE)}], name=name,
                        node={"dns_server": dns_server, "state_dir": os.path.join(stage.folder, "state")})


def read_tap(path):
    """What BIND's dnstap-read finds in a file of Frame Streams."""
    read = subprocess.run(["dnstap-read", "-y", path], capture_output=True, text=True, timeout=PATIENCE)
    equal(f"dnstap-read reads {os.path.basename(path)}", (read.returncode, read.stderr), (0, ""))
    return list(yaml.safe_load_all(read.stdout))


def capture(stage, path):
    """fstrm_capture, the reader of the library's authors, listens at `path`."""
    out = os.path.join(stage.folder, "captured")
    reader = stage.spawn("fstrm_capture", ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", path, "-w", out])
    until("fstrm_capture listens", lambda: os.path.exists(path))
    return reader, out


def stop_reader(reader):
    reader.stop()
    check("the reader has ended", not reader.alive())


@scene
def to_a_file(stage):
    """Each query and each reply, with addresses, ports, transport and the whole message."""
    path = os.path.join(stage.folder, "tap")
    with open(path, "wb") as old:
        old.write(b"from before")
    popnet = serve(stage, dnstap={"file": path})
    node = popnet.status()["node"]
    dig(popnet.dns, "ns1.zone.test", source="127.9.8.7")
    dig(popnet.dns, "nothing.zone.test", "AAAA", tcp=True)
    equal("stopped", popnet.stop(), 0)
    told = read_tap(path)
    equal("two exchanges", [one["message"]["type"] for one in told], ["AUTH_QUERY", "AUTH_RESPONSE"] * 2)
    equal("over", [one["message"]["socket_protocol"] for one in told], ["UDP", "UDP", "TCP", "TCP"])
    query, reply = told[0], told[1]
    host, port = popnet.dns.rsplit(":", 1)
    equal("who asked whom", (query["message"]["query_address"], query["message"]["response_address"], query["message"]["response_port"]),
          ("127.9.8.7", host, int(port)))
    check("from which port", query["message"]["query_port"] == reply["message"]["query_port"] > 0, query)
    equal("the server", (query["identity"], query["version"].split()[0]), (node, "popnet"))
    check("the question", "ns1.zone.test. IN A" in str(query["message"]["query_message_data"]["QUESTION_SECTION"]), query)
    check("the answer", "192.0.2.1" in str(reply["message"]["response_message_data"]["ANSWER_SECTION"]), reply)
    equal("the other's rcode", told[3]["message"]["response_message_data"]["status"], "NXDOMAIN")
    with open(path + ".old", "rb") as old:
        equal("what was there before is kept", old.read(), b"from before")


@scene
def to_a_reader(stage):
    """On a local socket; the reader comes late, goes, and comes again. Only replies are wanted."""
    path = os.path.join(stage.folder, "tap.sock")
    popnet = serve(stage, dnstap={"socket": path, "messages": ["response"]})
    dig(popnet.dns, "ns1.zone.test")
    until("without a reader they are lost, and counted", lambda: popnet.counter("popnet_dns_tap_lost_total") == 1)
    for turn in (1, 2):
        reader, out = capture(stage, path)
        until("the reader is found", lambda: popnet.log().count("tap.sock reads") == turn)
        before = popnet.counter("popnet_dns_tap_frames_total")  # with some that went to a reader who was gone
        for _ in range(20):
            dig(popnet.dns, "ns1.zone.test")
        until("all of them are handed over", lambda: popnet.counter("popnet_dns_tap_frames_total") == before + 20)
        stop_reader(reader)
        told = read_tap(out)
        equal("the reader has them", [one["message"]["type"] for one in told], ["AUTH_RESPONSE"] * 20)
        os.unlink(path)
        until("its end is noticed", lambda: popnet.log().count("lost the reader") == turn or
              dig(popnet.dns, "ns1.zone.test", tcp=True) is None)


@scene
def a_reader_who_sleeps(stage):
    """Says that it takes dnstap, then reads nothing: queries are answered as before, and frames are lost."""
    path = os.path.join(stage.folder, "tap.sock")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    popnet = serve(stage, dnstap={"socket": path})
    reader, _ = listener.accept()
    check("it is asked for dnstap", b"protobuf:dnstap.Dnstap" in reader.recv(1000))
    reader.send(bytes.fromhex("00000000" "00000004" "00000001"))  # ACCEPT, without a content type: anything
    until("it is taken for a reader", lambda: "reads" in popnet.log())
    with Load(popnet.dns, "udp", "ns1.zone.test", 4000) as load:
        until("it is behind", lambda: popnet.counter("popnet_dns_tap_lost_total") > 100)
    check(f"{load.answered} asked, none lost, the slowest took {load.slowest * 1000:.0f} ms", not load.lost, load.lost[:3])
    reader.close()


@scene
def lines(stage):
    """The query log: JSON lines of a quarter of the queries, a moved file made anew, and names that are no text."""
    path = os.path.join(stage.folder, "queries.log")
    popnet = serve(stage, query_log={"file": path})
    dig(popnet.dns, "ns1.zone.test", subnet="198.51.100.0/24", source="127.9.8.7")
    dig(popnet.dns, "not\"a\\host.zone.test", "HTTPS", tcp=True)
    dig(popnet.dns, "elsewhere.example")
    until("three lines", lambda: popnet.counter("popnet_dns_log_lines_total") == 3)
    with open(path, encoding="ascii") as log:
        of = {line["name"]: line for line in map(json.loads, log)}  # threads write in no order
    first, odd, refused = of["ns1.zone.test."], of['not\\"a\\\\host.zone.test.'], of["elsewhere.example."]
    expected = {"client": "127.9.8.7", "transport": "udp", "name": "ns1.zone.test.", "type": "A", "subnet": "198.51.100.0/24",
                "udp_size": 1232, "do": False, "rcode": "NOERROR", "kind": "answer", "truncated": False}
    equal("the first", {key: first[key] for key in expected}, expected)
    equal("odd bytes are escaped twice, as in master files and as in JSON", (odd["type"], odd["transport"], odd["rcode"]),
          ("HTTPS", "tcp", "NXDOMAIN"))
    equal("not ours", refused["rcode"], "REFUSED")
    os.rename(path, path + ".1")
    until("a moved file is made anew", lambda: os.path.exists(path))
    equal("stopped", popnet.stop(), 0)
    part = serve(stage, "part", query_log={"file": path, "sample": 0.25})
    with Load(part.dns, "udp", "ns1.zone.test", 4000) as load:
        until("2000 queries", lambda: part.counter("popnet_dns_queries_total") >= 2000)
    until("their lines are written", lambda: part.counter("popnet_dns_log_lines_total") > load.answered / 5)
    share = part.counter("popnet_dns_log_lines_total") / load.answered
    check(f"a quarter of {load.answered}", 0.2 < share < 0.3, share)


@scene
def from_process_to_process(stage):
    """serve --replace: both processes write whole streams; one that fails leaves the file alone."""
    path = os.path.join(stage.folder, "tap")
    first = serve(stage, dnstap={"file": path}, query_log={"file": os.path.join(stage.folder, "queries.log")})
    dig(first.dns, "ns1.zone.test")
    config = {**first.config, "node": {**first.config["node"], "drain_timeout": "1s"}}

    def successor(name, **changes):
        node = {**config["node"], **changes}
        return stage.popnet([], name, ("--replace",), wait=False, node=node, zones=config["zones"])

    taken = socket.create_server((stage.address(), 0))
    failing = successor("failing", dns_listen=[first.dns, "%s:%d" % taken.getsockname()])
    equal("one fails", failing.child.wait(15), 3)
    failing.killed = True
    dig(first.dns, "ns1.zone.test")
    second = successor("second")
    until("another takes over", lambda: not first.alive())
    dig(second.dns, "ns1.zone.test")
    equal("it is stopped", second.stop(), 0)
    equal("the first's", len(read_tap(path + ".old")), 4)
    equal("the second's", len(read_tap(path)), 2)


if __name__ == "__main__":
    run()
