"""The servers that bench/run measures over HTTP, each started on one core in front of the same origin, and what is read
off them: CPU time, memory.

Every cache keeps its objects in memory and is set up to do as little beside as it can: no access log, one worker.
"""
import contextlib
import http.client
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("POPNET_BUILD", "out/bench"))
ADDRESS = "127.0.0.1"
HOST = "bench.test"
TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1"
ORIGIN_PORT = 5480
SIZES = {"1 KiB": 1024, "64 KiB": 64 * 1024, "1 MiB": 1024 * 1024}
SMALL = 1024  # bytes of what is asked for in all but the hits


def say(text):
    print(text, file=sys.stderr)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def program(name):
    return os.path.join(BUILD, "bench", name)


@contextlib.contextmanager
def workplace():
    """A folder in memory, gone afterwards."""
    folder = tempfile.mkdtemp(prefix="popnet-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """A running server. `row`: what it is called in the tables; `ready`: a path that it answers with 200."""

    def __init__(self, row, command, port, ready, core=SERVER_CORE):
        self.row, self.port = row, port
        self.log = tempfile.TemporaryFile()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.process = subprocess.Popen(["taskset", "-c", core, *command], stdout=self.log, stderr=self.log,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)))
        self.wait_until_it_answers(ready)

    def wait_until_it_answers(self, path):
        for _ in range(400):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.fetch(path) is not None:
                    return
            time.sleep(0.05)
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        self.stop()
        sys.exit(f"{self.row} does not answer:\n{text}")

    def fetch(self, path):
        """The body, or None when the status is not 200."""
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=2)
        try:
            connection.request("GET", path, headers={"Host": HOST})
            answer = connection.getresponse()
            body = answer.read()
            return body if answer.status == 200 else None
        finally:
            connection.close()

    def processes(self, pid=None):
        pid = pid or self.process.pid
        found = [pid]
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                for child in open(f"/proc/{pid}/task/{thread}/children").read().split():
                    found += self.processes(int(child))
        return found

    def cpu_seconds(self):
        total = 0
        for pid in self.processes():
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def resident_bytes(self):
        return sum(int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) * 1024
                   for pid in self.processes())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Running:
    """The servers of one benchmark: with Running() as servers; all are stopped at its end."""

    def __init__(self):
        self.servers = []

    def __enter__(self):
        return self

    def add(self, server):
        self.servers.append(server)
        return server

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()


def nginx_command(folder, name, http, events="worker_connections 1024;", main=""):
    base = os.path.join(folder, name)
    temporary = " ".join(f"{kind}_temp_path {base}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = write(folder, f"{name}/nginx.conf",
                 f"daemon off; worker_processes 1; pid {base}/pid; error_log stderr error; {main}\n"
                 f"events {{ {events} }}\n"
                 f"http {{ access_log off; sendfile on; tcp_nodelay on; keepalive_timeout 300s;\n"
                 f"  keepalive_requests 1000000000; {temporary}\n{http}\n}}\n")
    return ["nginx", "-p", base, "-c", path]


def start_origin(folder):
    """nginx on the other core: /SIZE (stored for a day; each fetch is a line in its log), /unique/… (so too),
    /page/… and /unstored/… (must not be stored), all three 1 KiB; / is for probes."""
    for size in SIZES.values():
        write(folder, f"www/{size}", "x" * size)
    text = "x" * SMALL
    http = (f"server {{ listen {ADDRESS}:{ORIGIN_PORT}; root {folder}/www; default_type application/octet-stream;\n"
            f"  location / {{ access_log {folder}/origin.log; add_header Cache-Control max-age=86400; }}\n"
            f"  location = / {{ return 200; }}\n"
            f"  location /unique/ {{ add_header Cache-Control max-age=86400; return 200 {text}; }}\n"
            f"  location ~ ^/(page|unstored)/ {{ add_header Cache-Control no-store; return 200 {text}; }}\n}}\n")
    return Server("origin", nginx_command(folder, "origin", http), ORIGIN_PORT, f"/{SMALL}", core=LOAD_CORE)


def origin_fetches(folder):
    return len(open(f"{folder}/origin.log").readlines())


def start_floor(folder, size=SMALL):
    port = 5481 + list(SIZES.values()).index(size)
    return Server("floor", [program("http_floor"), ADDRESS, str(port), str(size)], port, f"/{size}")


def start_nginx(folder):
    """Stores; /plain/… goes to the origin over kept connections and is not stored."""
    http = (f"open_file_cache max=1000;\n"
            f"upstream origin {{ server {ADDRESS}:{ORIGIN_PORT}; keepalive 64; keepalive_requests 1000000000; }}\n"
            f"proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;\n"
            f"proxy_cache_path {folder}/nginx/cache levels=1:2 keys_zone=bench:64m inactive=1d use_temp_path=off;\n"
            f"server {{ listen {ADDRESS}:5490 backlog=4096;\n"
            f"  location / {{ proxy_pass http://origin; proxy_cache bench; }}\n"
            f"  location /plain/ {{ proxy_pass http://origin/; }}\n}}\n")
    command = nginx_command(folder, "nginx", http, "worker_connections 16384;", "worker_rlimit_nofile 20000;")
    return Server("nginx", command, 5490, f"/{SMALL}")


def start_haproxy(folder):
    path = write(folder, "haproxy/haproxy.cfg",
                 "global\n  nbthread 1\n  maxconn 2000\n"
                 "cache bench\n  total-max-size 64\n  max-object-size 4000000\n  max-age 86400\n"
                 "defaults\n  mode http\n  timeout connect 5s\n  timeout client 300s\n  timeout server 60s\n"
                 f"frontend users\n  bind {ADDRESS}:5492\n  default_backend origin\n"
                 "backend origin\n  http-request cache-use bench\n  http-response cache-store bench\n"
                 f"  server web {ADDRESS}:{ORIGIN_PORT}\n")
    return Server("HAProxy", ["haproxy", "-db", "-f", path], 5492, f"/{SMALL}")


def start_varnish(folder):
    vcl = write(folder, "varnish/bench.vcl",
                f'vcl 4.1;\nbackend default {{ .host = "{ADDRESS}"; .port = "{ORIGIN_PORT}"; }}\n')
    command = ["varnishd", "-F", "-n", f"{folder}/varnish/run", "-a", f"{ADDRESS}:5493", "-f", vcl, "-s", "malloc,256m",
               "-j", "none", "-p", "thread_pools=1", "-p", "thread_pool_min=50"]
    return Server("Varnish", command, 5493, f"/{SMALL}")


def start_trafficserver(folder):
    base = f"{folder}/trafficserver"
    for name in ("cache", "run", "log", "data"):
        os.makedirs(f"{base}/{name}", exist_ok=True)
    places = {"prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin",
              "includedir": "/usr/include", "libdir": "/usr/lib/trafficserver",
              "libexecdir": "/usr/lib/trafficserver/modules", "sysconfdir": f"{base}/etc", "datadir": f"{base}/data",
              "localstatedir": f"{base}/run", "runtimedir": f"{base}/run", "logdir": f"{base}/log",
              "cachedir": f"{base}/cache"}
    layout = write(base, "runroot.yaml", "".join(f"{key}: {value}\n" for key, value in places.items()))
    settings = {"exec_thread.autoconfig": 0, "exec_thread.limit": 1, "accept_threads": 0, "task_threads": 1,
                "cache.threads_per_disk": 1, "exec_thread.affinity": 0, "http.cache.required_headers": 0,
                "cache.ram_cache.size": 268435456, "cache.ram_cache_cutoff": 4194304, "log.logging_enabled": 0,
                "url_remap.pristine_host_hdr": 1, "http.keep_alive_no_activity_timeout_in": 300}
    records = "".join(f"CONFIG proxy.config.{key} INT {value}\n" for key, value in settings.items())
    write(base, "etc/records.config",
          records + f"CONFIG proxy.config.http.server_ports STRING 5494:ip-in={ADDRESS}\n"
          "CONFIG proxy.config.admin.user_id STRING #-1\nCONFIG proxy.config.crash_log_helper STRING NULL\n")
    write(base, "etc/remap.config", f"map / http://{ADDRESS}:{ORIGIN_PORT}/\n")
    write(base, "etc/storage.config", f"{base}/cache 256M\n")
    write(base, "etc/ip_allow.yaml", "ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.0/8, action: allow, methods: ALL}\n")
    return Server("Traffic Server", ["traffic_server", f"--run-root={layout}"], 5494, f"/{SMALL}")


def popnet_config(ttl="20s", sites=0, networks=0, memory="512MiB"):
    """`sites` and `networks`: so many more of them, for what a reload and a map of some size cost."""
    return (f"node: {{http_listen: '{ADDRESS}:5491', admin_listen: '{ADDRESS}:5499', threads: 1, dns: false,\n"
            f"       cache_memory: {memory}}}\n"
            + "pops:\n  - {name: local, addresses: 127.0.0.1}\n"
            + "sites:\n  - name: bench\n    any_host: true\n    rules:\n      - {path: /page/*, action: proxy}\n"
            + f"    origins:\n      - {{name: web, address: '{ADDRESS}:{ORIGIN_PORT}'}}\n"
            + "".join(f"  - name: site{i}\n    hostnames:\n      - {{name: www.site{i}.test, resolve: pop, ttl: {ttl}}}\n"
                      f"    probes: []\n    origins:\n      - {{name: web, address: '{ADDRESS}:{ORIGIN_PORT}'}}\n"
                      for i in range(sites))
            + ("clients:\n" if networks else "")
            + "".join(f"  - {{network: 10.{i // 256}.{i % 256}.0/24, location: {{latitude: {i % 60}, longitude: {i % 90}}}}}\n"
                      for i in range(networks)))


def start_popnet(folder, **more):
    path = write(folder, "popnet/popnet.yaml", popnet_config(**more))
    server = Server("popnet", [os.path.join(BUILD, "popnet"), "serve", "--config", path], 5491, f"/{SMALL}")
    server.config_file = path
    return server


def wrk(server, path, seconds, connections=32):
    """Requests answered in that time, asked for as fast as the answers come."""
    run = subprocess.run(["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {HOST}",
                          f"http://{ADDRESS}:{server.port}{path}"], capture_output=True, text=True)
    done = re.search(r"(\d+) requests in", run.stdout)
    if not done or int(done.group(1)) == 0 or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        sys.exit(f"{server.row}: wrk is not content\n{run.stdout}{run.stderr}")
    return int(done.group(1))


class Load:
    """What http_load says of one run: requests, failures, rate, and microseconds."""

    def __init__(self, server, path, seconds, *options):
        run = subprocess.run(["taskset", "-c", LOAD_CORE, program("http_load"), ADDRESS, str(server.port), path, "--seconds",
                              str(seconds), *options], capture_output=True, text=True)
        numbers = run.stdout.split()
        if run.returncode != 0 or len(numbers) != 8 or int(numbers[1]) > 0 or int(numbers[0]) == 0:
            sys.exit(f"{server.row}: http_load is not content\n{run.stdout}{run.stderr}")
        self.requests = int(numbers[0])
        self.rate, self.p50, self.p90, self.p99, self.p999, self.longest = map(float, numbers[2:])
