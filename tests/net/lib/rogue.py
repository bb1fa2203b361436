#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Monitors of QEMUs that are not there, and do not behave: rogue.py DIR N MODE. They
listen at DIR/0.qmp and so on, greet, and answer what they are asked. MODE:

    flaps    migrations begin and are cancelled without end
    events   events that nobody knows, without end
    answers  answers to nothing, without end
    large    answers of 200 kB to whatever is asked
    stuck    once the capabilities are set, nothing is answered any more
"""
import json
import os
import selectors
import socket
import sys

DIR, N, MODE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
GREETING = b'{"QMP":{"version":{"qemu":{"major":7}},"capabilities":[]}}\r\n'
BLOBS = {
    "flaps": b'{"event":"MIGRATION","data":{"status":"active"}}\n'
             b'{"event":"MIGRATION","data":{"status":"cancelled"}}\n' * 500,
    "events": (b'{"event":"X","data":{"list":[' + b"1," * 200 + b"1]}}\n") * 200,
    "answers": (b'{"id":77,"return":[' + b"1," * 200 + b"1]}\n") * 200,
}
VALUES = {"query-status": {"status": "running", "running": True},
          "human-monitor-command": "", "query-chardev": [], "x-query-virtio": []}
SEL = selectors.DefaultSelector()


class Monitor:
    def __init__(self, listening):
        self.listening = listening
        SEL.register(listening, selectors.EVENT_READ, self.accept)

    def accept(self):
        self.s, _ = self.listening.accept()
        self.s.setblocking(False)
        self.out, self.buf, self.ready, self.silent = GREETING, b"", False, False
        self.watch()

    def watch(self):
        talks = self.out or (self.ready and MODE in BLOBS)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if talks else 0)
        try:
            SEL.modify(self.s, events, self.serve)
        except KeyError:
            SEL.register(self.s, events, self.serve)

    def serve(self):
        try:
            if not self.out and self.ready:
                self.out = BLOBS.get(MODE, b"")
            if self.out:
                self.out = self.out[self.s.send(self.out):]
            self.hear(self.s.recv(65536))
        except BlockingIOError:
            pass
        except OSError:
            SEL.unregister(self.s)
            self.s.close()
            return
        self.watch()

    def hear(self, got):
        if not got:
            raise ConnectionResetError
        self.buf += got
        while b"\n" in self.buf:
            line, self.buf = self.buf.split(b"\n", 1)
            self.answer(json.loads(line))

    def answer(self, asked):
        value = VALUES.get(asked["execute"], {})
        if MODE == "large" and self.ready:
            value = [1] * 100000
        if not self.silent:
            self.out += json.dumps({"return": value, "id": asked["id"]},
                                   separators=(",", ":")).encode() + b"\r\n"
        if asked["execute"] == "query-migrate":
            self.ready = True
            self.silent = MODE == "stuck"
            print("met", flush=True)


for i in range(N):
    s = socket.socket(socket.AF_UNIX)
    s.bind(os.path.join(DIR, "%d.qmp" % i))
    s.listen(5)
    Monitor(s)
print("listening", flush=True)
while True:
    for key, _ in SEL.select():
        key.data()
