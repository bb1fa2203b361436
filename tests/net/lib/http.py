# SPDX-License-Identifier: GPL-2.0-only
"""Clients that a server of metrics should not trust. Each prints one line.

http.py say HEX-FREE TEXT   sends it as it is (\\r\\n and \\0 as escapes), prints the status line
http.py many N TEXT         N connections that send TEXT and no more; keeps them until killed
http.py drip SECONDS        a request, an octet every half a second
http.py deaf N              N clients that ask for all and read nothing, until killed
http.py cut N               N clients that ask and go at once
"""
import socket
import sys
import time

PLACE = ("127.0.0.1", 9978)


def connect(small=False):
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(PLACE)
    return s


def say(text):
    s = connect()
    try:
        s.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        got = s.recv(65536)
    except (ConnectionResetError, BrokenPipeError):
        got = b""
    print(got.split(b"\r\n")[0].decode("latin-1") or "closed")


def many(n, text):
    held = []
    for _ in range(int(n)):
        s = connect()
        s.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        held.append(s)
    print("held", flush=True)
    time.sleep(600)


def drip(seconds):
    s = connect()
    began = time.monotonic()
    try:
        for octet in b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 10000:
            s.sendall(bytes([octet]))
            time.sleep(0.5)
            s.setblocking(False)
            try:
                if not s.recv(1):
                    break
            except BlockingIOError:
                pass
            s.setblocking(True)
            if time.monotonic() - began > float(seconds):
                print("still there")
                return
    except (ConnectionResetError, BrokenPipeError):
        pass
    print("cut off")


def deaf(n):
    held = []
    for _ in range(int(n)):
        s = connect(small=True)
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        held.append(s)
    print("held", flush=True)
    time.sleep(600)


def cut(n):
    for _ in range(int(n)):
        s = connect()
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        s.close()
    print("done")


{f.__name__: f for f in (say, many, drip, deaf, cut)}[sys.argv[1]](*sys.argv[2:])
