#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Frames of a QUIC client, as hex digits, and captures of frames.

    quicframe.py short|initial MAC CID OCTETS    to MAC, from 10.11.0.2 to 192.0.2.10
    quicframe.py other MAC                       of a routing protocol
    quicframe.py pcap FILE HEX...
"""
import os
import struct
import sys


def ipv4(mac, proto, payload, to=(192, 0, 2, 10)):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64,
                       proto, 0, bytes([10, 11, 0, 2]), bytes(to))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", 0xffff - total) + head[12:]
    return (bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000001") +
            b"\x08\x00" + head + payload)


def quic(kind, mac, cid, octets):
    """octets: of the frame; no UDP checksum, as IPv4 allows."""
    cid = bytes.fromhex(cid)
    if kind == "short":
        payload = b"\x40" + cid
    else:
        payload = b"\xc0\0\0\0\1" + bytes([len(cid)]) + cid + b"\0\0"
    payload += os.urandom(int(octets) - 42 - len(payload))
    return ipv4(mac, 17, struct.pack("!HHHH", 47784, 443, 8 + len(payload), 0) + payload)


def pcap(path, *frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in map(bytes.fromhex, frames):
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


if sys.argv[1] == "pcap":
    pcap(*sys.argv[2:])
elif sys.argv[1] == "other":
    print(ipv4(sys.argv[2], 89, bytes(24), (224, 0, 0, 5)).hex())
else:
    print(quic(*sys.argv[1:]).hex())
