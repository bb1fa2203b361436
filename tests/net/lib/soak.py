#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What happens to the hosts, VMs and etcd of t-soak.sh's world: soak.py CONFIG, a JSON file
with world, dir, xroam, seconds, seed, endpoints, log and etcd (the members' process ids).

Two VMs migrate without end, one stays. Frames for them come from the fabric (c1) and from
a neighbour on h2 (n1), each with a number. Meanwhile, by chance: daemons and commands are
killed, files applied, programs replaced, etcd's members killed and frozen, QEMUs crash,
and sources say what is not, or no more, true.

It goes in rounds. Each ends so: nothing is disturbed any more, the orchestrator's last word
is in etcd, every VM migrates home. Then all nodes must say the same, still so when their
daemons have been killed and started again, and every frame must have come that was sent
while a VM ran, or moved as its hosts were told beforehand. Then everything is counted that
may not grow.

A round is a line of JSON on stdout, what happened is in the log. The daemons of h3
and h4 live from the first round to the last, for whoever is killed has no time to grow.
"""
import collections
import ctypes
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

with open(sys.argv[1]) as f:
    CONF = json.load(f)
DIR, XROAM, WORLD = CONF["dir"], CONF["xroam"], CONF["world"]
ENTER = os.path.join(os.path.dirname(XROAM), "tests/net/enter")
LIB = os.path.dirname(os.path.abspath(__file__))
HOSTS = ("h1", "h2", "h3")
NODES = HOSTS + ("h4", "gw")
SPARED = ("h3", "h4")
MARK = b"SOAK"
SEND_EVERY = 0.04       # seconds; a frame from each sender to each VM
EVERY_SENDER = FABRIC, NEIGHBOUR = 0, 1     # their indices
NEIGHBOURS_HOST = "h2"
# Seconds in which a node is to hear what etcd has: one whose daemon lives; and one that comes
# back, or etcd does, for between two attempts are ten at most.
HEARS_WITHIN, HEARS_AGAIN_WITHIN = 2, 12
# A state that does not come within this is a fault, whatever the machine has else to do.
AT_MOST = 180
BEGAN = time.monotonic()
LOG = open(CONF["log"], "w", buffering=1)
ended = threading.Event()
failures = []
monitors = []
overrun = []    # (begin, end): the kernel dropped frames


def log(*words):
    LOG.write("%9.3f %s\n" % (time.monotonic() - BEGAN, " ".join(map(str, words))))


def wrong(text):
    log("WRONG", text)
    failures.append(text)


def wait_for(what, fn, *args):
    """Until fn(*args) is true; whatever is wrong for AT_MOST is told."""
    end = time.monotonic() + AT_MOST
    while not (got := fn(*args)):
        if time.monotonic() > end:
            wrong(f"not within {AT_MOST} s: {what}")
            return None
        if ended.wait(0.2):
            sys.exit(1)
    return got


# ---- nodes ----


def enter(node):
    """Sockets of this thread are made there."""
    with open(f"/run/netns/{WORLD}-{node}") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), f"setns {node}")


def there(node, *command):
    return [ENTER, f"/run/netns/{WORLD}-{node}", *command]


def run(node, *command):
    return subprocess.run(there(node, *command), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def xroam(node, *words):
    return [XROAM, "-i", f"{WORLD}-{node}", *words]


def xr(node, *words):
    got = run(node, *xroam(node, *words))
    if got.returncode:
        log(node, *words, "->", got.returncode, got.stderr.strip())
    return got


class Node:
    def __init__(self, name):
        self.name, self.daemon, self.kills = name, None, 0
        self.lock = threading.RLock()

    def start(self):
        with self.lock:
            if self.daemon:
                return
            with open(f"{DIR}/daemon-{self.name}.err", "a") as err:
                self.daemon = subprocess.Popen(
                    there(self.name, *xroam(self.name, "run", "-c", f"{DIR}/{self.name}-a.yaml")),
                    stdin=subprocess.DEVNULL, stdout=err, stderr=err)
            log("daemon", self.name, "starts as", self.daemon.pid)

    def kill(self):
        with self.lock:
            if not self.daemon:
                return
            if self.daemon.poll() is not None:
                wrong(f"the daemon of {self.name} ended by itself: {self.daemon.returncode}")
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None
            self.kills += 1
            log("daemon", self.name, "killed")

    def ready(self):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(f"/run/xroam/{WORLD}-{self.name}.sock")
            return True
        except OSError:
            return False
        finally:
            s.close()

    def vms(self):
        """{MAC: what vm show says}"""
        try:
            got = json.loads(run(self.name, *xroam(self.name, "-j", "vm", "show")).stdout)
        except ValueError:
            return {}
        return {v["mac"]: v for v in got}


def watch_events(node):
    """What its monitor tells of VMs, to the log"""
    with subprocess.Popen(there(node, *xroam(node, "monitor", "kind", "vm", "kind", "change")),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as monitor:
        monitors.append(monitor)
        for line in monitor.stdout:
            log(f"  [{node}]", line.rstrip())


# ---- etcd ----


class Etcd:
    """Its members, which others began, and what the orchestrator writes there."""

    def __init__(self, endpoints, pids):
        self.endpoints = [e.rsplit("/", 1)[1] for e in endpoints]
        self.process, self.command, self.down = {}, {}, {}
        for i, pid in enumerate(pids):
            with open(f"/proc/{pid}/cmdline") as f:
                self.command[i] = f.read().split("\0")[:-1]
            self.process[i] = pid
        self.lock = threading.Lock()
        self.wanted, self.stored, self.seq = {}, {}, int(time.time() * 1000)

    def hurt(self, i, how):
        log("etcd", i, how)
        os.kill(self.process[i], signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        self.down[i] = how

    def heal(self, i):
        how = self.down.pop(i, None)
        if how == "frozen":
            os.kill(self.process[i], signal.SIGCONT)
        elif how:
            with open(f"{DIR}/etcd{i + 1}.err", "a") as err:
                self.process[i] = subprocess.Popen(
                    there("gw", *self.command[i]), stdin=subprocess.DEVNULL,
                    stdout=err, stderr=err).pid
        if how:
            log("etcd", i, "back")

    def put(self, key, value):
        """False: it may have happened, or not."""
        body = json.dumps({"key": base64(key), "value": base64(json.dumps(value))}).encode()
        for endpoint in self.endpoints:
            host, port = endpoint.split(":")
            try:
                with socket.create_connection((host, int(port)), 2) as s:
                    s.settimeout(4)
                    s.sendall(b"POST /v3/kv/put HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" %
                              (len(body), body))
                    if b" 200 " in s.recv(64):
                        return True
            except OSError:
                pass
        return False

    # The orchestrator's word: numbered, so that an older one is known as such.
    def say(self, vm, host):
        with self.lock:
            self.seq = max(self.seq + 1, int(time.time() * 1000))
            self.wanted[vm.name] = (vm, host, self.seq)

    def publish(self):
        unsure = {}
        enter("gw")
        while not ended.wait(0.02):
            with self.lock:
                due = [w for n, w in self.wanted.items() if self.stored.get(n) != w]
            for vm, host, seq in due:
                # One that seemed to fail may have been stored all the same, as late as now.
                if vm.name in unsure:
                    vm.all_hear(unsure.pop(vm.name))
                if self.put(vm.key(), vm.value(host, seq)):
                    self.stored[vm.name] = (vm, host, seq)
                    log("etcd has", vm.name, "at", host, seq)
                    vm.all_hear(host)
                else:
                    unsure[vm.name] = host
                    ended.wait(0.3)

    def is_written(self, vm=None):
        with self.lock:
            return all(self.stored.get(n) == w for n, w in self.wanted.items()
                       if not vm or n == vm.name)


def base64(text):
    import base64 as b
    return b.b64encode(text.encode()).decode()


# ---- VMs ----


class Qemu:
    """One that is played (qemu.py): a process that has the VM's tap open."""

    def __init__(self, vm, host, status):
        self.vm, self.host, self.tap = vm, host, f"t{vm.name}"
        name = f"{DIR}/{vm.name}-{host}"
        self.fifo, self.out = name + ".orders", name + ".out"
        if not os.path.exists(self.fifo):
            os.mkfifo(self.fifo)
        with open(self.out, "w") as out, open(f"{DIR}/qemu.err", "a") as err:
            self.process = subprocess.Popen(
                there(host, "/usr/bin/python3", f"{LIB}/qemu.py", name + ".qmp", self.fifo,
                      f"open={self.tap}", f"tap={self.tap}", f"mac={vm.mac}",
                      f"status={status}", f"reads={DIR}/{vm.name}.numbers"),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.orders = os.open(self.fifo, os.O_RDWR)
        wait_for(f"{self.tap} in {host}", self.plug)

    def plug(self):
        # What is for all VMs in the segment is not for these.
        return not run(self.host, "sh", "-ec",
                       f"ip link set {self.tap} master br0 up; "
                       f"bridge link set dev {self.tap} mcast_flood off").returncode

    def tell(self, *orders):
        os.write(self.orders, "".join(o + "\n" for o in orders).encode())

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
        if self.host == NEIGHBOURS_HOST:
            self.vm.port_went.append((began, time.monotonic()))


class Vm:
    def __init__(self, name, mac, address, home, rng):
        self.name, self.mac, self.address, self.home, self.rng = name, mac, address, home, rng
        self.octets = bytes.fromhex(mac.replace(":", ""))
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
                                     "given_up", "no_gate", "heard_late"), 0)

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
        target = Qemu(self, to, "inmigrate")
        if not self.tell_all(to):
            self.counts["given_up"] += 1
            log(self.name, "given up")
            target.tell("migration failed")
            target.end()
            self.cancel()
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
        if not gated:
            # Nobody may have known that it stands still, and QEMU did not wait until one did.
            self.counts["no_gate"] += 1
            self.excused.append([stopped - 0.2, time.monotonic() + 1.2, EVERY_SENDER])
        self.counts[fate] += 1
        if fate == "moved":
            self.arrive(source, target)
        else:
            self.stay(source, target, fate)
            # A hook cleans up: a daemon that was dead has not heard it from QEMU.
            self.cancel()
        log(self.name, "after", "%.3f" % (time.monotonic() - begin), "s")

    def arrive(self, source, target):
        source.tell("migration device", "set status=postmigrate", "migration completed")
        time.sleep(0.01)
        self.qemu = target
        self.third_node_hears(source.host, target.host)
        target.tell("set migrate=completed status=running", "event RESUME")
        self.announce()
        ETCD.say(self, target.host)
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

    def excuse_until(self, known, senders, hosts, what):
        began = time.monotonic()
        excused = [began - 0.05, float("inf"), senders]
        self.excused.append(excused)

        def watch():
            due = began + HEARS_WITHIN
            while not known():
                now = time.monotonic()
                if ETCD.down or not ETCD.is_written(self) or not all(
                        NODE[h].daemon for h in hosts):
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
        wait_for(f"{self.name} is seen at {host}", self.qemu.heard, "query-migrate")
        self.qemu.tell("set status=running", "event RESUME")
        self.announce()
        ETCD.say(self, host)
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
        lost = [(t, n) for t, n in due if n not in all_that_came and
                not any(b <= t < e for b, e in overrun)]
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


def send():
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
            overrun.append((last - 0.05, looked + 0.05))
        for i, s, mac, address in senders:
            for vm in VMS:
                n = i << 56 | number
                vm.sent.append((time.monotonic(), n))
                s.send(frame(vm, mac, address, n))


# ---- what disturbs them ----


def kill_within(seconds, node, *words):
    victim = subprocess.Popen(there(node, *xroam(node, *words)), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    victim.kill()
    victim.wait()
    log(node, *words, "killed" if victim.returncode < 0 else "done before it was killed")


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
        if ETCD.down:
            return
        n = 2 if self.rng.random() < 0.25 else 1
        for i in self.rng.sample(range(len(ETCD.endpoints)), n):
            ETCD.hurt(i, self.rng.choice(("killed", "frozen")))
            self.after(self.rng.uniform(1, 5), ETCD.heal, i)

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
        vm = self.rng.choice([v for v in VMS if not v.moves.locked()] or [VMS[-1]])
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
               "stale_socket": 2, "stale_etcd": 1, "lying_fabric": 2, "forged_announcement": 2}

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


# ---- at rest ----


def all_agree():
    for name in NODES:
        vms = NODE[name].vms()
        for vm in VMS:
            v = vms.get(vm.mac)
            if not v or v["host"] != vm.qemu.host or v["state"] in ("prepared", "blackout"):
                all_agree.why = f"{name} has {vm.name} as {v}, it is at {vm.qemu.host}"
                return False
    return True


def all_up():
    for node in NODE.values():
        node.start()
    for node in NODE.values():
        wait_for(f"{node.name}'s daemon is there", node.ready)


def agree(when):
    if not wait_for(f"one outcome, {when}", all_agree):
        wrong(all_agree.why)


def rest(last):
    """Everything comes to its end, and to one outcome."""
    going.clear()
    for vm in VMS:
        wait_for(f"{vm.name} is at rest", vm.idle.is_set)
    all_up()
    for vm in VMS:
        ETCD.say(vm, vm.qemu.host)
    wait_for("the orchestrator's word is in etcd", ETCD.is_written)
    agree("all undisturbed")
    for vm in VMS:
        if vm.qemu.host != vm.home:
            vm.migrate(vm.home)
    agree("at home")
    for node in NODE.values():
        if last or node.name not in SPARED:
            node.kill()
    all_up()
    agree("after daemons were killed and started again")


BPF = 321
HASHES = (1, 5, 9, 10, 11, 12, 13)


def bpf(cmd, attr):
    ret = ctypes.CDLL(None, use_errno=True).syscall(BPF, cmd, attr, len(attr))
    return ret if ret >= 0 else -ctypes.get_errno()


def entries(path):
    """Of a pinned map whose size varies; 0 for another one"""
    name = ctypes.create_string_buffer(path.encode())
    fd = bpf(7, struct.pack("<QII", ctypes.addressof(name), 0, 0))
    if fd < 0:
        return 0
    try:
        info = ctypes.create_string_buffer(80)
        if bpf(15, struct.pack("<IIQ", fd, 80, ctypes.addressof(info))) < 0:
            return 0
        kind, _, key_size = struct.unpack_from("<III", info.raw)
        if kind not in HASHES:
            return 0
        n, key, at = 0, ctypes.create_string_buffer(key_size), 0
        while bpf(4, struct.pack("<IIQQ", fd, 0, at, ctypes.addressof(key))) == 0:
            n, at = n + 1, ctypes.addressof(key)
        return n
    finally:
        os.close(fd)


def lines(node, *command):
    return len(run(node, *command).stdout.splitlines())


def counts():
    """What may not grow; by node"""
    got = {}
    for node in NODES:
        pins = f"/sys/fs/bpf/xroam/{WORLD}-{node}"
        names = [os.path.join(d, f) for d, _, files in os.walk(pins) for f in files]
        maps = {os.path.basename(n): entries(n) for n in names if "flow" not in n}
        got[node] = {
            "pins": len(names),
            "map_entries": sum(maps.values()),
            "routes": lines(node, "ip", "route", "show", "table", "all") +
            lines(node, "ip", "-6", "route", "show", "table", "all"),
            "neighbours": lines(node, "ip", "neigh", "show", "nud", "permanent"),
            "fdb": len(re.findall(r"^52:54:.*(?:sticky|extern_learn)", run(
                node, "bridge", "fdb", "show").stdout, re.M)),
            "run_files": sum(len(f) for _, _, f in os.walk(f"/run/xroam/{WORLD}-{node}")),
        }
    return got


def daemons():
    got = {}
    for name in SPARED:
        pid = NODE[name].daemon.pid
        with open(f"/proc/{pid}/status") as f:
            kb = {k.lower(): int(n) for k, n in re.findall(r"(Rss\w+):\s+(\d+)", f.read())}
        got[name] = {"pid": pid, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), **kb}
    return got


def one_round(n, seconds, last):
    begin = time.monotonic()
    going.set()
    CHAOS.go(seconds)
    before = daemons()
    rest(last)
    # What was sent last is on its way.
    end = time.monotonic() - SEND_EVERY
    time.sleep(1)
    report = {"round": n, "chaos": CHAOS.counts, "kills": {m.name: m.kills for m in NODE.values()},
              "daemons": before, "counts": counts(), "vms": {}, "took": time.monotonic() - begin}
    for vm in VMS:
        sent, lost, twice = vm.lost(begin, end)
        report["vms"][vm.name] = dict(vm.counts, sent=sent, lost=lost, twice=twice)
        vm.numbers_forgotten()
    report["failures"], failures[:] = list(failures), []
    print(json.dumps(report), flush=True)


def stop(*_):
    ended.set()
    sys.exit(1)


def main():
    enter("gw")
    all_up()
    for vm in VMS:
        vm.boot(vm.home)
        ETCD.say(vm, vm.home)
    threads = [threading.Thread(target=fn, daemon=True) for fn in
               [ETCD.publish, send] + [vm.live for vm in VMS if vm is not VMS[2]]]
    VMS[2].idle.set()
    threads += [threading.Thread(target=watch_events, args=(n,), daemon=True) for n in HOSTS]
    for t in threads:
        t.start()
    rest(False)
    for vm in VMS:
        vm.numbers_forgotten()
    rounds = max(10, int(CONF["seconds"] / 60))
    end = time.monotonic() + CONF["seconds"]
    for n in range(1, rounds + 1):
        left = (end - time.monotonic()) / (rounds - n + 1)
        one_round(n, max(2, left - one_round.rest), n == rounds)
    ended.set()
    for node in NODE.values():
        node.daemon.terminate()
        node.daemon.wait()
    for vm in VMS:
        vm.qemu.end()
    for monitor in monitors:
        monitor.terminate()


SEED = CONF["seed"]
one_round.rest = 8
going = threading.Event()
VMS = [Vm("A", "52:54:00:12:34:56", "10.9.0.10", "h1", random.Random(f"{SEED} A")),
       Vm("B", "52:54:00:00:00:0b", "10.9.0.11", "h3", random.Random(f"{SEED} B")),
       Vm("S", "52:54:00:00:00:0c", "10.9.0.12", "h2", random.Random(f"{SEED} S"))]
NODE = {n: Node(n) for n in NODES}
ETCD = Etcd(CONF["endpoints"], CONF["etcd"])
CHAOS = Chaos(random.Random(f"{SEED} chaos"))
signal.signal(signal.SIGTERM, stop)
main()
