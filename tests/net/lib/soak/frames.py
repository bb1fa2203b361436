# SPDX-License-Identifier: GPL-2.0-only
"""Numbered frames for the VMs."""
import socket
import struct
import time

from world import CONF, MARK, SEND_EVERY, ended, enter, log

ON_ITS_WAY = 1      # seconds that a frame may wait for a processor before the kernel drops it
overruns = []       # [begin, end, how many frames the kernel dropped]


def was_dropped(when):
    """A frame sent then may be one of those that the kernel dropped; each counts once."""
    for o in overruns:
        if o[0] - ON_ITS_WAY <= when < o[1] and o[2]:
            o[2] -= 1
            return True
    return False


def frame(vm, mac, address, number):
    data = bytes(32) + MARK + struct.pack(">Q", number)
    udp = struct.pack(">HHHH", 4000, 9, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + \
        socket.inet_aton(address) + socket.inet_aton(vm.address)
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~total & 0xffff) + ip[12:]
    return vm.octets + bytes.fromhex(mac.replace(":", "")) + b"\x08\x00" + ip + udp


def backlog_drops():
    """
    Frames that the kernel dropped as a processor had more of them than it takes. They are not
    the soak's own, which are few: others flood beside it, in other namespaces of this machine.
    """
    with open("/proc/net/softnet_stat") as f:
        return sum(int(line.split()[1], 16) for line in f)


def send(vms):
    """From the fabric and from a neighbour on h2: to each VM, at a steady pace."""
    senders = []
    for i, (node, dev, mac, address) in enumerate(CONF["senders"]):
        enter(node)
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((dev, 0))
        senders.append((i, s, mac, address))
    number = 0
    dropped, looked = backlog_drops(), time.monotonic()
    while not ended.wait(SEND_EVERY):
        number += 1
        was, last = dropped, looked
        dropped, looked = backlog_drops(), time.monotonic()
        if dropped != was:
            log("the machine drops", dropped - was, "frames of somebody's")
            overruns.append([last - 0.05, looked + 0.05, dropped - was])
        for i, s, mac, address in senders:
            for vm in vms:
                n = i << 56 | number
                when = time.monotonic()
                try:
                    s.send(frame(vm, mac, address, n))
                except OSError:     # a queue is full: it was not sent
                    continue
                vm.sent.append((when, n))
