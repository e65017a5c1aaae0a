"""Real servers for plays: nginx, unbound, vsftpd, node_exporter, nats-server, each with a config of its own on the stage."""
import os
import socket

from play_http import PATIENCE, Failure


class Server:
    """A running program and where it listens."""

    def __init__(self, process, address):
        self.process = process
        self.address = address  # "address:port"

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
        """Request lines that it has logged, oldest first."""
        with open(self.access_log, encoding="latin-1") as log:
            return log.read().splitlines()


class Servers:
    """Mixed into Stage: it gives address(), endpoint(), file(), folder and spawn()."""

    def _started(self, process, endpoint, made):
        """Waits until the program accepts connections."""
        from play import until
        host, port = endpoint.rsplit(":", 1)

        def accepts():
            if not process.alive():
                raise Failure(f"{process.name} ended with {process.child.returncode}:\n{process.log()}")
            with socket.socket() as probe:
                probe.settimeout(PATIENCE)
                return probe.connect_ex((host, int(port))) == 0

        until(f"{process.name} accepts connections at {endpoint}", accepts)
        return made

    def nginx(self, name="nginx", files=None, server="", address=None):
        """`files`: {"/path": content}; `server`: more lines for the server block."""
        endpoint = address or self.endpoint()
        folder = os.path.join(self.folder, name)
        os.makedirs(os.path.join(folder, "root"))
        for path, content in (files or {}).items():
            self.file(os.path.join(name, "root", path.lstrip("/")), content)
        temp = "\n".join(f"  {kind}_temp_path {folder}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.file(f"{name}/nginx.conf", f"""
{'user root;' if os.geteuid() == 0 else ''}
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
{temp}
  log_format request '$request $status';
  access_log {folder}/access.log request;
  types {{ text/html html; image/png png; text/css css; }} default_type application/octet-stream;
  server {{ listen {endpoint}; root {folder}/root; {server} }}
}}
""")
        process = self.spawn(name, ["/usr/sbin/nginx", "-p", folder, "-c", config, "-e", f"{folder}/error.log"])
        return self._started(process, endpoint, Nginx(process, endpoint, folder))

    def unbound(self, zones, name="unbound", options=""):
        """A resolver; `zones`: {"cdn.test": "127.1.2.3:5353"} says whom it asks for what."""
        endpoint = self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        stubs = "\n".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {where.replace(":", "@")}\n  stub-no-cache: no'
                          for zone, where in zones.items())
        local = "\n".join(f'  local-zone: "{zone}" nodefault\n  domain-insecure: "{zone}"' for zone in zones)
        config = self.file(f"{name}.conf", f"""
server:
  interface: {host}@{port}
  port: {port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
{local}
  {options}
remote-control:
  control-enable: no
{stubs}
""")
        process = self.spawn(name, ["/usr/sbin/unbound", "-d", "-p", "-c", config])
        return self._started(process, endpoint, Server(process, endpoint))

    def vsftpd(self, name="vsftpd", address=None):
        """An FTP server for anonymous users. Needs root, as vsftpd does."""
        endpoint = address or self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        empty, root = os.path.join(self.folder, name, "empty"), os.path.join(self.folder, name, "root")
        for folder in (empty, root):
            os.makedirs(folder, mode=0o755)
        os.chmod(self.folder, 0o755)
        config = self.file(f"{name}.conf", "\n".join([
            "listen=YES", f"listen_address={host}", f"listen_port={port}", "background=NO", "anonymous_enable=YES",
            "local_enable=NO", f"anon_root={root}", f"secure_chroot_dir={empty}", "ftp_username=nobody",
            "nopriv_user=nobody", "xferlog_enable=NO", "seccomp_sandbox=NO", "isolate=NO", "isolate_network=NO"]) + "\n")
        process = self.spawn(name, ["/usr/sbin/vsftpd", config])
        return self._started(process, endpoint, Server(process, endpoint))

    def node_exporter(self, name="node_exporter", address=None):
        endpoint = address or self.endpoint()
        process = self.spawn(name, ["/usr/bin/prometheus-node-exporter", f"--web.listen-address={endpoint}",
                                    "--collector.disable-defaults", "--collector.cpu", "--collector.meminfo",
                                    "--collector.loadavg"])
        return self._started(process, endpoint, Server(process, endpoint))

    def nats(self, name="nats", address=None):
        endpoint = address or self.endpoint()
        host, port = endpoint.rsplit(":", 1)
        process = self.spawn(name, ["/usr/sbin/nats-server", "-a", host, "-p", port, "-js", "-sd",
                                    os.path.join(self.folder, name)])
        return self._started(process, endpoint, Server(process, endpoint))
