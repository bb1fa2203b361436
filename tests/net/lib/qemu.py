#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
The monitor of a QEMU that is not there: qemu.py SOCKET FIFO [KEY=VALUE...].
Lines written into FIFO make it speak:

    set KEY=VALUE...    status, migrate, tap, mac, chardev: what the queries answer
    event NAME [DATA]   an event with that JSON
    migration STATUS    event MIGRATION, and what query-migrate says from then on
    raw TEXT            these octets, \\n and all
    hang up             the client is sent away; end: and it ends itself

    send HEX            a frame of the guest's, into the tap that is open

With open=TAP it has that tap open, with elsewhere=TAP one of that name in a network
namespace of its own. With reads=FILE it takes frames out of the open tap, as long as
its status is "running"; of those to its MAC with MARK before their last 8 octets these go
to FILE.

What it is told, and how long after its own last words, it prints:
    migrate-continue {"state": "pre-switchover"} after 312 us
"""
import ctypes
import fcntl
import json
import os
import selectors
import socket
import struct
import sys
import time

PATH, FIFO = sys.argv[1:3]
STATE = {"status": "running", "migrate": "none", "tap": "tap0",
         "mac": "52:54:00:12:34:56"}
MARK = b"SOAK"
HELD = {}
STATE.update(arg.split("=", 1) for arg in sys.argv[3:])
GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7},
                                "package": ""}, "capabilities": ["oob"]}}
NETWORK = ("e0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:00:00:aa\r\n"
           " \\ n0: index=0,type=tap,ifname=other0,script=no,downscript=no\r\n"
           "e1: index=0,type=nic,model=virtio-net-pci,macaddr=%s\r\n"
           " \\ n1: index=0,type=tap,ifname=%s,script=no,downscript=no\r\n")


def open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1002))
    return fd


def open_elsewhere(name):
    libc, here = ctypes.CDLL(None), os.open("/proc/self/ns/net", os.O_RDONLY)
    if libc.unshare(0x40000000):
        raise OSError("unshare")
    fd = open_tap(name)
    if libc.setns(here, 0):
        raise OSError("setns")
    return fd


class Monitor:
    def __init__(self):
        if os.path.exists(PATH):
            os.unlink(PATH)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(PATH)
        self.listening.listen(1)
        self.client, self.buf, self.spoke = None, b"", time.monotonic()
        self.waiting = []
        self.sel = selectors.DefaultSelector()
        self.sel.register(self.listening, selectors.EVENT_READ, self.accept)
        self.fifo = os.open(FIFO, os.O_RDWR)
        self.orders = b""
        self.sel.register(self.fifo, selectors.EVENT_READ, self.order)
        self.numbers = STATE.get("reads") and os.open(
            STATE["reads"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.reads = False
        self.run_or_stop()

    def accept(self):
        client, _ = self.listening.accept()
        # One at a time: the next one's greeting must wait.
        self.waiting.append(client)
        self.greet()

    def greet(self):
        if self.client or not self.waiting:
            return
        client = self.waiting.pop(0)
        self.client, self.buf = client, b""
        self.sel.register(client, selectors.EVENT_READ, self.read)
        self.say(GREETING)
        print("connected", flush=True)

    def hang_up(self):
        if self.client:
            self.sel.unregister(self.client)
            self.client.close()
            self.client = None
            self.greet()

    def say(self, what):
        self.raw((json.dumps(what) + "\r\n").encode())

    def raw(self, octets):
        self.spoke = time.monotonic()
        try:
            if self.client:
                self.client.sendall(octets)
        except OSError:
            self.hang_up()

    def event(self, name, data=None):
        now = time.time()
        what = {"timestamp": {"seconds": int(now),
                              "microseconds": int(now % 1 * 1e6)},
                "event": name}
        if data:
            what["data"] = data
        self.say(what)

    def read(self):
        if not self.client:
            return      # it was sent away since select() saw it
        try:
            got = self.client.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            got = b""
        if not got:
            print("client gone", flush=True)
            self.hang_up()
            return
        self.buf += got
        while b"\n" in self.buf:
            line, self.buf = self.buf.split(b"\n", 1)
            self.obey(json.loads(line))

    def obey(self, c):
        name, args = c["execute"], c.get("arguments")
        took = (time.monotonic() - self.spoke) * 1e6
        answer = {"return": {}, "id": c.get("id")}
        if name == "query-status":
            answer["return"] = {"status": STATE["status"], "singlestep": False,
                                "running": STATE["status"] == "running"}
        elif name == "query-migrate" and STATE["migrate"] != "none":
            answer["return"] = {"status": STATE["migrate"]}
        elif name == "query-chardev":
            answer["return"] = [{"label": STATE.get("chardev", "serial0"),
                                 "filename": "file", "frontend-open": True}]
        elif name == "human-monitor-command":
            answer["return"] = NETWORK % (STATE["mac"], STATE["tap"])
        elif name == "migrate-set-capabilities" and STATE.get("refuse"):
            answer = {"error": {"class": "GenericError", "desc": "not now"},
                      "id": c.get("id")}
        print("%s %s after %d us" % (name, json.dumps(args), took), flush=True)
        self.say(answer)

    def run_or_stop(self):
        """The guest takes frames while it runs, and then alone."""
        runs = bool(self.numbers) and STATE["status"] == "running"
        if runs and not self.reads:
            self.sel.register(HELD["open"], selectors.EVENT_READ, self.take)
        elif self.reads and not runs:
            self.sel.unregister(HELD["open"])
        self.reads = runs

    def take(self):
        # It may have stopped since select() saw the frame.
        if not self.reads:
            return
        frame = os.read(HELD["open"], 65536)
        # Its card, as any, leaves alone what a bridge floods that is another's.
        if frame[-12:-8] == MARK and frame[:6] == bytes.fromhex(STATE["mac"].replace(":", "")):
            os.write(self.numbers, frame[-8:])

    def order(self):
        self.orders += os.read(self.fifo, 65536)
        while b"\n" in self.orders:
            line, self.orders = self.orders.split(b"\n", 1)
            self.do(*(line.decode().split(" ", 1) + [""])[:2])

    def do(self, word, rest):
        if word == "set":
            STATE.update(w.split("=", 1) for w in rest.split())
            self.run_or_stop()
        elif word == "send":
            os.write(HELD["open"], bytes.fromhex(rest))
        elif word == "event":
            name, _, data = rest.partition(" ")
            self.event(name, json.loads(data) if data else None)
        elif word == "migration":
            STATE["migrate"] = rest
            self.event("MIGRATION", {"status": rest})
        elif word == "raw":
            self.raw(rest.encode().decode("unicode_escape").encode("latin-1"))
        elif word == "flood":
            self.raw(b"{" * int(rest))
        elif word == "hang":
            self.hang_up()
        elif word == "end":
            os.unlink(PATH)
            sys.exit()

    def run(self):
        while True:
            for key, _ in self.sel.select():
                key.data()


HELD.update((key, fn(STATE[key])) for key, fn in (("open", open_tap),
                                                  ("elsewhere", open_elsewhere))
            if key in STATE)
Monitor().run()
