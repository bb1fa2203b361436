# SPDX-License-Identifier: GPL-2.0-only
"""
The libvirtds of hosts, which are not there: each tells what the QEMUs of its host do, a little
later than they do it. What xroam-libvirt would make of that goes to the programs that daemons
start in its place: helper.py, one for each daemon and libvirtd.
"""
import json
import queue
import random
import socket
import threading
import time

from world import DIR, HOSTS, SEED, ended, log


class Client:
    def __init__(self, node, s):
        self.node, self.socket, self.since = node, s, time.monotonic()

    def send(self, line):
        try:
            self.socket.sendall(json.dumps(line).encode() + b"\n")
        except OSError:
            pass


class Libvirt:
    def __init__(self, host):
        self.host, self.rng = host, random.Random(f"{SEED} libvirt {host}")
        self.clients = {}               # by the node whose daemon listens
        self.domains = {}               # as they have been told of
        self.queue = queue.Queue()      # (when it is due, a function, its arguments)
        self.hangs_until = self.down_until = self.last_due = 0
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(f"{DIR}/libvirt-{host}")
        self.listening.listen(16)
        for fn in self.accept, self.deliver:
            threading.Thread(target=fn, daemon=True).start()

    # ---- connections ----

    def accept(self):
        while True:
            s, _ = self.listening.accept()
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with s, s.makefile(encoding="utf-8") as lines:
            client = Client(lines.readline().rpartition("=")[2].strip(), s)
            if time.monotonic() >= self.down_until:
                self.soon(self.greet, client)
                for line in lines:
                    self.answer(client, json.loads(line))
            if self.clients.get(client.node) is client:
                del self.clients[client.node]

    def answer(self, client, question):
        uuid = question["domain"]
        if "ask" in question:
            # A QEMU that does not know the command.
            self.soon(client.send, {"domain": uuid, "answer": question["ask"], "value": None})
        else:
            self.soon(self.describe, uuid, [client])

    def greet(self, client):
        client.send({"up": True})
        for uuid in self.domains:
            self.describe(uuid, [client])
        client.send({"listed": True})
        self.clients[client.node] = client

    def hang(self, seconds):
        log("libvirt of", self.host, "hangs for %.1f s" % seconds)
        self.hangs_until = time.monotonic() + seconds

    def goes(self, seconds):
        log("libvirt of", self.host, "is gone for %.1f s" % seconds)
        self.down_until = time.monotonic() + seconds
        for client in list(self.clients.values()):
            try:
                client.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def is_heard(self, node, since):
        """By that node's daemon, all the time since then"""
        client = self.clients.get(node)
        return client and client.since < since and self.hangs_until < since

    def is_heard_by_all(self):
        return all(self.is_heard(node, time.monotonic()) for node in HOSTS)

    # ---- what it tells ----

    def soon(self, fn, *args):
        self.last_due = max(self.last_due, time.monotonic() + self.rng.uniform(0.0005, 0.002))
        self.queue.put((self.last_due, fn, args))

    def deliver(self):
        while True:
            due, fn, args = self.queue.get()
            while (left := max(due, self.hangs_until) - time.monotonic()) > 0:
                ended.wait(left)
            fn(*args)

    def say(self, uuid, line, facts):
        self.domains.setdefault(uuid, {}).update(facts)
        for client in list(self.clients.values()):
            client.send({"domain": uuid, **line})

    def describe(self, uuid, clients=None):
        facts = self.domains.get(uuid)
        for client in list(self.clients.values()) if clients is None else clients:
            if facts:
                client.send({"domain": uuid, "monitor": True, "left_out": 0, "name": facts["name"],
                             "running": facts["running"], "incoming": facts["incoming"],
                             "came": facts["came"], "migration": facts["migration"],
                             "cards": [{"mac": facts["mac"], "vlan": 0, "tap": facts["tap"]}]})

    def life(self, vm, words, **facts):
        self.soon(self.say, vm.uuid, {"life": words}, facts)

    def event(self, vm, name, data, **facts):
        line = {"event": name, "at": int(time.time() * 1e6), "data": data}
        self.soon(self.say, vm.uuid, line, facts)

    # ---- what QEMUs do ----

    def begins(self, vm, tap, status):
        facts = {"name": vm.name, "mac": vm.mac, "tap": tap, "came": False, "migration": "none",
                 "running": status == "running", "incoming": status == "inmigrate"}
        self.life(vm, "started migrated" if facts["incoming"] else "started", **facts)
        self.soon(self.describe, vm.uuid)

    def hears(self, vm, order, comes):
        """What its QEMU is told to do, or say; comes: it waits for the VM"""
        if order.startswith("migration "):
            status = order.split()[1]
            # One whose migration is done leaves for libvirt, until it has ended.
            known_as = {"none": "none", "failed": "none", "cancelled": "none", "active": "active"}
            self.event(vm, "MIGRATION", {"status": status}, **(
                {"migration": known_as[status]} if status in known_as else {}))
        elif order == "event STOP":
            self.event(vm, "STOP", {}, running=False, came=False)
            self.life(vm, "suspended migrated", migration="device")
        elif order == "event RESUME":
            self.event(vm, "RESUME", {})
            self.life(vm, "resumed migrated", running=True, incoming=False, migration="none",
                      came=comes)

    def ends(self, vm, moved):
        self.life(vm, "stopped migrated" if moved else "stopped")
        self.soon(self.domains.pop, vm.uuid, None)


LIBVIRT = {host: Libvirt(host) for host in HOSTS}
