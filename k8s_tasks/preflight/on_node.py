"""Runs in the node agent's pod, as text given to its Python: what the node's kernel does when asked.

It stands alone, and changes nothing that outlives it. It prints {name: {"works", "said"}} as JSON,
with {"error"} for what could not be tried.
"""

import ctypes
import errno
import json
import os
import platform
import socket
import struct
import subprocess

# `--check`: the kernel judges the whole batch and then drops it.
TABLE = """
table ip redes-probe {
  chain first {
    meta l4proto tcp counter
  }
  chain second {
  }
  chain services {
    type nat hook prerouting priority dstnat
    numgen random mod 2 vmap { 0 : goto first, 1 : goto second }
  }
}
"""
SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, SOCKET_FILTER = 5, 1
RETURN_0 = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)  # r0 = 0; exit
NETLINK_GENERIC, GENL_ID_CTRL, GET_FAMILY, FAMILY_NAME, NLMSG_ERROR = 16, 16, 3, 2, 2
FAMILY_ID, IPVS_GET_INFO, IPVS_VERSION, EITHER = 1, 15, 1, 1


def nftables():
    done = subprocess.run(["nft", "--check", "-f", "-"], input=TABLE, capture_output=True, text=True)
    said = done.stderr.strip()[:200]
    if "syntax error" in said or "not permitted" in said:  # this says nothing of the kernel
        raise OSError(said)
    return done.returncode == 0, said


def iptables():
    """Whether kube-proxy's chains are there: it has one for the API server's own Service."""
    argv = ["iptables", "-w", "5", "-t", "nat", "-S", "KUBE-SERVICES"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode == 0:
        return "default/kubernetes:https" in done.stdout, "KUBE-SERVICES has no rule"
    said = done.stderr.strip()[:200]
    if "No chain" not in said:
        raise OSError(said)
    return False, said


def ipvs():
    """Ask for IPVS' netlink family, for which the kernel loads the module if it has one, and then
    something of the family: in a user namespace it is there and may not be used."""
    name = b"IPVS\0".ljust(8, b"\0")
    wanted = struct.pack("=BBHHH", GET_FAMILY, 1, 0, 4 + 5, FAMILY_NAME) + name
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as asking:
        asking.settimeout(5)
        answer, code = netlink(asking, GENL_ID_CTRL, wanted)
        if code == 0:
            info = struct.pack("=BBH", IPVS_GET_INFO, IPVS_VERSION, 0)
            _answer, code = netlink(asking, family_in(answer), info)
    if code not in (0, errno.ENOENT, errno.EPERM):
        raise OSError(code, os.strerror(code))
    return code == 0, os.strerror(code) if code else ""


def netlink(asking, family, body):
    """The answer, and the errno it tells of."""
    asking.send(struct.pack("=IHHII", 16 + len(body), family, EITHER, 1, 0) + body)
    answer = asking.recv(65536)
    is_error = struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR
    return answer, -struct.unpack_from("=i", answer, 16)[0] if is_error else 0


def family_in(answer):
    """The number in the attributes of an answer about a family."""
    place = 20
    while place < len(answer):
        length, kind = struct.unpack_from("=HH", answer, place)
        if kind == FAMILY_ID:
            return struct.unpack_from("=H", answer, place + 4)[0]
        place += (length + 3) & ~3
    raise OSError(errno.EPROTO, "no number of a family was told")


def bbr():
    """Ask for it on a socket that is never connected; the kernel loads the module for that too."""
    with socket.socket() as asking:
        try:
            asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
        except FileNotFoundError as error:
            return False, error.strerror
    return True, ""


def ebpf():
    """Load a program of two instructions, attached to nothing, and drop it."""
    number = SYS_BPF[platform.machine()]
    text, terms = ctypes.create_string_buffer(RETURN_0), ctypes.create_string_buffer(b"GPL")
    asked = struct.pack(
        "=IIQQIIQII", SOCKET_FILTER, 2, ctypes.addressof(text), ctypes.addressof(terms), 0, 0, 0, 0, 0
    )
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = libc.syscall(number, BPF_PROG_LOAD, ctypes.create_string_buffer(asked), len(asked))
    if loaded >= 0:
        os.close(loaded)
        return True, ""
    return False, os.strerror(ctypes.get_errno())


def outcome(attempt):
    try:
        works, said = attempt()
    except (OSError, KeyError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"works": works, "said": said}


if __name__ == "__main__":
    print(json.dumps({each.__name__: outcome(each) for each in (nftables, iptables, ipvs, bbr, ebpf)}))
