"""Zones signed by others: BIND's dnssec-signzone and ldns-signzone."""
import glob
import os
import subprocess

from play_http import PATIENCE, Failure

# Of dnssec-signzone.
SIGNED = {"nsec": [], "nsec3": ["-3", "-"], "nsec3 opt-out": ["-3", "-", "-A"], "nsec3 salted": ["-3", "ab12", "-H", "5"]}


def _run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=8 * PATIENCE)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def _keys(zone_file):
    folder = zone_file + ".keys"
    os.makedirs(folder)
    return folder


def sign(zone_file, origin, options=()):
    """Signs it with BIND's tools, whatever it holds, and returns the path of the signed file."""
    folder, signed = _keys(zone_file), zone_file + ".signed"
    for role in (["-f", "KSK"], []):
        _run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *role, origin], folder)
    _run(["dnssec-signzone", "-q", "-P", "-S", "-K", folder, "-o", origin, "-O", "full", "-f", signed, *options, zone_file], folder)
    return signed


def sign_by_ldns(zone_file, origin, options=()):
    """The same with ldns. `options`: "-n" for NSEC3, "-p" for opt-out, "-t" rounds, "-s" salt."""
    folder, signed = _keys(zone_file), zone_file + ".signed"
    keys = [_run(["ldns-keygen", "-a", "ECDSAP256SHA256", *role, origin], folder).strip() for role in (["-k"], [])]
    _run(["ldns-signzone", "-o", origin, "-f", signed, *options, zone_file, *keys], folder)
    return signed


def keys_of(zone_file):
    """The zone's public keys, as in a zone file."""
    lines = []
    for path in sorted(glob.glob(zone_file + ".keys/*.key")):
        with open(path, encoding="utf-8") as file:
            lines += [line.split(";")[0].strip() for line in file if " DNSKEY" in line or "\tDNSKEY" in line]
    return lines
