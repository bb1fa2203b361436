#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A terminal for a program: screen.py SCRIPT COMMAND...

Runs COMMAND on a terminal of its own and does what each line of SCRIPT says:

    size COLUMNS ROWS     of the terminal; the program is told (SIGWINCH)
    keys TEXT             types it; \\t is Tab, \\x03 Ctrl-C
    wait REGEX            until a line of the screen matches
    saw REGEX             likewise, or one that was there at any time, however short
    gone REGEX            until none does
    aligned WORD WORD     both words begin in lines of one length: columns are aligned
    cleared N             until it was cleared so often, from the top
    narrow                until a frame is drawn of which no line is longer than the terminal
                          is wide: one may be under way when its size changes
    signal NAME           to the program
    until stopped|ended   the program is
    shell                 the terminal is as it was before the program, and on its first screen
    status N              the exit status
    print                 the screen

Prints what failed and exits with 1, or prints what "print" says.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 120


class Screen:
    """As much of a terminal as top uses, and no more: what else comes is a failure."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [""] * rows
        self.x = self.y = 0
        self.second = self.hidden = False
        self.erased = set()
        self.rest = ""
        self.cleared = 0
        self.wide = 0  # the longest line that was written of this frame
        self.drawn = None  # and of the last whole one since the size changed
        self.decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def resize(self, columns, rows):
        self.columns, self.rows, self.drawn = columns, rows, None
        self.lines = [""] * rows
        self.x = self.y = 0

    def feed(self, octets):
        text = self.rest + self.decoder.decode(octets)
        self.rest = ""
        while text:
            if text[0] == "\033":
                m = re.match(r"\033\[(\??)([0-9;]*)([A-Za-z])", text)
                if not m:
                    if len(text) < 12:
                        self.rest = text
                        return
                    raise SystemExit("unknown sequence %r" % text[:12])
                self.control(m[1], m[2], m[3])
                text = text[m.end():]
                continue
            c, text = text[0], text[1:]
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.y = min(self.y + 1, self.rows - 1)
            elif c < " ":
                raise SystemExit("control character %r" % c)
            else:
                line = self.lines[self.y].ljust(self.x)
                self.lines[self.y] = line[:self.x] + c + line[self.x + 1:]
                self.x += 1
                self.wide = max(self.wide, self.x)

    def control(self, private, numbers, final):
        if private:
            if numbers == "1049":
                self.second = final == "h"
            elif numbers == "25":
                self.hidden = final == "l"
            return
        if final == "H":
            self.x = self.y = self.wide = 0
        elif final == "K":
            self.erased.add(self.lines[self.y])
            self.lines[self.y] = self.lines[self.y][:self.x]
        elif final == "J":
            self.cleared += self.y == 0
            if numbers == "2":
                self.lines = [""] * self.rows
            else:
                self.lines[self.y] = self.lines[self.y][:self.x]
                self.lines[self.y + 1:] = [""] * (self.rows - self.y - 1)
                self.drawn = self.wide
        elif final != "m":
            raise SystemExit("unknown sequence %s%s" % (numbers, final))


class Terminal:
    def __init__(self, argv):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.screen = Screen(80, 24)
        self.size(80, 24)
        self.before = termios.tcgetattr(slave)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            # A session's first process is in an orphaned group, in which ^Z does nothing.
            child = os.fork()
            if child:
                os.setpgid(child, child)
                signal.signal(signal.SIGTTOU, signal.SIG_IGN)
                os.tcsetpgrp(slave, child)
                self.shell(child)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.setpgid(0, 0)
            while os.tcgetpgrp(0) != os.getpid():
                time.sleep(0.01)
            os.execvp(argv[0], argv)
        self.state = self.status = None
        self.child = None

    def shell(self, child):
        """The program's parent: hands on signals, and says on a pipe what becomes of it."""
        while True:
            _, status = os.waitpid(child, os.WUNTRACED | os.WCONTINUED)
            if os.WIFSTOPPED(status):
                os.kill(os.getpid(), signal.SIGSTOP)
                os.kill(child, signal.SIGCONT)
            elif os.WIFSIGNALED(status):
                os._exit(128 + os.WTERMSIG(status))
            elif os.WIFEXITED(status):
                os._exit(os.WEXITSTATUS(status))

    def program(self):
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as f:
            return int(f.read().split()[0])

    def size(self, columns, rows):
        self.screen.resize(columns, rows)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        if select.select([self.master], [], [], 0.05)[0]:
            self.screen.feed(os.read(self.master, 65536))

    def until(self, what, true):
        end = time.time() + PATIENCE
        while not true():
            self.read()
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WCONTINUED | os.WNOHANG) \
                if self.state != "ended" else (0, 0)
            if pid and os.WIFSTOPPED(status):
                self.state = "stopped"
            elif pid and os.WIFCONTINUED(status):
                self.state = None
            elif pid:
                self.state, self.status = "ended", os.waitstatus_to_exitcode(status)
            # What it wrote before.
            while pid and select.select([self.master], [], [], 0)[0]:
                self.read()
            if time.time() > end:
                raise SystemExit("%s: not so:\n%s" % (what, "\n".join(self.screen.lines)))

    def matches(self, regex, also=()):
        return any(re.search(regex, line) for line in (*self.screen.lines, *also))

    def do(self, word, rest):
        if word == "size":
            self.size(*map(int, rest.split()))
        elif word == "keys":
            os.write(self.master, rest.replace("\\t", "\t").replace("\\x03", "\x03").encode())
        elif word == "wait":
            self.until("wait " + rest, lambda: self.matches(rest))
        elif word == "saw":
            self.until("saw " + rest, lambda: self.state == "ended" or
                       self.matches(rest, self.screen.erased))
            if not self.matches(rest, self.screen.erased):
                raise SystemExit("saw %s: it ended without" % rest)
        elif word == "gone":
            self.until("gone " + rest, lambda: not self.matches(rest))
        elif word == "cleared":
            self.until("cleared " + rest, lambda: self.screen.cleared >= int(rest))
        elif word == "narrow":
            self.until("narrow", lambda: self.screen.drawn is not None and
                       self.screen.drawn <= self.screen.columns)
        elif word == "aligned":
            ends = {line.index(w) + len(w) for w in rest.split() for line in self.screen.lines
                    if w in line}
            if len(ends) != 1:
                raise SystemExit("%s end at %s" % (rest, ends))
        elif word == "signal":
            target = self.pid if rest == "CONT" else self.program()
            os.kill(target, getattr(signal, "SIG" + rest))
        elif word == "until":
            self.until(rest, lambda: self.state == rest)
        elif word == "shell":
            if termios.tcgetattr(self.slave)[:4] != self.before[:4]:
                raise SystemExit("the terminal is not as it was")
            if self.screen.second or self.screen.hidden:
                raise SystemExit("the second screen, or no cursor")
        elif word == "status":
            if self.status != int(rest):
                raise SystemExit("status %s" % self.status)
        elif word == "print":
            print("\n".join(line.rstrip() for line in self.screen.lines).rstrip())
        else:
            raise SystemExit("screen.py: %s?" % word)

    def close(self):
        if self.state != "ended":
            os.kill(self.program(), signal.SIGKILL)
            os.kill(self.pid, signal.SIGKILL)


terminal = Terminal(sys.argv[2:])
try:
    for line in sys.argv[1].split("\n"):
        line = line.strip()
        if line:
            terminal.do(*(line.split(" ", 1) + [""])[:2])
finally:
    terminal.close()
