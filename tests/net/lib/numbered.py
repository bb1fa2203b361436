# SPDX-License-Identifier: GPL-2.0-only
"""Numbered QUIC-like datagrams and TCP connections, counted at both ends.

numbered.py serve SERVER-ID ADDRESS UDP-PORT TCP-PORT
numbered.py ask ADDRESS UDP-PORT TCP-PORT SERVER-ID...

The client has 8 connections per server ID, each known by its CID: config ID 1 without a
key, a server ID of 3 octets, a nonce of 5. Each sends a datagram every 10 ms, and has a new
port every second. Beside them 24 TCP connections send a block every 20 ms, which comes back
and is compared. NUMBERED_PACE=10: all that ten times as slowly. Until SIGTERM; then each
end prints what it counted, as JSON:

ask     sent, answered, answered_twice; tcp, blocks, broken (with why); phases: of each the
        sent and the unanswered. SIGUSR1 begins another one
serve   arrived (different ones), twice, stray (of another server's ID), blocks

The client says "sent", "answered" and "broken" on stderr every half a second, too.
"""
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time

EACH, TCP, BLOCK = 8, 24, 1024
ROOM = 16 << 20
PACE = float(os.environ.get("NUMBERED_PACE", 1))
stopped = threading.Event()


def datagram_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, ROOM)  # SO_RCVBUFFORCE
    s.setblocking(False)
    return s


def receive(s):
    while True:
        try:
            yield s.recvfrom(2048)
        except BlockingIOError:
            return


def whole(s, n):
    """n octets, or fewer where the other end has closed"""
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            break
        got += part
    return got


# ---- the server ----


class Server:
    def __init__(self, sid, address, udp, tcp):
        self.sid = bytes.fromhex(sid)
        self.seen = set()
        self.twice = self.stray = self.blocks = 0
        self.udp = datagram_socket()
        self.udp.bind((address, int(udp)))
        self.tcp = socket.create_server((address, int(tcp)), backlog=64)

    def echo(self, s):
        try:
            while block := whole(s, BLOCK):
                s.sendall(block)
                self.blocks += 1
        except OSError:
            pass
        s.close()

    def accept(self):
        while True:
            s, _ = self.tcp.accept()
            threading.Thread(target=self.echo, args=(s,), daemon=True).start()

    def count(self, data):
        if data[2:5] != self.sid:
            self.stray += 1
        number = data[10:18]
        if number in self.seen:
            self.twice += 1
        self.seen.add(number)

    def run(self):
        threading.Thread(target=self.accept, daemon=True).start()
        print("ready", file=sys.stderr, flush=True)
        wait = selectors.DefaultSelector()
        wait.register(self.udp, selectors.EVENT_READ)
        while not stopped.is_set():
            wait.select(0.1)
            for data, peer in receive(self.udp):
                self.count(data)
                self.udp.sendto(data, peer)
        print(json.dumps({"arrived": len(self.seen), "twice": self.twice,
                          "stray": self.stray, "blocks": self.blocks}), flush=True)


# ---- the client ----


class Client:
    def __init__(self, address, udp, tcp, *sids):
        self.udp, self.tcp = (address, int(udp)), (address, int(tcp))
        self.cids = [bytes([0x28]) + bytes.fromhex(sid) + struct.pack(">BI", 7, i)
                     for sid in sids for i in range(EACH)]
        self.wait = selectors.DefaultSelector()
        self.sockets = [None] * len(self.cids)
        self.number = self.sent = self.twice = self.blocks = 0
        self.answered = set()
        self.broken = []
        self.phases = [0]  # the number that each begins with
        signal.signal(signal.SIGUSR1, lambda *_: self.phases.append(self.number))

    def connection(self, n):
        try:
            s = socket.create_connection(self.tcp, 30)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = 0
            while not stopped.wait(0.02 * PACE):
                block = struct.pack(">II", n, number) * (BLOCK // 8)
                s.sendall(block)
                if whole(s, BLOCK) != block:
                    raise OSError("another block came back")
                number += 1
                self.blocks += 1
            s.close()
        except OSError as e:
            self.broken.append(f"{n}: {e}")

    def new_port(self, i):
        s = datagram_socket()
        s.connect(self.udp)
        self.wait.register(s, selectors.EVENT_READ)
        self.sockets[i] = s

    def send(self):
        for i, cid in enumerate(self.cids):
            # At another moment each
            if self.number % 100 == 4 * i % 100 or not self.sockets[i]:
                self.new_port(i)
            data = b"\x40" + cid + struct.pack(">II", i, self.number) + bytes(80)
            self.sockets[i].send(data)
            self.sent += 1
        self.number += 1

    def hear(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self.wait.select(left):
                for data, _ in receive(key.fileobj):
                    number = data[10:18]
                    self.twice += number in self.answered
                    self.answered.add(number)

    def of_phases(self):
        for begin, end in zip(self.phases, self.phases[1:] + [self.number]):
            sent = (end - begin) * len(self.cids)
            answered = sum(begin <= struct.unpack(">II", n)[1] < end for n in self.answered)
            yield {"sent": sent, "unanswered": sent - answered}

    def say(self):
        print(json.dumps({"sent": self.sent, "answered": len(self.answered),
                          "broken": len(self.broken)}), file=sys.stderr, flush=True)

    def run(self):
        threads = [threading.Thread(target=self.connection, args=(n,)) for n in range(TCP)]
        for t in threads:
            t.start()
        while not stopped.is_set():
            self.send()
            self.hear(0.01 * PACE)
            if self.number % 50 == 0:
                self.say()
        for t in threads:
            t.join()
        quiet = 0
        while len(self.answered) < self.sent and quiet < 20:
            before = len(self.answered)
            self.hear(0.1)
            quiet = quiet + 1 if len(self.answered) == before else 0
        print(json.dumps({"sent": self.sent, "answered": len(self.answered),
                          "answered_twice": self.twice, "tcp": TCP, "blocks": self.blocks,
                          "broken": self.broken, "phases": list(self.of_phases())}), flush=True)


signal.signal(signal.SIGTERM, lambda *_: stopped.set())
{"serve": Server, "ask": Client}[sys.argv[1]](*sys.argv[2:]).run()
