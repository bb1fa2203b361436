# SPDX-License-Identifier: GPL-2.0-only
"""
OVN's southbound database, a real one. CMS, ovn-northd and the chassis are the soak: it writes
what they would, some time after the VM has done it.
"""
import json
import random
import socket
import threading
import time

from servers import Server
from world import CONF, DIR, HOSTS, SEED, ended, log

NONE = ["set", []]


def port_of(vm):
    return f"lp{vm.name}"


class Southbound:
    def __init__(self, pid):
        self.server = Server("ovn", "gw", pid, f"{DIR}/ovn-sb.err")
        self.rng = random.Random(f"{SEED} ovn")
        self.lock = threading.Lock()
        # By VM's name: the VM, where it is, where it goes; and when that is written
        self.wanted, self.due, self.stored = {}, {}, {}
        self.chassis = {}

    def transact(self, *operations):
        """What they return; None: it is not there."""
        request = {"method": "transact", "params": ["OVN_Southbound", *operations], "id": 1}
        answer, whole = b"", None
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(2)
                s.connect(f"{DIR}/central/sb.sock")
                s.sendall(json.dumps(request).encode())
                while whole is None and (got := s.recv(65536)):
                    answer += got
                    try:
                        whole = json.loads(answer)
                    except ValueError:
                        pass
        except OSError:
            return None
        if whole is None:   # it was killed, and whether it did it nobody knows
            return None
        result = whole["result"]
        if not result or any("error" in r for r in result):
            raise ValueError(f"OVN: {whole}")
        return result

    def begin(self, vms):
        rows = []
        for host in HOSTS:
            rows.append({"op": "insert", "table": "Encap", "uuid-name": f"encap_{host}",
                         "row": {"type": "geneve", "ip": f"10.8.0.{host[1]}",
                                 "chassis_name": host}})
            rows.append({"op": "insert", "table": "Chassis", "uuid-name": host,
                         "row": {"name": host, "hostname": host,
                                 "encaps": ["named-uuid", f"encap_{host}"]}})
        rows.append({"op": "insert", "table": "Datapath_Binding", "uuid-name": "net",
                     "row": {"tunnel_key": 1, "external_ids": ["map", [["name", "net1"]]]}})
        for i, vm in enumerate(vms):
            rows.append({"op": "insert", "table": "Port_Binding",
                         "row": {"logical_port": port_of(vm), "tunnel_key": i + 1,
                                 "datapath": ["named-uuid", "net"],
                                 "mac": f"{vm.mac} {vm.address}",
                                 "chassis": ["named-uuid", vm.home]}})
        result = self.transact(*rows)
        self.chassis = {host: result[2 * i + 1]["uuid"] for i, host in enumerate(HOSTS)}

    def write(self, vm, at, to):
        to = self.chassis[to] if to else NONE
        return self.transact({
            "op": "update", "table": "Port_Binding",
            "where": [["logical_port", "==", port_of(vm)]],
            "row": {"chassis": self.chassis[at], "requested_chassis": self.chassis[at],
                    "additional_chassis": to, "requested_additional_chassis": to}})

    def say(self, vm, at, to=None):
        with self.lock:
            self.wanted[vm.name] = (vm, at, to)
            self.due[vm.name] = time.monotonic() + self.rng.choice((0, 0.1, 0.6)) * self.rng.random()

    def lie(self, vm, at, to, seconds):
        """For so long, where nothing true comes before."""
        with self.lock:
            log("OVN says that", vm.name, "is at", at, f"and goes to {to}" if to else "")
            self.write(vm, at, to)
            self.stored.pop(vm.name, None)
            self.due[vm.name] = max(self.due.get(vm.name, 0), time.monotonic() + seconds)

    def publish(self):
        while not ended.wait(0.01):
            with self.lock:
                for name, words in self.wanted.items():
                    if self.stored.get(name) == words or self.due[name] > time.monotonic():
                        continue
                    if self.write(*words):
                        log("OVN has", name, "at", *words[1:])
                        self.stored[name] = words
                    else:
                        # It may stand still, and do it when it goes on.
                        self.stored.pop(name, None)
                        self.due[name] = time.monotonic() + 0.2

    def has_at_rest(self, vm):
        with self.lock:
            return self.stored.get(vm.name, (vm, None, "anywhere"))[2] is None

    def is_written(self, vm=None):
        with self.lock:
            if vm:
                return self.stored.get(vm.name) == self.wanted.get(vm.name)
            return self.stored == self.wanted


OVN = Southbound(CONF["southbound"])
