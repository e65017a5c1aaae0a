#!/usr/bin/env python3
"""Which config is in force after a PUT, a changed file, SIGHUP, a restart, and a bus that has lost what it kept."""
import json
import os
import shutil
import signal

from play import check, equal, run, scene, site, until

NOBODY = "127.0.0.1:1"


def sites(*names):
    return [site(name, [NOBODY]) for name in names]


def put(popnet, **sections):
    return popnet.api("PUT", "/v1/config", sections)


def follower(stage, nats, name="popnet"):
    """A node that takes the network's config from the bus and keeps it on disk; those of one stage share the folder."""
    popnet = stage.popnet(sites("file"), name=name, node={"state_dir": os.path.join(stage.folder, "state")},
                          bus={"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True})
    until(f"{name} is on the bus", lambda: popnet.status()["bus"]["connected"])
    return popnet


def in_force(popnet, *names):
    until(f"{popnet.name} serves {' and '.join(names)}",
          lambda: [one["name"] for one in popnet.status()["sites"]] == list(names))


@scene
def store_made_anew(stage):
    """The bus loses its store and counts from 1 again: what is put after that is in force, and still is after a restart."""
    nats = stage.nats()
    popnet = follower(stage, nats)
    for name in ("one", "two", "three"):
        equal(f"{name} is put on the bus", put(popnet, sites=sites(name)).status, 200)
        in_force(popnet, name)
    nats.kill()
    until("the bus is gone", lambda: not popnet.status()["bus"]["connected"])
    shutil.rmtree(os.path.join(stage.folder, "nats"))
    nats = stage.nats(address=nats.address)
    until("an empty one is there", lambda: popnet.status()["bus"]["connected"])
    in_force(popnet, "three")
    equal("four is put on the bus", put(popnet, sites=sites("four")).status, 200)
    in_force(popnet, "four")

    equal("the node is stopped", popnet.stop(), 0)
    again = follower(stage, nats, "again")
    in_force(again, "four")
    equal("stopped once more", again.stop(), 0)
    nats.kill()
    shutil.rmtree(os.path.join(stage.folder, "nats"))
    nats = stage.nats(address=nats.address)
    third = follower(stage, nats, "third")
    in_force(third, "four")
    equal("five is the first that this store gets", put(third, sites=sites("five")).status, 200)
    in_force(third, "five")


@scene
def refused_by_one_node(stage):
    """A document that one node cannot take, for a zone file of its own, is in force there too once that is mended and reloaded."""
    def zone(more=""):
        return stage.file("zone.test.zone", f"@ 60 SOA ns1 admin 1 3600 600 86400 60\n@ 60 NS ns1\nns1 60 A 127.0.0.1\n{more}")

    nats = stage.nats()
    bus = {"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True}
    good = stage.popnet(sites("file"), name="good", bus=bus)
    bad = stage.popnet(sites("file"), name="bad", bus=bus, zones=[{"name": "zone.test", "file": zone("www 60 CNAME ns1\n")}],
                       node={"state_dir": os.path.join(stage.folder, "state")})
    for popnet in (good, bad):
        until(f"{popnet.name} is on the bus", lambda: popnet.status()["bus"]["connected"])
    equal("one is put", put(good, sites=sites("one")).status, 200)
    in_force(bad, "one")
    equal("two is put", put(good, sites=[site("two", [NOBODY], ["www.zone.test"])]).status, 200)
    in_force(good, "two")
    until("the other node refuses it", lambda: "revision 2 from the bus has errors" in bad.log())
    answer = bad.api("POST", "/v1/reload")
    check("a reload says that it still does", answer.status == 200 and b"CNAME beside other records" in answer.body, answer)
    in_force(bad, "one")
    zone()
    equal("the file is mended and read again", bad.api("POST", "/v1/reload").status, 200)
    in_force(bad, "two")
    equal("the node is stopped", bad.stop(), 0)
    nats.kill()
    again = stage.popnet(sites("file"), name="again", bus=bus, zones=[{"name": "zone.test", "file": zone()}],
                         node={"state_dir": os.path.join(stage.folder, "state")})
    in_force(again, "two")


@scene
def without_a_bus(stage):
    """The file is the config: a PUT is refused with the way to go, a reload takes the file, a restart too."""
    popnet = stage.popnet(sites("file"), node={"state_dir": os.path.join(stage.folder, "state")})
    answer = put(popnet, sites=sites("put"))
    check("a PUT is refused, and it is told what to do", answer.status == 409 and b"POST /v1/reload" in answer.body, answer)
    in_force(popnet, "file")
    popnet.write_config({**popnet.config, "sites": sites("changed")})
    equal("the changed file is read", popnet.api("POST", "/v1/reload").status, 200)
    in_force(popnet, "changed")
    check("and shown", b"changed" in popnet.api("GET", "/v1/config").body)
    popnet.write_config({**popnet.config, "sites": sites("hup")})
    popnet.signal(signal.SIGHUP)
    in_force(popnet, "hup")
    equal("the node is stopped", popnet.stop(), 0)
    in_force(stage.popnet(sites("hup"), name="again", node={"state_dir": os.path.join(stage.folder, "state")}), "hup")


@scene
def file_and_bus(stage):
    """A reload takes the file's own sections beside the document of the bus; GET shows both, and no password."""
    popnet = follower(stage, stage.nats())
    equal("sites are put on the bus", put(popnet, sites=sites("bus")).status, 200)
    in_force(popnet, "bus")
    popnet.write_config({**popnet.config, "network": {"ttl": "77s"}})
    equal("the file is read again", popnet.api("POST", "/v1/reload").status, 200)
    in_force(popnet, "bus")
    shown = popnet.api("GET", "/v1/config").body.decode()
    check("what is in force is shown: the bus' sites, the file's network and node",
          "name: bus" in shown and "ttl: 77s" in shown and popnet.admin in shown and "name: file" not in shown, shown)


@scene
def needs_a_restart(stage):
    """Options that a reload cannot change are named in its answer and the log; status tells of the bus that is there."""
    popnet = stage.popnet(sites("file"))
    popnet.write_config({**popnet.config, "node": {**popnet.config["node"], "threads": 1},
                         "bus": {"kind": "nats", "url": "nats://127.0.0.1:1", "follow_config": True}})
    answer = popnet.api("POST", "/v1/reload")
    said = [one for one in json.loads(answer.body)["problems"] if "next start" in one]
    equal("the API names them", [one.split(": ")[1] for one in said],
          ["node.threads", "bus.kind", "bus.url", "bus.follow_config"])
    check("so does the log", all(f"{option}: warning: has changed" in popnet.log() for option in ("node.threads", "bus.kind")))
    equal("the bus is still the one of the start", popnet.status()["bus"], {"kind": "memory", "connected": True})
    equal("and holds no config", put(popnet, sites=sites("put")).status, 409)
    popnet.signal(signal.SIGHUP)
    until("and after SIGHUP", lambda: popnet.log().count("node.threads: warning: has changed") == 2)


@scene
def another_pop(stage):
    """A config in which this node's POP has another name is refused, from the bus and from the file."""
    def pops(*names):
        return [{"name": name, "addresses": [stage.address()]} for name in names]

    nats = stage.nats()
    popnet = stage.popnet(sites("file"), pops=pops("ams"),
                          bus={"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True})
    until("it is on the bus", lambda: popnet.status()["bus"]["connected"])
    answer = put(popnet, pops=pops("fra"))
    check("a PUT that renames it is refused", answer.status == 400 and b"runs as POP 'ams'" in answer.body, answer)
    equal("and is not on the bus", popnet.counter("popnet_config_generation"), 1)
    popnet.write_config({**popnet.config, "pops": pops("nyc")})
    equal("so is a file", popnet.api("POST", "/v1/reload").status, 400)
    equal("it goes on as it is", popnet.status()["pop"], "ams")


if __name__ == "__main__":
    run()
