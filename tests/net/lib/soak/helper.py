#!/usr/bin/python3 -ESs
# SPDX-License-Identifier: GPL-2.0-only
"""
In xroam-libvirt's place: helper.py URI, which ends in "?socket=PATH&by=NODE". What comes by
the socket (libvirts.py) goes to the daemon, and what that asks, back.
"""
import os
import re
import select
import socket
import sys

uri = sys.argv[1]
s = socket.socket(socket.AF_UNIX)
s.connect(re.search("socket=([^&]*)", uri)[1])
s.sendall(uri.encode() + b"\n")
ways = {s.fileno(): sys.stdout.fileno(), sys.stdin.fileno(): s.fileno()}
while True:
    for fd in select.select(list(ways), [], [])[0]:
        octets = os.read(fd, 65536)
        if not octets:
            sys.exit()
        while octets:
            octets = octets[os.write(ways[fd], octets):]
