# SPDX-License-Identifier: GPL-2.0-only
"""etcd's members, and what the orchestrator writes there."""
import base64
import json
import socket
import threading
import time

from servers import Server
from world import CONF, DIR, ended, enter, log


class Etcd:
    def __init__(self, endpoints, pids):
        self.endpoints = [e.rsplit("/", 1)[1] for e in endpoints]
        self.members = [Server(f"etcd {i}", "gw", pid, f"{DIR}/etcd{i + 1}.err")
                        for i, pid in enumerate(pids)]
        self.lock = threading.Lock()
        self.wanted, self.stored, self.seq = {}, {}, int(time.time() * 1000)

    def is_hurt(self):
        return any(m.how for m in self.members)

    def put(self, key, value):
        """False: it may have happened, or not."""
        body = json.dumps({"key": encoded(key), "value": encoded(json.dumps(value))}).encode()
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


def encoded(text):
    return base64.b64encode(text.encode()).decode()


ETCD = Etcd(CONF["endpoints"], CONF["etcd"])
