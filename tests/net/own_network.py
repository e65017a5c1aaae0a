"""A network namespace for a play: nothing but a loopback interface, where it may change what the kernel allows."""
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def _unshare(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), f"cannot make a namespace: {os.strerror(ctypes.get_errno())}")


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter():
    """Moves this process, and all that it starts from now on, there. Works as root, and for others by a user namespace."""
    user, group = os.geteuid(), os.getegid()
    try:
        _unshare(CLONE_NEWNET)
    except OSError:
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {user} 1")
        _write("/proc/self/gid_map", f"0 {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


def allow_ping(allowed):
    """Whether processes may send ICMP echoes without privilege."""
    group = os.getegid()
    _write("/proc/sys/net/ipv4/ping_group_range", f"{group} {group}" if allowed else "1 0")


def answer_ping(answers):
    """Whether the addresses of this network answer ICMP echoes."""
    _write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "0" if answers else "1")


def allow_ipv6(allowed):
    """Whether this network has addresses of IPv6."""
    _write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0" if allowed else "1")
