"""The library of plays: short tests of popnet on real sockets. See README.md here.

A play is a file of scenes. A scene is a function that gets a Stage, puts origins and popnet processes on it, and says
what it expects with check() and equal(). When it ends, everything on the stage is ended by its process id, every popnet
must have been alive and must end with exit code 0, and the temporary files are gone.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from play_dns import dig
from play_http import PATIENCE, Client, Failure, Origin, http_date
from play_servers import Servers

__all__ = ["PATIENCE", "Client", "Failure", "Origin", "Stage", "check", "equal", "http_date", "run", "scene", "site", "until"]

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POPNET = os.path.abspath(os.environ.get("POPNET") or os.path.join(ROOT, "out", "popnet"))

_scenes = []


def scene(function):
    """Decorator: this function is a scene; the first line of its text says what it shows."""
    _scenes.append(function)
    return function


def check(what, condition, detail=""):
    if not condition:
        raise Failure(f"{what}{': ' if str(detail) else ''}{detail}")
    print(f"  ok: {what}", flush=True)


def equal(what, got, want):
    check(what, got == want, f"got {got!r}, expected {want!r}" if got != want else "")


def until(what, condition, seconds=PATIENCE):
    """Waits until condition() is true and returns what it returned."""
    start = time.monotonic()
    while True:
        value = condition()
        passed = time.monotonic() - start
        if value:
            print(f"  ok: {what}{f' ({passed:.2f} s)' if passed >= 0.1 else ''}", flush=True)
            return value
        if passed > seconds:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


def site(name, origins, hostnames=None, **options):
    """A site's part of the config: its hostnames (default: <name>.test) at POPs, and no probes unless given."""
    hostnames = hostnames if hostnames is not None else [f"{name}.test"]
    return {"name": name, "probes": [],
            "hostnames": [{"name": h, "resolve": "pop"} if isinstance(h, str) else h for h in hostnames],
            "origins": [{"address": getattr(origin, "address", origin)} for origin in origins], **options}


class Process:
    """A program started by the play, in a process group of its own; its output goes to a file on the stage."""

    def __init__(self, name, argv, folder, env=None, group=0):
        """`group`: the process group to join instead; it is the business of its leader."""
        self.name = name
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, **(env or {})}, process_group=group)
        self.pid = self.child.pid
        self._group = self.pid if group == 0 else None

    def alive(self):
        return self.child.poll() is None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def stop(self, seconds=PATIENCE):
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.name} did not end within {seconds:g} s of SIGTERM") from error
        finally:
            Process.kill(self)

    def kill(self):
        """SIGKILL, for the program and all that it has started."""
        if self._group:
            try:
                os.killpg(self._group, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._group = None  # the number may soon be another's
        self.child.kill()
        self.child.wait()


class Popnet(Process):
    """A running `popnet serve` with its addresses."""

    def __init__(self, name, folder, config, arguments=()):
        self.config = config
        self.http, self.dns, self.admin = (config["node"][key] for key in ("http_listen", "dns_listen", "admin_listen"))
        self.folder = folder
        self.config_path = os.path.join(folder, f"{name}.yaml")
        self.write_config(config)
        super().__init__(name, [POPNET, "serve", "--config", self.config_path, *arguments], folder)
        self.killed = False

    def write_config(self, config):
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)  # JSON is YAML

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not self.alive():
                raise Failure(f"{self.name} ended with {self.child.returncode}:\n{self.log()}")
            try:
                if self.api("GET", "/readyz").status == 200:
                    return self
            except (OSError, Failure):
                pass
            time.sleep(0.01)
        raise Failure(f"{self.name} is not ready after {PATIENCE:g} s:\n{self.log()}")

    def connect(self, source=None):
        """A user's connection to the edge, from that address."""
        return _connect(self.http, source)

    def get(self, path, host, method="GET", **fields):
        """One request on a connection of its own. Fields: if_none_match='"x"' is If-None-Match."""
        client = self.connect()
        lines = {name.replace("_", "-"): value for name, value in fields.items()}
        client.ask(path, host, method, lines)
        answer = client.answer(method)
        client.close()
        return answer

    def api(self, method, path, body=None):
        client = _connect(self.admin)
        fields = {"Content-Type": "application/json"} if body is not None else {}
        client.ask(path, self.admin, method, {"Connection": "close", **fields},
                   json.dumps(body).encode() if body is not None else None)
        answer = client.answer(method)
        client.close()
        return answer

    def get_json(self, path):
        answer = self.api("GET", path)
        if answer.status != 200:
            raise Failure(f"{self.name} {path}: {answer}")
        return json.loads(answer.body)

    def status(self):
        return self.get_json("/v1/status")

    def explain(self, name, client):
        return self.get_json(f"/v1/explain?name={name}&client={client}")

    def values(self, name, **labels):
        """The values of all lines of /metrics with that name and these labels."""
        found = []
        for line in self.api("GET", "/metrics").body.decode().splitlines():
            parts = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
            if parts and parts.group(1) == name:
                has = dict(re.findall(r'(\w+)="([^"]*)"', parts.group(2) or ""))
                if all(has.get(key) == value for key, value in labels.items()):
                    found.append(float(parts.group(3)))
        return found

    def counter(self, name, **labels):
        """Their sum; 0 where there is no such line."""
        return sum(self.values(name, **labels))

    def dig(self, name, kind="A", subnet=None, tcp=False):
        return dig(self.dns, name, kind, subnet, tcp)

    @contextlib.contextmanager
    def standing_still(self):
        """What happens meanwhile it finds all at once, in this order."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            until(f"{self.name} stands still", lambda: self._state() == "T")
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def cpu(self):
        """Seconds of CPU time that it has used."""
        return sum(int(ticks) for ticks in self._stat()[11:13]) / os.sysconf("SC_CLK_TCK")

    def _state(self):
        return self._stat()[0]

    def _stat(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()

    def kill(self):
        """kill -9: from now on it need not end well."""
        self.killed = True
        super().kill()


def _connect(endpoint, source=None):
    host, port = endpoint.rsplit(":", 1)
    return Client(socket.create_connection((host, int(port)), PATIENCE, source and (source, 0)))


class Stage(Servers):
    """What a scene works with. Loopback addresses are this process's own, so that plays can run side by side."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="popnet-play-")
        self._addresses = 0
        self._endpoints = set()
        self._origins = []
        self._processes = []

    def address(self):
        """A loopback address that no other play uses."""
        self._addresses += 1
        number = os.getpid() % (1 << 14)
        return f"127.{64 + (number >> 8)}.{number & 255}.{self._addresses}"

    def endpoint(self, address=None):
        """"address:port" where nobody listens; never the same one twice."""
        host = address or self.address()
        while True:
            with socket.create_server((host, 0)) as free:
                endpoint = "%s:%d" % free.getsockname()
            if endpoint not in self._endpoints:
                self._endpoints.add(endpoint)
                return endpoint

    def origin(self, handler=None):
        """A scripted origin; with a handler it answers by itself."""
        origin = Origin(self.address())
        self._origins.append(origin)
        return origin.serve(handler) if handler else origin

    def popnet(self, sites=(), name="popnet", arguments=(), wait=True, **sections):
        """Starts popnet with these sites and other sections of the config, and waits until it is ready.

        With wait=False several can start at once; call wait_ready() of each.
        """
        address = self.address()
        probing = "pops" in sections or any(part.get("probes", True) or any("probes" in origin for origin in part["origins"])
                                            for part in sites)
        node = {"threads": 2, "probe": probing, "private_origins": ["127.0.0.0/8"], "http_listen": self.endpoint(address),
                "dns_listen": self.endpoint(address), "admin_listen": self.endpoint(address), **sections.pop("node", {})}
        popnet = Popnet(name, self.folder, {"node": node, "sites": list(sites), **sections}, arguments)
        self._processes.append(popnet)
        return popnet.wait_ready() if wait else popnet

    def spawn(self, name, argv, env=None, group=0):
        process = Process(name, argv, self.folder, env, group)
        self._processes.append(process)
        return process

    def file(self, name, content):
        """Writes a file on the stage and returns its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
        return path

    def show_logs(self):
        for process in self._processes:
            print(f"--- {process.name} ({process.child.returncode}):\n{process.log()[-4000:]}")

    def end(self):
        """Ends everything, newest first, and says whether all went well."""
        failures = []
        for process in reversed(self._processes):
            try:
                died = not process.alive() and not getattr(process, "killed", False)
                code = process.stop()
                if isinstance(process, Popnet) and not process.killed and code != 0:
                    failures.append(f"{process.name} {'died' if died else 'ended'} with exit code {code}")
            except Failure as failure:
                failures.append(str(failure))
        for origin in self._origins:
            origin.close()
            if origin.failure:
                failures.append(f"origin {origin.address}: {origin.failure!r}")
        if failures:
            raise Failure("; ".join(failures))

    def clean(self):
        for process in self._processes:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def _play(function):
    stage = Stage()
    try:
        function(stage)
        stage.end()
        return True
    except Exception as error:
        if not isinstance(error, Failure):
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)
        lines = [str(frame.lineno) for frame in place if frame.name == function.__name__]
        print(f"  FAILED{' at line ' + lines[-1] if lines else ''}: {error}")
        stage.show_logs()
        return False
    finally:
        stage.clean()


def run():
    """Plays the scenes of this file, or those whose name contains the first argument. Exit code 0 when all went well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stage is cleaned then too
    if not os.access(POPNET, os.X_OK):
        sys.exit(f"{POPNET} is not there: build it, or say in POPNET where it is")
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    scenes = [function for function in _scenes if wanted in function.__name__]
    failed = []
    for function in scenes:
        print(f"{function.__name__}: {(function.__doc__ or '').strip().splitlines()[0]}", flush=True)
        if not _play(function):
            failed.append(function.__name__)
    print(f"{len(scenes) - len(failed)} of {len(scenes)} scenes went well" + (": not " + ", ".join(failed) if failed else ""))
    sys.exit(1 if failed or not scenes else 0)
