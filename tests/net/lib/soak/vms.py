# SPDX-License-Identifier: GPL-2.0-only
"""The VMs: where they run, how they move, which of their frames are promised."""
import collections
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

from etcd import ETCD
from frames import was_dropped
from libvirts import LIBVIRT
from nodes import NODE
from ovn import OVN
from world import (BEGAN, CONF, DIR, EVERY_SENDER, FABRIC, HOSTS, LIB, NEIGHBOUR, NEIGHBOURS_HOST,
                   SEED, WORLD, ended, kill_within, log, run, there, wait_for, wrong, xr)

# Seconds in which a node is to hear what etcd has: one whose daemon lives; and one that comes
# back, or etcd does, for between two attempts are ten at most.
HEARS_WITHIN, HEARS_AGAIN_WITHIN = 2, 12
going = threading.Event()   # a round does


class Qemu:
    """One that is played (qemu.py): a process that has the VM's tap open."""

    def __init__(self, vm, host, status):
        self.vm, self.host, self.tap = vm, host, f"t{vm.name}"
        self.comes, self.has_moved, self.is_told = status == "inmigrate", False, False
        name = f"{DIR}/{vm.name}-{host}"
        self.fifo, self.out = name + ".orders", name + ".out"
        if not os.path.exists(self.fifo):
            os.mkfifo(self.fifo)
        with open(self.out, "w") as out, open(f"{DIR}/qemu.err", "a") as err:
            self.process = subprocess.Popen(
                there(host, "/usr/bin/python3", f"{LIB}/../qemu.py", name + ".qmp", self.fifo,
                      f"open={self.tap}", f"tap={self.tap}", f"mac={vm.mac}",
                      f"status={status}", f"reads={DIR}/{vm.name}.numbers"),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.orders = os.open(self.fifo, os.O_RDWR)
        wait_for(f"{self.tap} in {host}", self.plug)
        if status != "prelaunch":
            self.is_there(status)

    def is_there(self, status):
        """libvirt tells of it, from now on."""
        LIBVIRT[self.host].begins(self.vm, self.tap, status)
        self.is_told = True

    def plug(self):
        # What is for all VMs in the segment is not for these.
        return not run(self.host, "sh", "-ec",
                       f"ip link set {self.tap} master br0 up; "
                       f"bridge link set dev {self.tap} mcast_flood off").returncode

    def tell(self, *orders):
        os.write(self.orders, "".join(o + "\n" for o in orders).encode())
        for order in orders if self.is_told else ():
            LIBVIRT[self.host].hears(self.vm, order, self.comes)
            self.comes = self.comes and order != "event RESUME"
        self.has_moved = self.has_moved or "migration completed" in orders

    def heard(self, regex):
        with open(self.out) as f:
            return len(re.findall(regex, f.read()))

    def is_gated(self):
        """Whether a migration waits, as the capability was last set."""
        with open(self.out) as f:
            set_to = re.findall(r"pause-before-switchover[^}]*?(true|false)", f.read())
        return bool(set_to) and set_to[-1] == "true"

    def kill(self):
        began = time.monotonic()
        self.process.kill()
        self.gone(began)

    def end(self):
        began = time.monotonic()
        self.tell("end")
        self.gone(began)

    def gone(self, began):
        self.process.wait()
        os.close(self.orders)
        LIBVIRT[self.host].ends(self.vm, self.has_moved)
        if self.host == NEIGHBOURS_HOST:
            self.vm.port_went.append((began, time.monotonic()))


class Vm:
    def __init__(self, name, mac, address, home, has_monitor=True):
        self.name, self.mac, self.address, self.home = name, mac, address, home
        self.rng = random.Random(f"{SEED} {name}")
        self.has_monitor = has_monitor  # of its QEMUs, to which daemons are connected
        self.octets = bytes.fromhex(mac.replace(":", ""))
        self.uuid = f"00000000-0000-4000-8000-{mac.replace(':', '')}"
        self.qemu = None
        self.moves = threading.Lock()   # held while it does
        self.idle = threading.Event()
        self.sent = []          # (time, number), by time
        # [begin, end, senders]: nothing is promised of what these sent then
        self.excused = []
        # When its port in the neighbour's bridge went, which may drop what he says to the VM in
        # that moment: docs/limits.md.
        self.port_went = []
        self.counts = dict.fromkeys(("moved", "cancelled", "target_died", "crashed",
                                     "given_up", "unheard", "heard_late"), 0)

    def key(self):
        return f"cluster/segments/0/vms/{self.mac}"

    def value(self, host, seq):
        return {"mac": self.mac, "at": host, "addresses": [self.address], "lock": True,
                "seq": seq}

    def boot(self, host, status="running"):
        self.qemu = Qemu(self, host, status)
        if status == "running":
            self.announce()

    def announce(self):
        """As QEMU and its guest do: RARP, a gratuitous ARP request, and a frame with data."""
        me, every = self.octets, b"\xff" * 6
        ip = socket.inet_aton(self.address)
        arp = b"\x00\x01\x08\x00\x06\x04"
        rarp = every + me + b"\x80\x35" + arp + b"\x00\x03" + me + bytes(4) + me + bytes(4)
        garp = every + me + b"\x08\x06" + arp + b"\x00\x01" + me + ip + bytes(6) + ip
        fabrics = bytes.fromhex(CONF["senders"][FABRIC][2].replace(":", ""))
        data = (fabrics + me + b"\x88\xb5").ljust(60, b"\0")
        self.qemu.tell(*("send " + f.hex() for f in (rarp.ljust(60, b"\0"), garp, data)))

    # ---- a migration ----

    def say(self, node, **words):
        """By the node's socket, or, where nobody listens, by the command."""
        words["mac"] = self.mac
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(f"/run/xroam/{WORLD}-{node}.sock")
            s.sendall(json.dumps(words).encode() + b"\n")
            answer = s.recv(4096).decode()
            log(node, words, "->", answer.strip())
            return '"ok":true' in answer
        except OSError:
            return False
        finally:
            s.close()

    def prepare(self, node, to, tap):
        has_tap = node in (to, self.qemu.host)
        if self.rng.random() < 0.5 and self.say(node, notice="prepare", to=to,
                                                **({"tap": tap} if has_tap else {})):
            return True
        command = ["vm", "prepare", self.mac, "to", to] + (["dev", tap] if has_tap else [])
        if self.rng.random() < 0.3:
            kill_within(0.05 * self.rng.random(), node, *command)
        return not xr(node, *command).returncode

    def cancel(self):
        for node in HOSTS:
            if not self.say(node, notice="cancel"):
                xr(node, "vm", "cancel", self.mac)

    def is_prepared(self, node, to):
        v = NODE[node].vms().get(self.mac, {})
        return v.get("state") == "prepared" and v.get("to") == to

    def tell_all(self, to):
        """
        All hosts know of the move, as a hook waits for: also the one that the VM neither
        leaves nor comes to, for the fabric may bring it the VM's frames.
        """
        for _ in range(40):
            unaware = [n for n in HOSTS if not self.is_prepared(n, to)]
            if not unaware:
                return True
            for node in unaware:
                self.prepare(node, to, self.qemu.tap)
            if ended.wait(0.1):
                sys.exit(1)
        return False

    def migrate(self, to, fate="moved"):
        source, begin = self.qemu, time.monotonic()
        log(self.name, source.host, "->", to, fate)
        OVN.say(self, source.host, to)
        target = Qemu(self, to, "inmigrate")
        if not self.tell_all(to):
            self.counts["given_up"] += 1
            log(self.name, "given up")
            target.tell("migration failed")
            target.end()
            self.cancel()
            OVN.say(self, source.host)
            return
        source.tell("migration setup", "migration active")
        time.sleep(self.rng.uniform(0.05, 0.4))
        gated, waited = source.is_gated(), source.heard("migrate-continue")
        stopped = time.monotonic()
        source.tell("set status=finish-migrate", "event STOP")
        if gated:
            source.tell("migration pre-switchover")
        if fate == "moved" and gated:
            wait_for(f"{self.name} goes on at {source.host}'s gate",
                     lambda: source.heard("migrate-continue") > waited)
        else:
            time.sleep(self.rng.uniform(0, 0.3))
        goes_on = time.monotonic()
        self.counts[fate] += 1
        if fate == "moved":
            self.arrive(source, target)
        else:
            self.stay(source, target, fate)
            # A hook cleans up: a daemon that was dead has not heard it from QEMU.
            self.cancel()
            OVN.say(self, source.host)
        hosts = source.host, target.host
        if NODE[target.host].was_away(stopped) or not gated and (
                not self.is_heard(*hosts, begin) or any(NODE[h].was_locked(stopped) for h in hosts)):
            # Nobody may have known that it stands still, and QEMU did not wait until one did; or
            # its new host's daemon did not hear of it.
            self.counts["unheard"] += 1
            self.excused.append([stopped - 0.2, goes_on + 1.2, EVERY_SENDER])
        log(self.name, "after", "%.3f" % (time.monotonic() - begin), "s")

    def is_heard(self, old, new, since):
        """Both hosts' daemons have heard both hosts' libvirts, which told in time."""
        return all(LIBVIRT[told].is_heard(by, since) for told in (old, new) for by in (old, new))

    def arrive(self, source, target):
        source.tell("migration device", "set status=postmigrate", "migration completed")
        time.sleep(0.01)
        self.qemu = target
        self.third_node_hears(source.host, target.host)
        target.tell("set migrate=completed status=running", "event RESUME")
        self.announce()
        ETCD.say(self, target.host)
        OVN.say(self, target.host)
        time.sleep(self.rng.uniform(0.05, 1))
        self.announce()
        source.end()

    def third_node_hears(self, old, new):
        """
        The third host hears of the move by etcd alone. Until it has, it sends the VM's frames
        on to the old one, which drops what a tunnel brings once it knows that the VM has gone:
        docs/limits.md, "On to a third host". So nothing is promised of what comes by it: the
        fabric's frames where it is the VM's home, and the neighbour's, who hands them to the
        fabric. It is to have heard soon after etcd has the word, if it lives.
        """
        third = next(h for h in HOSTS if h not in (old, new))
        if self.home != third != NEIGHBOURS_HOST:
            return
        senders = EVERY_SENDER if self.home == third else (NEIGHBOUR,)
        self.excuse_until(lambda: self.is_known([third]), senders, [third], f"it is at {new}")

    def all_hear(self, host):
        """
        etcd has that the VM is there. Where that came so late that it has moved on, hosts
        believe it until the next word: its number is newer than any that they have.
        """
        if self.qemu.host != host:
            self.excuse_until(lambda: ETCD.is_written(self) and self.is_known(), EVERY_SENDER,
                              HOSTS, f"it is no more at {host}")

    def is_lied_about(self):
        """By OVN, which is believed where no daemon hears who knows better."""
        if not LIBVIRT[self.qemu.host].is_heard_by_all():
            self.excuse_until(lambda: OVN.is_written(self) and self.is_known(), EVERY_SENDER,
                              HOSTS, "OVN says what is true")

    def excuse_until(self, known, senders, hosts, what):
        began = time.monotonic()
        excused = [began - 0.05, float("inf"), senders]
        self.excused.append(excused)

        def watch():
            due = began + HEARS_WITHIN
            while not known():
                now = time.monotonic()
                if (ETCD.is_hurt() or not ETCD.is_written(self) or not OVN.is_written(self)
                        or not all(NODE[h].daemon for h in hosts)):
                    due = now + HEARS_AGAIN_WITHIN
                if now > due or ended.wait(0.05):
                    break
            excused[1] = time.monotonic() + 0.05
            if excused[1] > began + 1:
                self.counts["heard_late"] += 1
                log(self.name, what + ":", *hosts, "knew after %.3f s" % (excused[1] - began))
        threading.Thread(target=watch, daemon=True).start()

    def stay(self, source, target, fate):
        if fate == "target_died":
            target.kill()
            source.tell("set status=running", "event RESUME", "migration failed")
        else:
            source.tell("migration cancelling", "set status=running", "event RESUME",
                        "migration cancelled")
            target.tell("migration failed")
            time.sleep(0.05)
            target.end()
        source.tell("migration none")

    def crash(self, host):
        """And it is started again, anywhere; until all know, nothing is promised."""
        log(self.name, "crashes at", self.qemu.host, "and starts at", host)
        excused = [time.monotonic() - 0.2, float("inf"), EVERY_SENDER]
        self.excused.append(excused)
        self.counts["crashed"] += 1
        self.qemu.kill()
        time.sleep(self.rng.uniform(0, 0.5))
        self.boot(host, "prelaunch")
        if self.has_monitor:
            wait_for(f"{self.name} is seen at {host}", self.qemu.heard, "query-migrate")
        self.qemu.tell("set status=running", "event RESUME")
        self.qemu.is_there("running")
        self.announce()
        ETCD.say(self, host)
        OVN.say(self, host)
        wait_for(f"all know {self.name} at {host} after a crash", self.is_known)
        excused[1] = time.monotonic() + 0.2

    def is_known(self, hosts=HOSTS):
        return all(NODE[n].vms().get(self.mac, {}).get("host") == self.qemu.host
                   for n in hosts)

    def live(self):
        """Migrates, and now and then crashes, while the round goes on."""
        try:
            while not ended.is_set():
                if not going.is_set():
                    self.idle.set()
                    going.wait(0.2)
                    continue
                self.idle.clear()
                time.sleep(self.rng.uniform(0.5, 3))
                others = [h for h in HOSTS if h != self.qemu.host]
                fate = self.rng.choices(("moved", "cancelled", "target_died", "crashed"),
                                        (12, 3, 2, 1))[0]
                with self.moves:
                    if fate == "crashed":
                        self.crash(self.rng.choice(HOSTS))
                    else:
                        self.migrate(self.rng.choice(others), fate)
        except Exception:  # pylint: disable=broad-except
            wrong(traceback.format_exc())
        self.idle.set()

    # ---- its frames ----

    def lost(self, begin, end):
        """Sent between, promised, and not there; and how many came twice."""
        with open(f"{DIR}/{self.name}.numbers", "rb") as f:
            octets = f.read()
        came = [n for n, in struct.iter_unpack(">Q", octets)]
        due = [(t, n) for t, n in self.sent if begin <= t < end and not any(
            b <= t < e and n >> 56 in senders for b, e, senders in self.excused) and not (
                n >> 56 == NEIGHBOUR and any(b <= t < e + 0.1 for b, e in self.port_went))]
        all_that_came = set(came)
        lost = [(t, n) for t, n in due if n not in all_that_came and not was_dropped(t)]
        self.tell("LOST", lost)
        seen = collections.Counter(came)
        self.tell("TWICE", [(t, n) for t, n in self.sent if seen[n] > 1])
        return len(due), len(lost), len(came) - len(all_that_came)

    def tell(self, what, frames):
        for sender in EVERY_SENDER:
            when = [t - BEGAN for t, n in frames if n >> 56 == sender]
            if when:
                log(what, self.name, "from", CONF["senders"][sender][0], len(when),
                    "from %.3f to %.3f" % (when[0], when[-1]))

    def numbers_forgotten(self):
        """What a round has judged is of no use to the next one."""
        self.sent = []
        self.excused = []
        self.port_went = []
        os.truncate(f"{DIR}/{self.name}.numbers", 0)


VMS = [Vm("A", "52:54:00:12:34:56", "10.9.0.10", "h1"),
       Vm("B", "52:54:00:00:00:0b", "10.9.0.11", "h3", has_monitor=False),
       Vm("S", "52:54:00:00:00:0c", "10.9.0.12", "h2")]
