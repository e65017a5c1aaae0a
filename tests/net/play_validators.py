"""What others say of signed zones: dnsviz of answers; of whole copies, as dig gets them, ldns, Knot and BIND."""
import json
import re
import subprocess

from play import equal
from play_dns_servers import split
from play_http import PATIENCE, Failure


def copy_of(stage, server, name, key=None, zone="zone.test"):
    """Writes what the server sends for AXFR to a file of that name; its path and records."""
    host, port = split(server)
    command = ["dig", f"@{host}", "-p", port, *(["-y", key] if key else []), "+tcp", "+tries=1", f"+time={int(PATIENCE)}", "+onesoa",
               "+noall", "+answer", zone, "axfr"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE).stdout
    records = [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";") and " TSIG " not in line]
    return stage.file(name, "".join(f"{record}\n" for record in records)), records


def ask_delv(server, anchor, root, name, kind):
    """
    What delv says. Whatever a server does (no answer over UDP or TCP, truncated ones, errors), delv ends by itself within 12 s. One
    that does not hangs in itself (9.18, once, on a loaded machine): it is asked again.
    """
    host, port = split(server)
    command = ["delv", f"@{host}", "-p", port, "-a", anchor, f"+root={root}", name, kind]
    for patience in 2 * PATIENCE, 4 * PATIENCE:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
            return done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            print(f"  {' '.join(command)} has not ended by itself after {patience:g} s", flush=True)
    raise Failure("delv hangs")


def serial_of(records):
    return int(records[0].split()[6])


def judge(path, zone="zone.test"):
    """Fails unless three validators find the whole zone right: each signature, each link of the chain, each type in it.

    Knot's (3.2) is not asked while two keys sign everything: it refuses such zones, those of dnssec-signzone -z, too.
    """
    with open(path, encoding="utf-8") as file:
        text = file.read()
    entry, others = (len(re.findall(rf" DNSKEY {flags} ", text)) for flags in (257, 256))
    commands = [["ldns-verify-zone", path], ["dnssec-verify", *(["-z"] if others == 0 else []), "-o", zone, path]]
    if others > 0 or entry == 1:
        commands.append(["kzonecheck", "-d", "on", "-o", zone, path])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=8 * PATIENCE)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}: {done.stdout}{done.stderr}\n{text}")


def look_with_dnsviz(stage, endpoint, zone, names, server="ns1"):
    """Fails unless dnsviz finds nothing to say of these names of the zone, whose name server is `server` there."""
    host, port = split(endpoint)
    probe = f"{stage.folder}/probe.json"
    done = subprocess.run(["dnsviz", "probe", "-A", "-4", "-a", zone, "-x", f"{zone}+:{server}.{zone}={host}:{port}", "-o", probe, "-d", "1",
                           *names], capture_output=True, text=True, timeout=20 * PATIENCE)
    equal("dnsviz probe", done.returncode, 0)
    grok = lambda level: subprocess.run(["dnsviz", "grok", "-l", level, "-r", probe], capture_output=True, text=True,
                                        timeout=20 * PATIENCE)
    told = grok("info").stdout
    equal("what it looked at", sorted(json.loads(told)), sorted(f"{name}." for name in names))
    equal("all that it said of signatures", set(re.findall(r'"status": "([A-Z_]+)"', told)) - {"NXDOMAIN"}, {"NOERROR", "VALID"})
    done = grok("error")
    equal("dnsviz grok -l error", (done.stdout.strip(), done.stderr.strip()), ("", ""))
