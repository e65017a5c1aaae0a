#!/usr/bin/env python3
"""Each kind of probe against the real server that it is made for: its values, their ages, its reasons, its verdicts."""
import json
import os
import re
import signal
import subprocess
import sys

from play import check, equal, run, scene, site, until
from probing import OFTEN, Target

HERE = os.path.dirname(os.path.abspath(__file__))


def probe(kind, **options):
    return {"kind": kind, **OFTEN, **options}


def watch(stage, origins, **sections):
    """A popnet that probes these: {"name": (address, [probes])}, each a site. Returns it and the targets by name."""
    sites = [site(name, [], origin_host="shop.test") | {"origins": [{"name": "web", "address": address}], "probes": probes}
             for name, (address, probes) in origins.items()]
    popnet = stage.popnet(sites, **sections)
    return popnet, {name: Target(popnet, "web", name) for name in origins}


def slow(stage, server, name):
    """A line to that server, which answers 250 ms late from SIGUSR1 on."""
    return stage.wait_for(stage.program(name, [sys.executable, "-BS", os.path.join(HERE, "slow_line.py")],
                                        arguments=(server.address, "0.25")))


@scene
def http(stage):
    """Status, body and time to first byte of a real nginx."""
    nginx = stage.nginx(files={"/health": "all is well: 42 workers", "/other": "x"})
    line = slow(stage, nginx, "line")
    _, seen = watch(stage, {
        "plain": (nginx.address, [probe("http", path="/health")]),
        "body": (nginx.address, [probe("http", path="/health", body="all is well")]),
        "regex": (nginx.address, [probe("http", path="/health", body_regex="[0-9]+ workers$")]),
        "status": (nginx.address, [probe("http", path="/gone", status=["404"])]),
        "head": (nginx.address, [probe("http", path="/other", method="HEAD")]),
        "late": (line.address, [probe("http", path="/health")])})
    for target in seen.values():
        target.becomes("up")
    seen["plain"].measured("http_ms", 0.01, 490)
    line.process.signal(signal.SIGUSR1)
    until("time to first byte: late by what the line takes", lambda: (seen["late"].value("http_ms") or 0) >= 250)
    equal("slow is not dead", seen["late"].health, "up")

    stage.file("nginx/root/health", "starting")
    seen["body"].becomes("down", "http: 'all is well' is not in the body")
    seen["regex"].becomes("down", "http: nothing in the body matches '[0-9]+ workers$'")
    equal("who looks at no body is content", seen["plain"].health, "up")
    stage.file("nginx/root/health", "all is well: 7 workers")
    os.unlink(os.path.join(nginx.root, "other"))
    stage.file("nginx/root/gone", "here again")
    seen["body"].becomes("up")
    seen["regex"].becomes("up")
    seen["head"].becomes("down", "http: HTTP 404, expected 200-399")
    seen["status"].becomes("down", "http: HTTP 200, expected 404")
    nginx.kill()
    seen["plain"].becomes("down", "http: connection refused")


def certificate(stage, name, host):
    """A self-made certificate for that host; returns the paths of certificate and key."""
    paths = [os.path.join(stage.folder, f"{name}.{part}") for part in ("crt", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@scene
def https(stage):
    """A certificate is checked against trust and name, or not at all, as the probe says."""
    cert, key = certificate(stage, "own", "shop.test")
    plain = stage.nginx("plain", {"/index.html": "hello"})
    tls_at = stage.endpoint()
    tls_port = int(tls_at.rsplit(":", 1)[1])
    stage.nginx("tls", {"/index.html": "hello", "/load.json": '{"cpu": 0.5, "memory": 0.25}'},
                f"listen {tls_at} ssl; ssl_certificate {cert}; ssl_certificate_key {key};")
    secure = {"scheme": "https"}
    _, seen = watch(stage, {
        "trusted": (tls_at, [probe("http", ca_file=cert, **secure)]),
        "anything": (tls_at, [probe("http", verify=False, **secure)]),
        "stranger": (tls_at, [probe("http", **secure)]),
        "misnamed": (tls_at, [probe("http", ca_file=cert, host="other.test", **secure)]),
        "loadtrusted": (tls_at, [probe("load", port=tls_port, path="/load.json", tls=True, ca_file=cert)]),
        "loadstranger": (tls_at, [probe("load", port=tls_port, path="/load.json", tls=True, affects_health=True)]),
        "talksplain": (plain.address, [probe("http", verify=False, **secure)]),
        "expectsplain": (tls_at, [probe("http", scheme="http")])})
    seen["trusted"].becomes("up")
    seen["trusted"].measured("http_ms", 0.01, 490)
    seen["anything"].becomes("up")
    seen["stranger"].becomes("down", re.compile("http: TLS certificate refused: .*self[- ]signed certificate"))
    until("the load is read where its certificate is trusted", lambda: seen["loadtrusted"].value("memory") == 0.25)
    seen["loadstranger"].becomes("down", re.compile("load: TLS certificate refused: .*self[- ]signed certificate"))
    seen["misnamed"].becomes("down", re.compile("http: TLS certificate refused: .*other.test"))
    seen["talksplain"].becomes("down", re.compile("http: TLS handshake failed: "))
    seen["expectsplain"].becomes("down", "http: HTTP 400, expected 200-399")
    equal("a refused certificate gives no time", seen["stranger"].value("http_ms"), None)


@scene
def verdicts(stage):
    """kill -9: the verdict falls after `fall` failures in a row, not before, and rises after `rise` successes."""
    nginx = stage.nginx(files={"/index.html": "home"})
    popnet, seen = watch(stage, {"web": (nginx.address, [probe("tcp", fall=12, rise=3)])})
    web = seen["web"]
    web.becomes("up")
    web.measured("tcp_ms", 0.001, 490)
    failures = lambda: popnet.counter("popnet_probe_failures_total")
    attempts = lambda: popnet.counter("popnet_probe_attempts_total")
    changes = lambda: popnet.counter("popnet_probe_verdict_changes_total")
    # The verdict is read before the counter: what the counter says may be newer, never older.
    equal("no failure yet, and the first verdict", (failures(), changes()), (0, 1))
    nginx.kill()
    until("the first failure is told, and the server is still up",
          lambda: (lambda state: state["health"] == "up" and state.get("error") == "tcp: connection refused")(web.state()))
    until("the verdict falls", lambda: web.health == "down")
    check(f"not before 12 failures ({failures():.0f} by now)", failures() >= 12)
    equal("that was one change of verdict", changes(), 2)

    before = attempts()
    stage.nginx(address=nginx.address)
    until("a success is seen, and the server is still down",
          lambda: (lambda state: state["health"] == "down" and not state.get("error"))(web.state()))
    until("the verdict rises", lambda: web.health == "up")
    check(f"not before 3 successes ({attempts() - before:.0f} attempts)", attempts() - before >= 3)
    check("the log says both, with the reason", "tcp finds web/web down: connection refused" in popnet.log() and
          "tcp finds web/web up again" in popnet.log(), popnet.log())


@scene
def ftp(stage):
    """Login and a file's size at a real vsftpd, its response time, and the refusals in its own words."""
    vsftpd = stage.vsftpd()
    stage.file("vsftpd/pub/list.txt", "one\n")
    line = slow(stage, vsftpd, "line")
    here = stage.nginx().address  # the FTP servers stand on ports of their own
    host = lambda server: server.address.rsplit(":", 1)[0] + ":80"
    patient = {"interval": "2s", "timeout": "1900ms", "max_age": "10s"}
    _, seen = watch(stage, {
        "login": (host(vsftpd), [probe("ftp", port=vsftpd.port, **patient)]),
        "file": (host(vsftpd), [probe("ftp", port=vsftpd.port, path="/pub/list.txt", **patient)]),
        "nofile": (host(vsftpd), [probe("ftp", port=vsftpd.port, path="/pub/no.txt", **patient)]),
        "nouser": (host(vsftpd), [probe("ftp", port=vsftpd.port, user="root", **patient)]),
        "notftp": (here, [probe("ftp", port=int(here.rsplit(":", 1)[1]), **patient)]),
        "late": (host(line), [probe("ftp", port=line.port, **patient)])})
    for name in ("login", "file"):
        seen[name].becomes("up")
        seen[name].measured("ftp_ms", 0.1, 1900, max_age_ms=10000)
    seen["nofile"].becomes("down", "ftp: FTP 550 Could not get file size.")
    seen["nouser"].becomes("down", re.compile("ftp: FTP 530 "))
    seen["notftp"].becomes("down", re.compile("ftp: "))
    line.process.signal(signal.SIGUSR1)
    until("a slow line is seen in the response time", lambda: (seen["late"].value("ftp_ms") or 0) >= 500)
    vsftpd.kill()
    seen["login"].becomes("down", "ftp: connection refused")


@scene
def load(stage):
    """CPU and memory by prometheus-node-exporter and by JSON; a probe that fails says why, and its samples expire."""
    exporter = stage.node_exporter()
    nginx = stage.nginx(files={"/load.json": json.dumps({"load": {"cpu": 42, "memory": 17.5}}),
                               "/words.json": '{"cpu": "much", "memory": 0.1}', "/page.html": "<html>hello"})
    host = exporter.address.rsplit(":", 1)[0]
    json_probe = lambda path, **more: probe("load", port=nginx.port, path=path, **more)
    web = nginx.address.rsplit(":", 1)[0]
    popnet, seen = watch(stage, {
        "exporter": (f"{host}:80", [probe("load", port=exporter.port)]),
        "json": (f"{web}:80", [json_probe("/load.json", cpu="/load/cpu", memory="/load/memory", scale=100)]),
        "words": (f"{web}:80", [json_probe("/words.json")]),
        "page": (f"{web}:80", [json_probe("/page.html")]),
        "nothing": (f"{web}:80", [json_probe("/gone")])})
    seen["exporter"].measured("cpu", 0, 1)
    memory = seen["exporter"].measured("memory", 0.001, 1)
    check("memory is what the kernel says", abs(memory - memory_in_use()) < 0.1, memory_in_use())
    equal("JSON is taken at its word", seen["json"].measured("cpu", 0.42, 0.42), 0.42)
    seen["json"].measured("memory", 0.175, 0.175)
    seen["words"].becomes("unknown", "load: no number at /cpu")
    seen["page"].becomes("unknown", re.compile("load: no node_cpu_seconds_total in the page"))
    seen["nothing"].becomes("unknown", "load: HTTP 404, expected 200")
    check("a load is made of it", seen["exporter"].state()["load"] is not None)

    exporter.kill()
    seen["exporter"].becomes("unknown", "load: connection refused")  # its samples are still held
    until("its samples expire", lambda: seen["exporter"].state()["metrics"] == {})
    equal("then its load is unknown", seen["exporter"].state()["load"], None)
    check("and it still counts as alive", seen["exporter"].state()["alive"])
    equal("the others' samples live on", seen["json"].value("cpu"), 0.42)

    popnet.config["sites"][1]["probes"] = [probe("tcp")]
    popnet.write_config(popnet.config)
    popnet.signal(signal.SIGHUP)
    until("what a probe had measured that the config has no more expires, too", lambda: seen["json"].value("cpu") is None)


def memory_in_use():
    with open("/proc/meminfo", encoding="ascii") as lines:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return 1 - kib["MemAvailable"] / kib["MemTotal"]


@scene
def host(stage):
    """A POP measures its own machine, and others over HTTP; traffic counts against its capacity."""
    address = stage.address()
    listens = {"http_listen": stage.endpoint(address), "dns_listen": stage.endpoint(address)}
    gone = stage.endpoint()
    pop = lambda name, http: {"name": name, "addresses": http.rsplit(":", 1)[0], "http_port": int(http.rsplit(":", 1)[1]),
                              "capacity": "1Mbit"}
    nginx = stage.nginx(files={"/big": "x" * 1_000_000})
    popnet = stage.popnet([site("shop", [nginx])], node={"pop": "here", **listens},
                          pops=[pop("here", listens["http_listen"]), pop("gone", gone)],
                          network={"zone": "cdn.test", "pop_probes": [probe("host"), probe("http", fall=2)]})
    here = Target(popnet, "here")
    here.measured("memory", 0.001, 1)
    here.measured("cpu", 0, 1)
    here.measured("traffic", 0, 1)

    def busy():
        popnet.get("/big", "shop.test")
        return here.value("traffic") > 0.5

    until("a megabyte a moment fills a line of 1 Mbit/s", busy)
    Target(popnet, "gone").becomes("down", "http: connection refused")


if __name__ == "__main__":
    run()
