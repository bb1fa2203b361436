# SPDX-License-Identifier: GPL-2.0-only
"""The nodes' daemons, which are killed and come again."""
import contextlib
import json
import socket
import subprocess
import threading
import time

from world import DIR, NODES, WORLD, log, run, there, wrong, xroam

STARTS_WITHIN = 2   # seconds, until a daemon hears its sources
monitors = []


class Node:
    def __init__(self, name):
        self.name, self.daemon, self.kills = name, None, 0
        self.lock = threading.RLock()
        self.started = self.released = 0.0
        self.commands = 0   # that are about to be killed with the instance's lock

    @contextlib.contextmanager
    def locked(self):
        with self.lock:
            self.commands += 1
        try:
            yield
        finally:
            with self.lock:
                self.commands -= 1
                self.released = time.monotonic()

    def was_locked(self, since):
        return self.commands or self.released > since

    def was_away(self, since):
        """Its daemon was dead, or has just begun"""
        return not self.daemon or self.started + STARTS_WITHIN > since

    def start(self):
        with self.lock:
            if self.daemon:
                return
            with open(f"{DIR}/daemon-{self.name}.err", "a") as err:
                self.daemon = subprocess.Popen(
                    there(self.name, *xroam(self.name, "run", "-c", f"{DIR}/{self.name}-a.yaml")),
                    stdin=subprocess.DEVNULL, stdout=err, stderr=err)
            self.started = time.monotonic()
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


NODE = {n: Node(n) for n in NODES}
