#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Clients of the daemon's socket, polite ones and others: notify.py SOCKET DO ..."""
import json
import os
import random
import select
import socket
import sys
import time

PATH = sys.argv[1]


class Client:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(PATH)
        self.buf = b""

    def send(self, what):
        self.s.sendall(what if isinstance(what, bytes) else what.encode())

    def line(self):
        """The next answer; "" at the end."""
        while b"\n" not in self.buf:
            try:
                got = self.s.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return ""
            self.buf += got
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode()

    def ask(self, what):
        self.send(what + "\n")
        return self.line()


def moved(mac, host):
    return json.dumps({"notice": "moved", "mac": mac, "to": host})


def say(*lines):
    """Each line, and its answer."""
    c = Client()
    for line in lines:
        print(c.ask(line))


def pieces(*parts):
    """Parts of lines, a moment between them; then the answers until the end."""
    c = Client()
    for part in parts:
        c.send(part.replace("\\n", "\n"))
        time.sleep(0.02)
    c.s.shutdown(socket.SHUT_WR)
    while True:
        line = c.line()
        if not line:
            break
        print(line)


def rate(seconds, mac, *hosts):
    """One notice after the other, each answered: how many a second, how fast."""
    c = Client()
    took, i, end = [], 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        text = moved(mac, hosts[i % len(hosts)])
        began = time.monotonic()
        answer = c.ask(text)
        took.append(time.monotonic() - began)
        if '"ok":true' not in answer:
            sys.exit(answer)
        i += 1
    took.sort()
    print("rate %d median %d p99 %d us" % (
        i / float(seconds), took[i // 2] * 1e6, took[i * 99 // 100] * 1e6))


def sustained(n, window, mac, *hosts):
    """n notices, at most window of them unanswered."""
    c = Client()
    lines = [(moved(mac, h) + "\n").encode() for h in hosts]
    n, window = int(n), int(window)
    began, open_, bad = time.monotonic(), 0, 0
    for i in range(n):
        c.send(lines[i % len(lines)])
        open_ += 1
        if open_ == window:
            bad += '"ok":true' not in c.line()
            open_ -= 1
    for i in range(open_):
        bad += '"ok":true' not in c.line()
    print("rate %d bad %d" % (n / (time.monotonic() - began), bad))


def huge(octets):
    """One line without an end."""
    c = Client()
    block, sent = b"[" * 65536, 0
    try:
        while sent < int(octets):
            c.send(block)
            sent += len(block)
    except (BrokenPipeError, ConnectionResetError):
        pass
    print("sent", sent)
    print(c.line())
    print("end" if c.line() == "" else "more")


def slow(seconds, mac, host):
    """Says and says, and never reads."""
    c = Client()
    text = (moved(mac, host) + "\n").encode() * 100
    c.s.setblocking(False)
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        select.select([], [c.s], [], 0.2)
        try:
            sent += c.s.send(text)
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            print("cut off after", sent)
            return
    print("blocked after", sent)


def vanish(n, mac, host):
    """Goes away at any point."""
    text = (moved(mac, host) + "\n").encode()
    for _ in range(int(n)):
        c = Client()
        c.send((text * 3)[:random.randrange(3 * len(text))])
        c.s.close()


def last_words(n, mac, *hosts):
    """Says it all and goes, without a look at the answers."""
    c = Client()
    for i in range(int(n)):
        c.send(moved(mac, hosts[i % len(hosts)]) + "\n")
    c.s.close()


def garbage(n):
    for i in range(int(n)):
        c = Client()
        c.send(os.urandom(1 + random.randrange(5000)) + b"\n" * (i % 3))
        c.s.setblocking(False)
        try:
            c.s.recv(100)
        except (BlockingIOError, ConnectionResetError):
            pass
        c.s.close()


def many(n, beyond, mac, host):
    """So many at once, and some beyond: each is answered."""
    clients = [Client() for _ in range(int(n))]
    ok = sum('"ok":true' in c.ask(moved(mac, host)) for c in clients)
    refused = 0
    for _ in range(int(beyond)):
        c = Client()
        line = c.line()
        refused += '"ok":false' in line and c.line() == ""
    # Who was there before is served still.
    ok2 = sum('"ok":true' in c.ask(moved(mac, host)) for c in clients)
    print("ok %d refused %d again %d" % (ok, refused, ok2))
    for c in clients:
        c.s.close()
    time.sleep(0.2)
    print(Client().ask(moved(mac, host)))


def adds(first, n, host):
    """VMs first to first + n - 1, at a host; each answer is ok."""
    c = Client()
    first, n = int(first), int(n)
    good = 0
    # Who does not read answers is not read from.
    for begin in range(first, first + n, 100):
        some = range(begin, min(begin + 100, first + n))
        c.send("".join(json.dumps({"notice": "add", "at": host,
                                   "mac": "52:54:00:01:%02x:%02x" % (i >> 8, i & 255)}) + "\n"
                       for i in some))
        good += sum('"ok":true' in c.line() for i in some)
    if good != n:
        sys.exit("%d of %d" % (good, n))


def hold(n, seconds, part):
    """So many connections with half a line, for so long."""
    clients = [Client() for _ in range(int(n))]
    for c in clients:
        c.send(part)
    print("held", flush=True)
    time.sleep(float(seconds))


def systemd():
    """The other end of sd_notify: what comes in, a line each, until killed."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(PATH)
    while True:
        print(" ".join(s.recv(4096).decode().split("\n")), flush=True)


def stranger():
    """Somebody else listens there."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(PATH)
    s.listen()
    time.sleep(60)


DO = {f.__name__: f for f in (say, pieces, rate, sustained, huge, slow, vanish,
                              last_words, garbage, many, adds, hold, systemd, stranger)}
DO[sys.argv[2]](*sys.argv[3:])
