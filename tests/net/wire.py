"""A cable: a pair of Ethernet interfaces (veth) between this network namespace and another one, where the clients are."""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000
SIOCGIFHWADDR = 0x8927


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Wire:
    """`here` is the interface on this side, `there` on the other; each side has one IPv4 and one IPv6 address."""
    here, there = "server", "client"
    here_v4, there_v4 = "192.0.2.1", "192.0.2.2"
    here_v6, there_v6 = "2001:db8::1", "2001:db8::2"

    def __init__(self, stage):
        self.other = stage.spawn("wire", ["unshare", "--net", "sleep", "infinity"])
        self._wait_for_namespace()
        # The kernel takes the wire of a scene before some time after its other side has gone.
        subprocess.run(["ip", "link", "delete", self.here], stderr=subprocess.DEVNULL, check=False)
        ip("link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", str(self.other.pid))
        for side, name, v4, v6 in ((ip, self.here, self.here_v4, self.here_v6),
                                   (self.ip_there, self.there, self.there_v4, self.there_v6)):
            side("address", "add", f"{v4}/24", "dev", name)
            side("address", "add", f"{v6}/64", "dev", name, "nodad")
            side("link", "set", name, "up")

    def _wait_for_namespace(self):
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.other.pid}/ns/net") == own:
            if not self.other.alive():
                raise OSError(f"no other network namespace: {self.other.log()}")

    def there_argv(self, *argv):
        """A command line that runs on the other side."""
        return ["nsenter", f"--net=/proc/{self.other.pid}/ns/net", *argv]

    def run_there(self, *argv):
        return subprocess.run(self.there_argv(*argv), capture_output=True, text=True, timeout=60, check=False)

    def ip_there(self, *arguments):
        subprocess.run(self.there_argv("ip", *arguments), check=True)

    def socket_there(self, *kind):
        """A socket of the other side, to be used here."""
        made = []

        def make():
            with open(f"/proc/{self.other.pid}/ns/net", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.socket(*kind))

        thread = threading.Thread(target=make)  # a thread that has gone over does not come back
        thread.start()
        thread.join()
        made[0].settimeout(5)
        return made[0]

    def macs(self):
        """Of here and there."""
        found = []
        for sock, name in ((socket.socket(), self.here), (self.socket_there(socket.AF_INET, socket.SOCK_DGRAM), self.there)):
            with sock:
                found.append(fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("40s", name.encode()))[18:24])
        return found

    def filtered(self):
        """Whether there is an XDP program on the interface here."""
        return "xdp" in subprocess.run(["ip", "link", "show", self.here], capture_output=True, text=True, check=True).stdout
