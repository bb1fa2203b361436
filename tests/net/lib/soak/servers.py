# SPDX-License-Identifier: GPL-2.0-only
"""Servers that others began, which are killed or frozen, and come again."""
import os
import signal
import subprocess
import time

from world import log, there


class Server:
    def __init__(self, name, node, pid, err):
        self.name, self.node, self.pid, self.err = name, node, pid, err
        self.how = None     # it is hurt
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
            self.command = f.read().split("\0")[:-1]
        with open(f"/proc/{pid}/environ", encoding="utf-8") as f:
            self.environ = dict(v.split("=", 1) for v in f.read().split("\0") if "=" in v)
        self.cwd = os.readlink(f"/proc/{pid}/cwd")

    def hurt(self, how):
        log(self.name, how)
        os.kill(self.pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        self.how = how

    def wait_until_gone(self):
        """One that was killed has its port and its files until then. Its parent may reap it late."""
        while True:
            try:
                with open(f"/proc/{self.pid}/stat", encoding="utf-8") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] in "ZX":
                        return
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(0.01)

    def heal(self):
        if self.how == "frozen":
            os.kill(self.pid, signal.SIGCONT)
        elif self.how:
            self.wait_until_gone()
            with open(self.err, "a", encoding="utf-8") as err:
                self.pid = subprocess.Popen(
                    there(self.node, *self.command), stdin=subprocess.DEVNULL, stdout=err,
                    stderr=err, env=self.environ, cwd=self.cwd).pid
        if self.how:
            log(self.name, "back")
        self.how = None
