# SPDX-License-Identifier: GPL-2.0-only
"""The nodes' names and files, the log, and commands that run in nodes; for all others."""
import ctypes
import json
import os
import subprocess
import sys
import threading
import time

with open(sys.argv[1]) as f:
    CONF = json.load(f)
DIR, XROAM, WORLD = CONF["dir"], CONF["xroam"], CONF["world"]
LIB = os.path.dirname(os.path.abspath(__file__))
HOSTS = ("h1", "h2", "h3")
NODES = HOSTS + ("h4", "gw")
SPARED = ("h3", "h4")
MARK = b"SOAK"
SEND_EVERY = 0.04       # seconds; a frame from each sender to each VM
NEIGHBOURS_HOST = "h2"
EVERY_SENDER = FABRIC, NEIGHBOUR = 0, 1     # their indices
# A state that does not come within this is a fault, whatever the machine has else to do.
AT_MOST = 180
SEED = CONF["seed"]
BEGAN = time.monotonic()
LOG = open(CONF["log"], "w", buffering=1)
ended = threading.Event()
failures = []


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


def enter(node):
    """Sockets of this thread are made there."""
    with open(f"/run/netns/{WORLD}-{node}") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), f"setns {node}")


def there(node, *command):
    return [CONF["enter"], f"/run/netns/{WORLD}-{node}", *command]


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


def kill_within(seconds, node, *words):
    victim = subprocess.Popen(there(node, *xroam(node, *words)), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    victim.kill()
    victim.wait()
    log(node, *words, "killed" if victim.returncode < 0 else "done before it was killed")
