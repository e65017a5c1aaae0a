"""A whole network of real parts for plays: three web servers of one customer, three POPs on one bus, a resolver, users.

    user ──name──> unbound ──name, the user's network──> ams, nyc, sin   three popnet processes, on the bus of a nats-server
      └──curl──> the address that he was told: a POP's ─────┘    │ probe, fill
                 or a web server's ──────────────────────> web1, web2, web3   nginx, vsftpd, a page that tells CPU and memory

The customer's page is www.shop.test: it resolves to the least loaded web server. Its static content is static.shop.test: it
resolves to the POP that is best for the user.
"""
import collections
import os
import signal
import subprocess
import sys
import threading
import time

from play import PATIENCE, Failure, check, until
from play_dns import dig
from play_http import Answer, Fields

HERE = os.path.dirname(os.path.abspath(__file__))

PAGE, CONTENT, ZONE = "www.shop.test", "static.shop.test", "cdn.test"
POPS = ("ams", "nyc", "sin")

# The promise that is measured here: a dead server or POP is named no more within this time at a probe interval of 1 s.
AVOIDED_WITHIN = float(os.environ.get("PLAY_AVOIDED_WITHIN", "3"))

# Where the shares of answers are looked at: as many client networks as that.
CROWD = [f"198.18.{number}.0/24" for number in range(100)]


class User:
    """Somebody whose resolver tells his network. `latency`: what the operator knows of it, in the order of POPS."""

    def __init__(self, address, *latency):
        self.address = address
        self.network = address.rsplit(".", 1)[0] + ".0/24"
        self.latency = dict(zip(POPS, latency))


EUROPE = User("127.10.1.7", "8ms", "85ms", "160ms")
AMERICA = User("127.10.2.7", "82ms", "6ms", "230ms")
ASIA = User("127.10.3.7", "160ms", "230ms", "9ms")


class WebServer:
    """One machine of the customer: nginx, an FTP server behind a line that can become slow, and a page that tells its load.

    It is a small machine: a tenth of a core is all that it has, so that a play can fill two on a computer that is busy.
    """

    CORES = 0.1

    def __init__(self, stage, name, files):
        self.stage, self.name, self.host = stage, name, stage.address()
        server = ('location /static/ { add_header Cache-Control "max-age=600"; }\n'
                  'location /short/ { add_header Cache-Control "max-age=1"; }')
        self._start = lambda address: stage.nginx(name, files, server, address)
        self.nginx = self._start(stage.endpoint(self.host))
        self.ftp = stage.vsftpd(f"{name}-ftp", stage.endpoint(self.host))
        self.ftp_line = self._helper("slow_line", stage.endpoint(self.host), self.ftp.address, "0.25")
        self.load = self._load_reporter(stage.endpoint(self.host))
        self._burners = []

    def _helper(self, program, address, *arguments):
        return self.stage.program(f"{self.name}-{program}", [sys.executable, "-BS", os.path.join(HERE, f"{program}.py")],
                                  arguments, address)

    def _load_reporter(self, address):
        return self._helper("load_reporter", address, str(self.nginx.process.pid))

    def origin(self):
        """Its part of the site's config."""
        probe = {"interval": "1s", "timeout": "900ms"}
        return {"name": self.name, "address": self.nginx.address,
                "probes": [{"kind": "ftp", "port": self.ftp_line.port, "affects_health": False, **probe},
                           {"kind": "load", "port": self.load.port, "path": "/", "scale": self.CORES, **probe}]}

    def burn(self):
        """A process of the web server's group uses all the CPU that the machine has, until rest() is called."""
        self._burners.append(self.stage.spawn(f"{self.name}-burner", [sys.executable, "-BSc", BURNER, str(self.CORES)],
                                              group=self.nginx.process.pid))

    def rest(self):
        for burner in self._burners:
            burner.kill()
        self._burners = []

    def slow_ftp(self):
        self.ftp_line.process.signal(signal.SIGUSR1)

    def asked(self, path):
        """How often its nginx has answered for that path, as its access log says."""
        return sum(line.split()[1].endswith(path) for line in self.nginx.requests())

    def content_served(self):
        """How many answers for content its access log has."""
        return sum("/static/" in line for line in self.nginx.requests())

    def kill(self):
        """kill -9: nginx, its workers, and what burns."""
        self.rest()
        self.nginx.kill()

    def revive(self):
        """nginx again, where it was."""
        self.nginx = self._start(self.nginx.address)
        self.load.kill()
        self.load = self._load_reporter(self.load.address)


BURNER = """
import sys, time
cores, start = float(sys.argv[1]), time.monotonic()
while True:
    if time.process_time() < cores * (time.monotonic() - start): sum(range(2000))
    else: time.sleep(0.005)
"""


class Network:
    """Everything above, started and ready. `content`: {"/path": bytes} on every web server. `more_sites`: other customers."""

    def __init__(self, stage, content=None, more_sites=lambda network: []):
        self.stage = stage
        files = {"/index.html": "home", "/static/a.css": "a" * 2000, **(content or {})}
        self.nats = stage.nats()
        self.web = [WebServer(stage, f"web{number}", files) for number in (1, 2, 3)]
        for web in self.web:
            stage.wait_for(web.ftp_line), stage.wait_for(web.load)
        self.hosts = {web.host: web for web in self.web}
        self._places = {}
        for pop in POPS:
            address = stage.address()
            self._places[pop] = {"http_listen": stage.endpoint(address), "dns_listen": stage.endpoint(address),
                                 "admin_listen": stage.endpoint(address)}
        self.sections = self._sections()
        self.sections["sites"] += more_sites(self)
        self.pops = {pop: self.start_pop(pop, wait=False) for pop in POPS}
        for pop in self.pops.values():
            pop.wait_ready()
        self.unbound = stage.unbound({name: [pop.dns for pop in self.pops.values()] for name in (PAGE, CONTENT, ZONE)},
                                     options="cache-max-ttl: 0\n  rrset-roundrobin: no")
        until("all POPs hear each other", self._all_heard)

    def address(self, pop):
        return self._places[pop]["http_listen"].rsplit(":", 1)[0]

    def _sections(self):
        """The config but its node section, which start_pop() adds."""
        port = lambda pop, what: int(self._places[pop][what].rsplit(":", 1)[1])
        return {
            "network": {"name": "play", "zone": ZONE, "pop_probes": [{"kind": "http", "interval": "1s", "timeout": "900ms"}],
                        "pop_load_target": 10},  # all POPs are on this one machine: its load must not move users
            "bus": {"kind": "nats", "url": f"nats://{self.nats.address}", "follow_config": True},
            "pops": [{"name": pop, "addresses": self.address(pop), "http_port": port(pop, "http_listen"),
                      "dns_port": port(pop, "dns_listen")} for pop in POPS],
            "sites": [{
                "name": "shop",
                "hostnames": [{"name": PAGE, "resolve": "origin", "ttl": "1s"},
                              {"name": CONTENT, "resolve": "pop", "ttl": "1s"}],
                "origins": [web.origin() for web in self.web],
                "probes": [{"kind": "http", "path": "/", "interval": "1s", "timeout": "900ms"}],
                "load": {"cpu": 2, "memory": 0, "http": 1, "ftp": 1, "http_reference": "500ms", "ftp_reference": "300ms"},
                "controller": {"gain": 0.5, "step_max": 0.2, "deadband": 0.03}}],
            "clients": [{"network": user.network, "latency": user.latency} for user in (EUROPE, AMERICA, ASIA)],
        }

    def start_pop(self, pop, name=None, wait=True):
        node = {"pop": pop, "state_dir": os.path.join(self.stage.folder, f"state-{pop}"), **self._places[pop]}
        sections = {key: value for key, value in self.sections.items() if key != "sites"}
        return self.stage.popnet(self.sections["sites"], name or pop, wait=wait, node=node, **sections)

    def _all_heard(self):
        return all(pop["health"] == "up" for node in self.living() for pop in node.status()["pops"])

    def living(self):
        return [pop for pop in self.pops.values() if pop.alive()]

    # ---- what users see

    def resolve(self, name, user):
        """What the user's resolver tells him: addresses."""
        return dig(self.unbound.address, name, source=user.address, tries=5).addresses()

    def at(self, address):
        """"address:port" of the edge or web server at that address."""
        for pop in self._places.values():
            if pop["http_listen"].startswith(f"{address}:"):
                return pop["http_listen"]
        return self.hosts[address].nginx.address

    def browse(self, url, user):
        """curl fetches the URL from where its host resolves to. Returns the answer and that address."""
        host = url.split("/")[2]
        address = self.resolve(host, user)[0]
        return curl(url, self.at(address)), address

    # ---- what POPs say

    def first_answers(self, name, pops=None, networks=CROWD):
        """[{client network: first address} for each POP]: all POPs are asked for one network after the other."""
        answers = [{} for _ in (pops or self.living())]
        for network in networks:
            for at, pop in enumerate(pops or self.living()):
                answers[at][network] = pop.dig(name, subnet=network).addresses()[0]
        return answers

    def share(self, web, pop=None):
        """The part of the crowd that is sent to this web server."""
        answers = self.first_answers(PAGE, [pop or self.living()[0]])[0]
        return collections.Counter(answers.values())[web.host] / len(answers)

    def named(self, name, addresses, networks):
        """The addresses of these that some living POP names in any place of an answer."""
        seen = {address for pop in self.living() for network in networks
                for address in pop.dig(name, subnet=network).addresses()}
        return seen & set(addresses)

    def disagreements(self, name):
        """The client networks that are told different first addresses by different POPs."""
        answers = self.first_answers(name)
        return [network for network in CROWD if len({answer[network] for answer in answers}) > 1]

    def avoided(self, what, name, addresses, networks, since):
        """Waits until no POP names these any more, and holds the time since then against the promise."""
        until(what, lambda: not self.named(name, addresses, networks))
        seconds = time.monotonic() - since
        check(f"that took {seconds:.2f} s, at most {AVOIDED_WITHIN:g} s are promised", seconds <= AVOIDED_WITHIN)


def curl(url, at):
    """Fetches a URL from "address:port", whatever its host would resolve to."""
    done = subprocess.run(["curl", "--silent", "--show-error", "--include", "--max-time", str(PATIENCE),
                           "--connect-to", f"::{at}", url], capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"curl {url} at {at}: {done.stderr.decode().strip()}")
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    start, *lines = head.decode("latin-1").split("\r\n")
    return Answer(start, Fields([tuple(part.strip() for part in line.split(":", 1)) for line in lines]), body)


class Visitors:
    """Users who fetch content from POPs again and again, each on a thread, until stop(). What failed is in `failures`."""

    def __init__(self, pops, paths, host, expected):
        """`paths`: number of the request → path; `expected`: the body of all of them."""
        self.failures, self.answered = [], 0
        self._paths, self._host, self._expected, self._stopping = paths, host, expected, False
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._visit, args=(pop, index), daemon=True)
                         for index, pop in enumerate(pops)]
        for thread in self._threads:
            thread.start()

    def _visit(self, pop, index):
        number = index
        while not self._stopping:
            path = self._paths(number)
            number += len(self._threads)
            try:
                answer = pop.get(path, self._host)
                wrong = "" if (answer.status, answer.body) == (200, self._expected) else repr(answer)
            except (OSError, Failure) as error:
                wrong = str(error)
            with self._lock:
                self.answered += 1
                if wrong:
                    self.failures.append(f"{pop.name} {path}: {wrong}")

    def more(self, count):
        """Waits until so many further requests have been answered."""
        wanted = self.answered + count
        until(f"{count} more requests are answered", lambda: self.answered >= wanted)

    def stop(self):
        self._stopping = True
        for thread in self._threads:
            thread.join()
        return self
