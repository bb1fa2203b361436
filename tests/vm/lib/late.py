#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
    late.py SOCKET HELPER URI...

How much later QEMU's events come by libvirt than by a monitor of QEMU's own: HELPER is
xroam-libvirt, started for each URI; SOCKET the monitor of whichever QEMU made it last.
Writes "ready" when all are connected, forgets what came till then at SIGUSR1, and writes at
SIGTERM one JSON object, in ms after QEMU's own time of the event: the median and the
greatest by each way.

    {"STOP": {"n": 2, "monitor": [0.2, 0.3], "libvirt": [0.9, 1.1], "life": [3.0, 3.2]}}

life: libvirt's lifecycle event that means the same, where it has one.
"""
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time

EVENTS = ("STOP", "RESUME", "MIGRATION")
LIFE = {"suspended": "STOP", "resumed": "RESUME"}

path, helper, uris = sys.argv[1], sys.argv[2], sys.argv[3:]
selector = selectors.DefaultSelector()
by_monitor, by_libvirt, lives = {}, {}, []
up = set()


def on_libvirt(pipe, line, now):
    if "up" in line:
        up.add(pipe)
    if line.get("event") in EVENTS:
        by_libvirt.setdefault((line["event"], line["at"]), now)
    elif "life" in line and line["life"].split()[0] in LIFE:
        lives.append((LIFE[line["life"].split()[0]], now))


def on_monitor(_, line, now):
    if line.get("event") in EVENTS:
        t = line["timestamp"]
        by_monitor[line["event"], t["seconds"] * 1000000 + t["microseconds"]] = now


class Lines:
    """Of a descriptor, each with the time when it could be read."""

    def __init__(self, fd, take):
        self.fd, self.take, self.rest = fd, take, b""
        selector.register(fd, selectors.EVENT_READ, self)

    def read(self):
        now = time.time() * 1000000
        got = os.read(self.fd, 65536)
        if not got:
            selector.unregister(self.fd)
        *lines, self.rest = (self.rest + got).split(b"\n")
        for line in lines:
            self.take(self.fd, json.loads(line), now)


monitors = []


def look_for_monitor():
    try:
        inode = os.stat(path).st_ino
        if monitors and monitors[-1][0] == inode:
            return
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
    except OSError:
        return
    s.sendall(b'{"execute":"qmp_capabilities"}\n')
    monitors.append((inode, s))
    Lines(s.fileno(), on_monitor)


def figures(values):
    return [round(f(values) / 1000, 2) for f in (statistics.median, max)] if values else None


def report():
    all_of = {}
    for name in EVENTS:
        both = [k for k in by_monitor if k[0] == name and k in by_libvirt]
        # libvirt's own has no time of QEMU's: it is the first after the event.
        first = [min((t for n, t in lives if n == name and t > at), default=None)
                 for _, at in both]
        all_of[name] = {
            "n": len(both),
            "monitor": figures([by_monitor[k] - k[1] for k in both]),
            "libvirt": figures([by_libvirt[k] - k[1] for k in both]),
            "life": figures([t - k[1] for k, t in zip(both, first) if t]),
        }
    print(json.dumps(all_of))


def main():
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    signal.signal(signal.SIGUSR1, lambda *_: by_monitor.clear())
    helpers = [subprocess.Popen([helper, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
               for uri in uris]
    for h in helpers:
        Lines(h.stdout.fileno(), on_libvirt)
    ready = False
    while not ended:
        for key, _ in selector.select(0.01):
            key.data.read()
        look_for_monitor()
        if not ready and monitors and len(up) == len(uris):
            ready = True
            print("ready", file=sys.stderr, flush=True)
    for h in helpers:
        h.kill()
        h.wait()
    report()


main()
