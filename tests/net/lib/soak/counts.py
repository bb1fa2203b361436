# SPDX-License-Identifier: GPL-2.0-only
"""What may not grow, counted."""
import ctypes
import os
import re
import struct

from nodes import NODE
from world import NODES, SPARED, WORLD, run

BPF = 321
HASHES = (1, 5, 9, 10, 11, 12, 13)


def bpf(cmd, attr):
    ret = ctypes.CDLL(None, use_errno=True).syscall(BPF, cmd, attr, len(attr))
    return ret if ret >= 0 else -ctypes.get_errno()


def entries(path):
    """Of a pinned map whose size varies; 0 for another one"""
    name = ctypes.create_string_buffer(path.encode())
    fd = bpf(7, struct.pack("<QII", ctypes.addressof(name), 0, 0))
    if fd < 0:
        return 0
    try:
        info = ctypes.create_string_buffer(80)
        if bpf(15, struct.pack("<IIQ", fd, 80, ctypes.addressof(info))) < 0:
            return 0
        kind, _, key_size = struct.unpack_from("<III", info.raw)
        if kind not in HASHES:
            return 0
        n, key, at = 0, ctypes.create_string_buffer(key_size), 0
        while bpf(4, struct.pack("<IIQQ", fd, 0, at, ctypes.addressof(key))) == 0:
            n, at = n + 1, ctypes.addressof(key)
        return n
    finally:
        os.close(fd)


def lines(node, *command):
    return len(run(node, *command).stdout.splitlines())


def counts():
    """What may not grow; by node"""
    got = {}
    for node in NODES:
        pins = f"/sys/fs/bpf/xroam/{WORLD}-{node}"
        names = [os.path.join(d, f) for d, _, files in os.walk(pins) for f in files]
        maps = {os.path.basename(n): entries(n) for n in names if "flow" not in n}
        got[node] = {
            "pins": len(names),
            "map_entries": sum(maps.values()),
            "routes": lines(node, "ip", "route", "show", "table", "all") +
            lines(node, "ip", "-6", "route", "show", "table", "all"),
            "neighbours": lines(node, "ip", "neigh", "show", "nud", "permanent"),
            "fdb": len(re.findall(r"^52:54:.*(?:sticky|extern_learn)", run(
                node, "bridge", "fdb", "show").stdout, re.M)),
            "run_files": sum(len(f) for _, _, f in os.walk(f"/run/xroam/{WORLD}-{node}")),
        }
    return got


def daemons():
    got = {}
    for name in SPARED:
        pid = NODE[name].daemon.pid
        with open(f"/proc/{pid}/status") as f:
            kb = {k.lower(): int(n) for k, n in re.findall(r"(Rss\w+):\s+(\d+)", f.read())}
        got[name] = {"pid": pid, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), **kb}
    return got
