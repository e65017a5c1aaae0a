"""Real servers for plays: nginx, unbound, vsftpd, node_exporter, nats-server, each with a config of its own on the stage."""
import os
import socket
import subprocess

from play_http import PATIENCE, Failure


def certificate(stage, name):
    """A fresh self-signed certificate and its key, in PEM files that keep their names."""
    files = stage.file("dns.pem", ""), stage.file("dns.key", "")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", files[0], "-keyout", files[1]],
                   check=True, capture_output=True, timeout=PATIENCE)
    return files


class Server:
    """A running program and where it listens."""

    def __init__(self, process, address):
        self.process = process
        self.address = address  # "address:port"
        self.port = int(address.rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop()


class Nginx(Server):
    """`root` is the folder it serves; files put there appear at once."""

    def __init__(self, process, address, folder):
        super().__init__(process, address)
        self.root = os.path.join(folder, "root")
        self.access_log = os.path.join(folder, "access.log")

    def requests(self):
        """What it has answered, oldest first: "GET http://host/path?query 200"."""
        with open(self.access_log, encoding="latin-1") as log:
            return log.read().splitlines()


class Servers:
    """Mixed into Stage: it gives address(), endpoint(), file(), folder and spawn()."""

    def wait_for(self, server):
        """Waits until the program accepts connections."""
        from play import until
        host, port = server.address.rsplit(":", 1)
        process = server.process

        def accepts():
            if not process.alive():
                raise Failure(f"{process.name} ended with {process.child.returncode}:\n{process.log()}")
            with socket.socket() as probe:
                probe.settimeout(PATIENCE)
                return probe.connect_ex((host, int(port))) == 0

        until(f"{process.name} accepts connections at {server.address}", accepts)
        return server

    def _started(self, process, endpoint):
        return self.wait_for(Server(process, endpoint))

    def program(self, name, argv, arguments=(), address=None):
        """A server of another kind: its first argument is where it listens. Is not waited for; see wait_for()."""
        endpoint = address or self.endpoint()
        return Server(self.spawn(name, [*argv, endpoint, *arguments]), endpoint)

    def nginx(self, name="nginx", files=None, server="", address=None):
        """`files`: {"/path": content}; `server`: more lines for the server block. A second one of that name uses the first's folder."""
        endpoint = address or self.endpoint()
        folder = os.path.join(self.folder, name)
        os.makedirs(os.path.join(folder, "root"), exist_ok=True)
        for path, content in (files or {}).items():
            self.file(os.path.join(name, "root", path.lstrip("/")), content)
        temp = "\n".join(f"  {kind}_temp_path {folder}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.file(f"{name}/nginx.conf", f"""
{'user root;' if os.geteuid() == 0 else ''}
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
{temp}
  log_format request '$request_method http://$http_host$request_uri $status';
  access_log {folder}/access.log request;
  types {{ text/html html; image/png png; text/css css; }} default_type application/octet-stream;
  server {{ listen {endpoint}; root {folder}/root; {server} }}
}}
""")
        process = self.spawn(name, ["/usr/sbin/nginx", "-p", folder, "-c", config, "-e", f"{folder}/error.log"])
        return self.wait_for(Nginx(process, endpoint, folder))

    def unbound(self, zones, name="unbound", options=""):
        """A resolver that tells its users' networks; `zones`: {"cdn.test": ["127.1.2.3:5353"]} says whom it asks for what."""
        endpoint = self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        stubs = "\n".join(f'stub-zone:\n  name: "{zone}"\n' +
                          "".join(f'  stub-addr: {server.replace(":", "@")}\n' for server in servers)
                          for zone, servers in zones.items())
        told = "\n".join(f"  send-client-subnet: {server.rsplit(':', 1)[0]}"
                         for server in {server for servers in zones.values() for server in servers})
        config = self.file(f"{name}.conf", f"""
server:
  interface: {host}@{port}
  port: {port}
  outgoing-interface: {host}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "subnetcache iterator"
  num-threads: 1
  local-zone: "test." nodefault
{told}
  {options}
remote-control:
  control-enable: no
{stubs}
""")
        process = self.spawn(name, ["/usr/sbin/unbound", "-d", "-p", "-c", config])
        return self._started(process, endpoint)

    def vsftpd(self, name="vsftpd", address=None):
        """An FTP server for anonymous users."""
        endpoint = address or self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        root = os.path.join(self.folder, name)
        os.makedirs(root)
        config = self.file(f"{name}.conf", "\n".join([
            "listen=YES", f"listen_address={host}", f"listen_port={port}", "background=NO", "run_as_launching_user=YES",
            "anonymous_enable=YES", "local_enable=NO", f"anon_root={root}", "xferlog_enable=NO"]) + "\n")
        return self._started(self.spawn(name, ["/usr/sbin/vsftpd", config]), endpoint)

    def node_exporter(self, name="node_exporter", address=None):
        endpoint = address or self.endpoint()
        process = self.spawn(name, ["/usr/bin/prometheus-node-exporter", f"--web.listen-address={endpoint}",
                                    "--collector.disable-defaults", "--collector.cpu", "--collector.meminfo",
                                    "--collector.loadavg"])
        return self._started(process, endpoint)

    def nats(self, name="nats", address=None):
        endpoint = address or self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        process = self.spawn(name, ["/usr/sbin/nats-server", "-a", host, "-p", port, "-js", "-sd",
                                    os.path.join(self.folder, name)])
        return self._started(process, endpoint)
