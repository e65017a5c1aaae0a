#!/usr/bin/env python3
"""What the bus keeps, and what a node does when it cannot have heard all of it: two operators, purges that were missed."""
import os
import shutil
import subprocess

from play import PATIENCE, POPNET, check, equal, run, scene, site, until


def follower(stage, nats, sites):
    popnet = stage.popnet(sites, bus={"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True})
    until("the node is on the bus", lambda: popnet.status()["bus"]["connected"])
    return popnet


def config(popnet, *words):
    """`popnet config …`: exit code and what it says."""
    done = subprocess.run([POPNET, "config", *words, "--node", popnet.admin], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr


@scene
def two_operators(stage):
    """Both start from one config; who pushes second is refused and told so, and nothing of the first one's is lost."""
    popnet = follower(stage, stage.nats(), [site("file", ["127.0.0.1:1"])])
    names = lambda: [one["name"] for one in popnet.status()["sites"]]
    text = "sites: [{name: %s, probes: [], hostnames: [{name: %s.test, resolve: pop}], origins: [{address: 127.0.0.1:1}]}]\n"
    code, said = config(popnet, "push", stage.file("first.yaml", text % ("first", "first")))
    check("the first config needs no revision", code == 0 and "as revision 1" in said, said)
    until("it is in force", lambda: names() == ["first"])

    code, shown = config(popnet, "show")
    check("it is shown with its revision", code == 0 and shown.startswith("# popnet config revision 1;"), shown)
    alice, bob = (stage.file(f"{name}.yaml", shown.replace("first", name)) for name in ("alice", "bob"))
    code, said = config(popnet, "push", alice)
    check("Alice pushes what she has made of it", code == 0 and "as revision 2" in said, said)
    until("that is in force", lambda: names() == ["alice"])
    code, said = config(popnet, "push", bob)
    check("Bob is refused, and told what has happened and what to do", code == 1 and "revision 1 was to be replaced" in said
          and "at revision 2 by now" in said and "--force" in said, said)
    equal("what Alice has pushed is in force", names(), ["alice"])
    code, said = config(popnet, "push", stage.file("nothing.yaml", text % ("nothing", "nothing")))
    check("a file that does not say what it replaces is refused too", code == 1 and "at revision 2 by now" in said, said)
    code, said = config(popnet, "push", bob, "--revision", "2")
    check("Bob has looked, and says so", code == 0 and "as revision 3" in said, said)
    until("now his is in force", lambda: names() == ["bob"])
    code, said = config(popnet, "push", alice, "--force")
    check("by force anything goes", code == 0 and "as revision 4" in said, said)
    until("and is in force", lambda: names() == ["alice"])


@scene
def purges_missed(stage):
    """The bus loses what it kept: purges may have been in it, so all that is stored is asked for again before it is served."""
    nginx = stage.nginx(files={"/a.css": "a" * 100}, server='location / { add_header Cache-Control "max-age=600"; }')
    nats = stage.nats()
    popnet = follower(stage, nats, [site("a", [nginx])])
    equal("a purge makes the stream", popnet.api("POST", "/v1/purge", {"site": "a"}).status, 200)
    until("content is stored", lambda: popnet.get("/a.css", "a.test").hit)
    nats.kill()
    until("the bus is gone", lambda: not popnet.status()["bus"]["connected"])
    check("what is stored is served meanwhile", popnet.get("/a.css", "a.test").hit)
    shutil.rmtree(os.path.join(stage.folder, "nats"))
    nats = stage.nats(address=nats.address)
    until("the node finds an empty bus and says what that means", lambda: "purges may have been missed" in popnet.log())
    asked = len(nginx.requests())
    answer = popnet.get("/a.css", "a.test")
    check("what is stored is stale now", not answer.hit and answer.body == b"a" * 100, answer.cache_status)
    until("the origin has logged that it was asked", lambda: len(nginx.requests()) > asked)  # after it has answered
    equal("and had only to say that it is the same", [line.split()[-1] for line in nginx.requests()[asked:]], ["304"])
    check("it is fresh again", popnet.get("/a.css", "a.test").hit)


@scene
def purged_without_the_bus(stage):
    """A PURGE is answered while the bus is away: the other nodes are told as soon as it is back, for nobody else will."""
    nats = stage.nats()
    origin = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "max-age=600"}, f"version {len(origin.asked)}"))
    url, sites = f"nats://{nats.address}", [site("a", [origin], purge_from=["127.0.0.0/8"])]
    nodes = [stage.popnet(sites, name, bus={"kind": "nats", "url": url}, node={"name": name})
             for name in ("ams", "fra")]
    connected = lambda: [node.status()["bus"]["connected"] for node in nodes]
    until("both are on the bus", lambda: all(connected()))
    check("both have it", all(node.get("/x", "a.test") and node.get("/x", "a.test").hit for node in nodes))
    nats.kill()
    until("the bus is gone", lambda: not any(connected()))
    equal("a PURGE is carried out", nodes[0].connect().ask("/x", "a.test", method="PURGE").answer().status, 200)
    until("the other nodes are not told", lambda: "the other nodes are not told yet" in nodes[0].log())
    equal("which is counted", nodes[0].counter("popnet_purges_waiting"), 1)
    check("the other one has it still", nodes[1].get("/x", "a.test").hit)
    stage.nats(address=nats.address)
    until("the other one hears of it", lambda: "purged http://a.test/x" in nodes[1].log())
    check("and asks anew", not nodes[1].get("/x", "a.test").hit)
    until("nothing waits any more", lambda: nodes[0].counter("popnet_purges_waiting") == 0)  # once the bus has said that it has it


@scene
def replaced_without_the_bus(stage):
    """What waits for the bus in a process that is replaced goes over to the next one, which tells the other nodes."""
    nats = stage.nats()
    origin = stage.origin(lambda asked: asked.answer(200, {"Cache-Control": "max-age=600"}, f"version {len(origin.asked)}"))
    sections = {"bus": {"kind": "nats", "url": f"nats://{nats.address}"}}
    sites = [site("a", [origin], purge_from=["127.0.0.0/8"])]
    first, other = (stage.popnet(sites, name, node={"name": name, "state_dir": f"{stage.folder}/{name}"}, **sections) for name in ("ams", "fra"))
    until("both are on the bus", lambda: all(node.status()["bus"]["connected"] for node in (first, other)))
    check("the other one has it", other.get("/x", "a.test") and other.get("/x", "a.test").hit)
    nats.kill()
    until("the bus is gone", lambda: not other.status()["bus"]["connected"])
    client = first.connect()
    for path in ("/x", "/y"):
        equal("a PURGE is carried out", client.ask(path, "a.test", method="PURGE").answer().status, 200)
    client.close()
    until("the other nodes are not told", lambda: first.counter("popnet_purges_waiting") == 2)
    second = stage.popnet(sites, "second", ("--replace",), node=first.config["node"], **sections)
    until("the first has ended", lambda: not first.alive())
    check("and has lost nothing", "are lost" not in first.log())
    stage.nats(address=nats.address)
    until("the other one hears of it", lambda: all(f"purged http://a.test{path}" in other.log() for path in ("/x", "/y")))
    check("and asks anew", not other.get("/x", "a.test").hit)
    until("nothing waits any more", lambda: second.counter("popnet_purges_waiting") == 0)  # once the bus has said that it has them


if __name__ == "__main__":
    run()
