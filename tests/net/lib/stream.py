#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A state stream as large as one likes: stream.py FLOWS VMS <EXPORT >STREAM

EXPORT is one of the instance that is to take it, with a backend and a host: its head and its
names are used, and its first of each. docs/formats.md has the format.
"""
import struct
import sys
import zlib

BACKENDS, HOSTS, FLOWS, VMS, END = range(1, 6)
FLOWS_EACH, VMS_EACH = 8192, 512
ESTABLISHED, STABLE, NO_HOST = 0x8000, 1, 0xffff


def sections(octets):
    at = struct.unpack_from("<H", octets, 10)[0]
    while at < len(octets):
        kind, _, length = struct.unpack_from("<III", octets, at)
        at += 16
        yield kind, octets[at:at + length]
        at += (length + 7) // 8 * 8


def section(kind, octets):
    pad = b"\0" * (-len(octets) % 8)
    return struct.pack("<IIII", kind, zlib.crc32(octets), len(octets), 0) + octets + pad


def flow(i, buckets):
    return struct.pack("<IIHH", i % buckets, i << 1 | 1, 0, ESTABLISHED)


def vm(i):
    mac = b"\x52\x54\0" + i.to_bytes(3, "big")
    return mac + struct.pack("<2xQQHHHBBBBBBIII64x", 0, 0, 0, NO_HOST, 0, STABLE, 0, 1, 0, 0, 0,
                             0, 0, 0)


def main():
    flows, vms = map(int, sys.argv[1:])
    export = sys.stdin.buffer.read()
    size, buckets = struct.unpack_from("<H", export, 10)[0], struct.unpack_from("<I", export, 12)[0]
    names = dict(sections(export))
    put = sys.stdout.buffer.write
    put(export[:size])
    put(section(BACKENDS, names[BACKENDS]))
    for i in range(0, flows, FLOWS_EACH):
        put(section(FLOWS, b"".join(flow(k, buckets)
                                    for k in range(i, min(flows, i + FLOWS_EACH)))))
    put(section(HOSTS, names[HOSTS]))
    for i in range(0, vms, VMS_EACH):
        put(section(VMS, b"".join(vm(k) for k in range(i, min(vms, i + VMS_EACH)))))
    put(section(END, struct.pack("<QQ", flows, vms)))


main()
