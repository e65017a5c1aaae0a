#!/usr/bin/env python3
"""A node starts and serves without the bus: from what it kept on disk, or, where that is damaged, from its config file."""
import os
import shutil
import sqlite3

from play import check, equal, run, scene, site, until


class Kept:
    """A node that has taken a config from the bus and was stopped; the bus is gone for good."""

    def __init__(self, stage):
        self.stage = stage
        self.nginx = stage.nginx(files={"/a.css": "a" * 100})
        self.state = os.path.join(stage.folder, "state")
        nats = stage.nats()
        self.bus = {"kind": "nats", "url": f"nats://{nats.address}", "follow_config": True}
        node = self.start("first")
        until("the node is on the bus", lambda: node.status()["bus"]["connected"])
        equal("a config is put on the bus", node.api("PUT", "/v1/config", {"sites": [site("kept", [self.nginx])]}).status, 200)
        until("it is in force", lambda: self.serves(node, "kept"))
        equal("the node is stopped", node.stop(), 0)
        nats.kill()

    def start(self, name, state=None):
        return self.stage.popnet([site("file", [self.nginx])], name=name, node={"state_dir": state or self.state}, bus=self.bus)

    def copy(self, name):
        """A state folder of its own, and the path of the file in it."""
        folder = os.path.join(self.stage.folder, f"state-{name}")
        shutil.copytree(self.state, folder)
        return folder, os.path.join(folder, "state.db")

    @staticmethod
    def serves(node, name):
        """Its DNS and its edge know that site, and no other."""
        other = {"kept": "file", "file": "kept"}[name]
        return (node.dig(f"{name}.test").addresses() and node.dig(f"{other}.test").rcode == "REFUSED"
                and node.get("/a.css", f"{name}.test").body == b"a" * 100)


def truncate(path):
    os.truncate(path, os.path.getsize(path) // 2 + 100)


def no_database(path):
    with open(path, "wb") as file:
        file.write(b"this is not a database\n" * 1000)


def change(statement):
    def damage(path):
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()
    return damage


@scene
def bus_gone(stage):
    """With the bus gone for good, a node starts from what it kept, again and again."""
    kept = Kept(stage)
    for name in ("second", "third"):
        node = kept.start(name)
        check(f"the {name} process serves the config that was on the bus", kept.serves(node, "kept"))
        until("and says that the bus is not there", lambda node=node: "cannot reach" in node.log())
        equal("it is stopped", node.stop(), 0)


@scene
def state_damaged(stage):
    """What was kept is truncated, of another version, or no database: a clear warning, and the node serves its file."""
    kept = Kept(stage)
    for name, damage, says in (
            ("truncated", truncate, "malformed"),
            ("no-database", no_database, "file is not a database"),
            ("newer", change("PRAGMA user_version = 99"), "a newer popnet wrote it")):
        folder, path = kept.copy(name)
        damage(path)
        node = kept.start(name, folder)
        check(f"{name}: the node serves what its file says", kept.serves(node, "file"))
        line = next((line for line in node.log().splitlines() if "state.db cannot be used" in line), "")
        check("and has said what it found, and where that is now", says in line and f"{path}.damaged" in line, node.log())
        check("it is there", os.path.exists(f"{path}.damaged"))
        equal("the node is stopped", node.stop(), 0)
        again = kept.start(f"{name}-again", folder)
        check("the next start finds nothing wrong", "cannot be used" not in again.log())
        again.stop()


@scene
def kept_config_unreadable(stage):
    """The database is whole, but the config in it is not one: the node says what is wrong with it and serves its file."""
    kept = Kept(stage)
    folder, path = kept.copy("unreadable")
    change("UPDATE kept SET text = 'sites: nonsense' WHERE name = 'config'")(path)
    node = kept.start("unreadable", folder)
    check("the node serves what its file says", kept.serves(node, "file"))
    check("and says why", "does not fit any more: serving the file's" in node.log() and "sites" in node.log(), node.log())

    folder, path = kept.copy("measurements")
    change("UPDATE kept SET text = 'nonsense' WHERE name = 'metrics'")(path)
    node = kept.start("measurements", folder)
    check("measurements that are none cost nothing but themselves", kept.serves(node, "kept"))
    check("and are complained of", "measurements" in node.log() and "cannot be used" in node.log(), node.log())


if __name__ == "__main__":
    run()
