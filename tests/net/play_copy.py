"""Copies of signed zones, as dig gets them, and what ldns, Knot and BIND say of them."""
import re
import subprocess

from play_http import PATIENCE, Failure
from play_dns_servers import split


def copy_of(stage, server, name, key=None, zone="zone.test"):
    """Writes what the server sends for AXFR to a file of that name; its path and records."""
    host, port = split(server)
    command = ["dig", f"@{host}", "-p", port, *(["-y", key] if key else []), "+tcp", "+tries=1", f"+time={int(PATIENCE)}", "+onesoa",
               "+noall", "+answer", zone, "axfr"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE).stdout
    records = [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";") and " TSIG " not in line]
    return stage.file(name, "".join(f"{record}\n" for record in records)), records


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
