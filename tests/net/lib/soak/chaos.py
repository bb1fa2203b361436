# SPDX-License-Identifier: GPL-2.0-only
"""What disturbs them."""
import random
import socket
import time

from etcd import ETCD
from libvirts import LIBVIRT
from nodes import NODE
from ovn import OVN
from vms import VMS
from world import (DIR, HOSTS, NODES, SEED, SPARED, ended, enter, kill_within, log, run, xr)


class Chaos:
    def __init__(self, rng):
        self.rng, self.later, self.counts = rng, [], {}

    def after(self, seconds, fn, *args):
        self.later.append((time.monotonic() + seconds, fn, args))

    def work_off(self, all_of_it=False):
        for item in list(self.later):
            if all_of_it or item[0] <= time.monotonic():
                self.later.remove(item)
                item[1](*item[2])

    def kill_daemon(self):
        node = NODE[self.rng.choice([n for n in NODES if n not in SPARED])]
        node.kill()
        self.after(self.rng.uniform(0, 0.8), node.start)

    def kill_command(self):
        node = self.rng.choice(NODES)
        words = self.rng.choice((["reload"], ["apply", self.file(node)], ["apply", self.file(node)],
                                 ["vm", "show"]))
        # The next one makes its change again, programs and all, under the lock.
        with NODE[node].locked():
            kill_within(self.rng.uniform(0, 0.1), node, *words)

    def file(self, node):
        return f"{DIR}/{node}-{self.rng.choice('ab')}.yaml"

    def apply(self):
        node = self.rng.choice(NODES)
        log("apply", node)
        xr(node, "apply", self.file(node))

    def reload(self):
        node = self.rng.choice(NODES)
        log("reload", node)
        xr(node, "reload")

    def etcd_loses(self):
        if ETCD.is_hurt():
            return
        n = 2 if self.rng.random() < 0.25 else 1
        for member in self.rng.sample(ETCD.members, n):
            self.hurt(member)

    def hurt(self, server):
        server.hurt(self.rng.choice(("killed", "frozen")))
        self.after(self.rng.uniform(1, 5), server.heal)

    def ovn_goes(self):
        if not OVN.server.how:
            self.hurt(OVN.server)

    def ovn_lies(self):
        """Any place, and that it goes to any, until what is true is written again"""
        vm, at = self.rng.choice(VMS), self.rng.choice(HOSTS)
        to = self.rng.choice([None] + [h for h in HOSTS if h != at])
        vm.is_lied_about()
        OVN.lie(vm, at, to, self.rng.uniform(0.1, 3))

    def libvirt_hangs(self):
        """
        Not for as long as a VM comes and leaves again: what is told then of its coming is taken
        for news (docs/limits.md).
        """
        LIBVIRT[self.rng.choice(HOSTS)].hang(self.rng.uniform(0.1, 0.4))

    def libvirt_goes(self):
        LIBVIRT[self.rng.choice(HOSTS)].goes(self.rng.uniform(0, 3))

    def stale_socket(self):
        """A message about the old place that comes late: numbered, so it is known as that."""
        vm, node = self.rng.choice(VMS), self.rng.choice(NODES)
        vm.say(node, notice="moved", to=self.rng.choice(HOSTS), seq=self.rng.randrange(1, 1000))

    def stale_etcd(self):
        vm = self.rng.choice(VMS)
        log("etcd says late that", vm.name, "is elsewhere")
        if ETCD.put(vm.key(), vm.value(self.rng.choice(HOSTS), self.rng.randrange(1, 1000))):
            ETCD.stored.pop(vm.name, None)

    def lying_fabric(self):
        """EVPN at h4, which has no VM: any place, or that it has forgotten it."""
        vm, host = self.rng.choice(VMS), self.rng.choice(HOSTS)
        log("h4's bridge says that", vm.name, "is at", host)
        run("h4", "bridge", "fdb", "replace", vm.mac, "dev", "vx0", "master", "extern_learn")
        run("h4", "bridge", "fdb", "replace", vm.mac, "dev", "vx0", "dst", f"10.8.0.{host[1]}",
            "self", "extern_learn")

    def forged_announcement(self):
        """
        From a port of the fabric that no VM is at. Not while the VM is prepared to move: in
        one segment nobody can tell it from the VM's own first word from its new place.
        """
        vm = self.rng.choice([v for v in VMS if not v.moves.locked() and OVN.has_at_rest(v)] or
                             [None])
        if not vm:
            return
        ip = socket.inet_aton(vm.address)
        log("c1 announces", vm.name)
        enter("c1")
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("eth0", 0))
        s.send(b"\xff" * 6 + vm.octets + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" +
               vm.octets + ip + bytes(6) + ip)
        s.close()
        enter("gw")

    WEIGHTS = {"kill_daemon": 6, "kill_command": 4, "apply": 2, "reload": 1, "etcd_loses": 2,
               "stale_socket": 2, "stale_etcd": 1, "lying_fabric": 2, "forged_announcement": 2,
               "ovn_goes": 1, "ovn_lies": 2, "libvirt_hangs": 1, "libvirt_goes": 2}

    def one(self):
        what = self.rng.choices(*zip(*self.WEIGHTS.items()))[0]
        self.counts[what] = self.counts.get(what, 0) + 1
        log("chaos:", what)
        getattr(self, what)()

    def go(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not ended.is_set():
            due = time.monotonic() + self.rng.uniform(0.2, 1.5)
            while time.monotonic() < due and not ended.is_set():
                self.work_off()
                time.sleep(0.02)
            self.one()
        self.work_off(True)


CHAOS = Chaos(random.Random(f"{SEED} chaos"))
