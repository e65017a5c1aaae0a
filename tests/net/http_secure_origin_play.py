#!/usr/bin/env python3
"""Web servers that speak HTTPS: nginx with a certificate, asked by the edge and by probes, and refused when it is not who it must be."""
import re
import signal
import subprocess

from play import check, equal, run, scene, site, until
from probing import OFTEN, Target

LARGE = bytes(range(256)) * 12288  # 3 MiB


def certificate(stage, name):
    """A certificate that signs itself, and its key."""
    paths = [stage.file(f"{name}.{kind}.pem", "") for kind in ("certificate", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", paths[1],
                    "-out", paths[0]], check=True, capture_output=True, timeout=30)
    return paths


def secure_nginx(stage, name):
    """nginx and the address where it speaks HTTPS, as `name`."""
    chain, key = certificate(stage, name)
    address = stage.endpoint()
    nginx = stage.nginx(files={"/a": "hello", "/large": LARGE}, server=f"""
        listen {address} ssl; ssl_certificate {chain}; ssl_certificate_key {key};
        location / {{ add_header Cache-Control max-age=60; add_header X-Asked-For $ssl_server_name; }}""")
    return nginx, address, chain


@scene
def served(stage):
    """Pages, large files and parts come over HTTPS and are stored as others are; nginx is asked by the name that users use."""
    nginx, address, chain = secure_nginx(stage, "a.test")
    origin = {"name": "web", "address": address, "tls": True, "tls_ca_file": chain}
    popnet = stage.popnet([site("a", []) | {"origins": [origin], "probes": [{"kind": "http", "path": "/a", **OFTEN}]}])
    answer = popnet.get("/a", "a.test")
    equal("the page", (answer.status, answer.body, answer.fields["X-Asked-For"]), (200, b"hello", "a.test"))
    check("is stored", popnet.get("/a", "a.test").hit)
    equal("a large file comes whole", popnet.get("/large", "a.test").body, LARGE)
    until("and once", lambda: sum("/large" in line for line in nginx.requests()) == 1)
    Target(popnet, "web", "a").becomes("up")


@scene
def refused(stage):
    """A certificate that the config does not trust is no origin for users, nor for probes; with the right file and a reload it is."""
    _, address, chain = secure_nginx(stage, "a.test")
    other, _ = certificate(stage, "other.test")
    trusted = stage.file("trusted.pem", open(other, encoding="ascii").read())
    origin = {"name": "web", "address": address, "tls": True, "tls_ca_file": trusted}
    popnet = stage.popnet([site("a", []) | {"origins": [origin], "probes": [{"kind": "http", "path": "/a", **OFTEN}]}])
    equal("users hear of a bad gateway", popnet.get("/a", "a.test").status, 502)
    Target(popnet, "web", "a").becomes("down", re.compile("TLS certificate refused: .*self-signed certificate"))
    check("the log says why", "certificate refused: self-signed certificate" in popnet.log(), popnet.log())

    with open(trusted, "w", encoding="ascii") as file:
        file.write(open(chain, encoding="ascii").read())
    popnet.signal(signal.SIGHUP)
    until("the right file counts", lambda: popnet.get("/a", "a.test").status == 200)
    Target(popnet, "web", "a").becomes("up")


if __name__ == "__main__":
    run()
