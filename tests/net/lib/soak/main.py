#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What happens to the hosts, VMs, etcd and OVN of t-soak.sh's world: main.py CONFIG, a JSON file
with world, dir, xroam, enter (the program of that name), seconds, seed, endpoints, log, and
the process ids of etcd (each member's) and southbound.

Two VMs migrate without end, one stays. Frames for them come from the fabric (c1) and from
a neighbour on h2 (n1), each with a number. Meanwhile, by chance: daemons and commands are
killed, files applied, programs replaced, etcd's members and OVN's database killed and frozen,
libvirts lost and late, QEMUs crash, and sources say what is not, or no more, true.

It goes in rounds. Each ends so: nothing is disturbed any more, the orchestrator's last word
is in etcd, every VM migrates home. Then all nodes must say the same, still so when their
daemons have been killed and started again, and every frame must have come that was sent
while a VM ran, or moved as its hosts were told beforehand. Then everything is counted that
may not grow.

A round is a line of JSON on stdout, what happened is in the log. The daemons of h3
and h4 live from the first round to the last, for whoever is killed has no time to grow.
"""
import json
import signal
import sys
import threading
import time
import traceback

from chaos import CHAOS
from counts import counts, daemons
from etcd import ETCD
from frames import send
from libvirts import LIBVIRT
from nodes import NODE, monitors, watch_events
from ovn import OVN
from vms import VMS, going
from world import (CONF, HOSTS, NODES, SEND_EVERY, SPARED, ended, enter, failures, wait_for, wrong)


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
        OVN.say(vm, vm.qemu.host)
    wait_for("the orchestrator's word is in etcd", ETCD.is_written)
    wait_for("and OVN's, too", OVN.is_written)
    for libvirt in LIBVIRT.values():
        wait_for(f"all hear the libvirt of {libvirt.host}", libvirt.is_heard_by_all)
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


def to_the_end(fn, *args):
    """For a thread, whose end by mistake nobody would see."""
    try:
        fn(*args)
    except Exception:  # pylint: disable=broad-except
        wrong(traceback.format_exc())


def main():
    enter("gw")
    OVN.begin(VMS)
    all_up()
    for vm in VMS:
        vm.boot(vm.home)
        ETCD.say(vm, vm.home)
        OVN.say(vm, vm.home)
    works = [(ETCD.publish,), (OVN.publish,), (send, VMS)]
    works += [(vm.live,) for vm in VMS if vm is not VMS[2]]
    works += [(watch_events, n) for n in HOSTS]
    threads = [threading.Thread(target=to_the_end, args=work, daemon=True) for work in works]
    VMS[2].idle.set()
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


one_round.rest = 8
signal.signal(signal.SIGTERM, stop)
main()
