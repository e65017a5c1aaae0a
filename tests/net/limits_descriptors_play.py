#!/usr/bin/env python3
"""What a node does with few files and sockets: it says so, divides them, and does not spin when they are all taken."""
import os
import resource
import socket
import subprocess
import time

from play import POPNET, check, equal, run, scene, site, until


def busy_seconds(popnet, thread):
    """CPU time that a thread of that name has used."""
    total = 0
    for task in os.listdir(f"/proc/{popnet.pid}/task"):
        with open(f"/proc/{popnet.pid}/task/{task}/comm", encoding="utf-8") as name:
            if name.read().strip() == thread:
                with open(f"/proc/{popnet.pid}/task/{task}/schedstat", encoding="utf-8") as stat:
                    total += int(stat.read().split()[0]) / 1e9
    return total


@scene
def far_too_few(stage):
    """With 5, 10, 20 or 40 it does not start: one clear line, exit code 3."""
    config = stage.file("few.yaml", 'node: {threads: 1, http_listen: "%s", dns_listen: "%s", admin_listen: "%s"}\n'
                        'sites: [{name: a, probes: [], hostnames: [{name: a.test}], origins: [{address: "127.0.0.1:1"}]}]\n'
                        % (stage.endpoint(), stage.endpoint(), stage.endpoint()))
    for limit in (5, 10, 20, 40):
        ended = subprocess.run([POPNET, "serve", "--config", config], capture_output=True, text=True, timeout=60, check=False,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        equal(f"exit code with {limit}", ended.returncode, 3)
        check("one line that says why", ended.stderr.count("\n") == 1 and "open" in ended.stderr, ended.stderr)


@scene
def raises_the_soft_limit(stage):
    """A soft limit that is lower than it must be is raised."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        popnet = stage.popnet([site("a", ["127.0.0.1:1"])])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    soft, hard = resource.prlimit(popnet.pid, resource.RLIMIT_NOFILE)
    equal("the soft limit is the hard one", soft, hard)


@scene
def all_taken(stage):
    """Idle connections take every descriptor that the admin API may have: it rests, and answers when they are gone."""
    popnet = stage.popnet([site("a", ["127.0.0.1:1"])], node={"threads": 1})
    taken = len(os.listdir(f"/proc/{popnet.pid}/fd"))
    resource.prlimit(popnet.pid, resource.RLIMIT_NOFILE, (taken + 8, taken + 8))
    host, port = popnet.admin.rsplit(":", 1)
    idle = [socket.create_connection((host, int(port))) for _ in range(60)]
    until("all are taken", lambda: len(os.listdir(f"/proc/{popnet.pid}/fd")) >= taken + 8)
    start, used = time.monotonic(), busy_seconds(popnet, "admin")
    time.sleep(1)  # that nothing happens can only be seen by watching a while
    share = (busy_seconds(popnet, "admin") - used) / (time.monotonic() - start)
    check("the thread rests", share < 0.02, f"{share:.3f} of a core")
    for one in idle:
        one.close()
    equal("and answers again", popnet.api("GET", "/healthz").status, 200)


@scene
def no_socket_for_an_origin(stage):
    """Where this machine has no socket for it, the request fails; the origin has done nothing, and is not asked last."""
    origin = stage.origin(lambda asked: asked.answer(200, {"Connection": "close"}, "here"))
    popnet = stage.popnet([site("a", [origin])], node={"threads": 1})
    client = popnet.connect()
    equal("as long as there are some", client.ask("/x", "a.test").answer().status, 200)
    before = resource.prlimit(popnet.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(popnet.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    for _ in range(6):
        equal("while there are none", client.ask("/x", "a.test").answer().status, 502)
    resource.prlimit(popnet.pid, resource.RLIMIT_NOFILE, before)
    equal("against its health", popnet.counter("popnet_http_origin_ejections_total", site="a"), 0)
    equal("and then", client.ask("/x", "a.test").answer().status, 200)


if __name__ == "__main__":
    run()
