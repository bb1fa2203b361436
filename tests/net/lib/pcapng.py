#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Reads a pcapng (or, of tcpdump, a pcap) file by the letter of the format, and fails on
whatever is not so.

    pcapng.py FILE            one line a packet: device, in|out, verdict, id, length,
                              octets in hex, comment, parted by tabs
    pcapng.py -i FILE         one line a device: name, description, filter, snap length
    pcapng.py -c FILE         its counts: name, seen, wanted, lost, captured, comment
    pcapng.py -p FILE         the same of a pcap file: octets in hex alone
"""
import struct
import sys


def need(true, what):
    if not true:
        sys.exit("%s: %s" % (sys.argv[-1], what))


def options(body):
    found = {}
    at = 0
    while True:
        if at == len(body) == 0:
            return found
        need(at + 4 <= len(body), "options have no end")
        code, length = struct.unpack_from("=HH", body, at)
        at += 4
        if code == 0:
            need(length == 0 and at == len(body), "something behind the options")
            return found
        need(at + length <= len(body), "an option is too long")
        need(code not in found, "an option is there twice")
        found[code] = body[at:at + length]
        need(not any(body[at + length:at + (length + 3 & ~3)]), "padding is not 0")
        at += length + 3 & ~3


def u64(value):
    need(len(value) == 8, "a number of 64 bits")
    return struct.unpack("=Q", value)[0]


def time(high, low):
    return high << 32 | low


def blocks(data):
    at = 0
    while at < len(data):
        need(at + 12 <= len(data), "half a block")
        kind, length = struct.unpack_from("=II", data, at)
        need(length % 4 == 0 and length >= 12 and at + length <= len(data), "half a block")
        need(struct.unpack_from("=I", data, at + length - 4)[0] == length, "lengths differ")
        yield kind, data[at + 8:at + length - 4]
        at += length


def text(found, code):
    return found.get(code, b"").decode("utf-8")


def pcap(data):
    need(struct.unpack_from("=I", data)[0] in (0xa1b2c3d4, 0xa1b23c4d), "no pcap file")
    at = 24
    while at + 16 <= len(data):
        cap = struct.unpack_from("=I", data, at + 8)[0]
        print(data[at + 16:at + 16 + cap].hex())
        at += 16 + cap


def main():
    what = sys.argv[1] if len(sys.argv) > 2 else ""
    data = open(sys.argv[-1], "rb").read()
    if what == "-p":
        return pcap(data)
    devices, last, first = [], 0, True
    for kind, body in blocks(data):
        need(first == (kind == 0x0A0D0D0A), "the section's header is not first")
        if first:
            magic, major, minor, length = struct.unpack_from("=IHHq", body)
            need((magic, major, minor, length) == (0x1A2B3C4D, 1, 0, -1), "the section's header")
            need(text(options(body[16:]), 4).startswith("xroam "), "no application")
        elif kind == 1:
            link, _, snap = struct.unpack_from("=HHI", body)
            o = options(body[8:])
            need(link == 1 and o[9] == b"\x09", "an interface")
            need(o.get(11, b"\0")[:1] == b"\0", "the filter's kind")
            devices.append(text(o, 2))
            if what == "-i":
                print(text(o, 2), text(o, 3), o.get(11, b"\0")[1:].decode(), snap, sep="\t")
        elif kind == 6:
            index, high, low, cap, length = struct.unpack_from("=IIIII", body)
            o = options(body[20 + (cap + 3 & ~3):])
            need(index < len(devices), "a packet of no device")
            need(cap <= length, "more octets than there were")
            need(time(high, low) >= last, "time goes back")
            last = time(high, low)
            way = struct.unpack("=I", o[2])[0]
            need(way in (1, 2), "a direction")
            need(len(o[7]) == 9 and o[7][0] == 2, "a verdict of XDP")
            if not what:
                print(devices[index], "in" if way == 1 else "out", u64(o[7][1:]), u64(o[5]),
                      length, body[20:20 + cap].hex(), text(o, 1), sep="\t")
        elif kind == 5:
            o = options(body[12:])
            need(time(*struct.unpack("=II", o[2])) <= time(*struct.unpack("=II", o[3])),
                 "it ends before it begins")
            if what == "-c":
                print(devices[struct.unpack_from("=I", body)[0]], *(u64(o[c]) for c in (4, 6, 7, 8)),
                      text(o, 1), sep="\t")
        else:
            need(False, "a block of type %u" % kind)
        first = False
    return 0


sys.exit(main())
