#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Answers to health checks by somebody who has seen none of the probes.

    forge.py VIP4 VIP6 NODE4 NODE6 PORT

From each VIP's ports to the node's eight ports from PORT: SYN-ACKs, RSTs and Version
Negotiations with guessed numbers, for a second.
"""
import os
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def summed(source, to, proto, head, at, payload=b""):
    """The header with its checksum, at that octet, and the payload."""
    whole = head + payload
    pseudo = source + to + struct.pack("!IHBB", len(whole), 0, 0, proto)
    total = checksum(pseudo + whole + b"\0" * (len(whole) % 2))
    return whole[:at] + struct.pack("!H", total) + whole[at + 2:]


def tcp(source, to, port, flags):
    head = struct.pack("!HH", 80, port) + os.urandom(8) + struct.pack("!BBHHH", 5 << 4, flags, 1024, 0, 0)
    return summed(source, to, 6, head, 16)


def negotiation(source, to, port):
    payload = (b"\xc0" + bytes(4) + b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8) +
               struct.pack("!I", 1))
    return summed(source, to, 17, struct.pack("!HHHH", 443, port, 8 + len(payload), 0), 6, payload)


def packet(source, to, proto, payload):
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + source + to + payload
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, proto,
                       0) + source + to + payload


def main(vip4, vip6, node4, node6, first):
    ways = []
    for family, vip, node in (socket.AF_INET, vip4, node4), (socket.AF_INET6, vip6, node6):
        raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        ways.append((raw, socket.inet_pton(family, vip), socket.inet_pton(family, node), node))
    for _ in range(50):
        for raw, source, to, node in ways:
            for port in range(int(first), int(first) + 8):
                for proto, made in ((6, tcp(source, to, port, 0x12)), (6, tcp(source, to, port, 0x14)),
                                    (17, negotiation(source, to, port))):
                    raw.sendto(packet(source, to, proto, made), (node, 0))
        time.sleep(0.02)


main(*sys.argv[1:])
