#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
An etcd that somebody else writes to at the worst time: faster.py PORT ETCD COMMAND... passes all
that comes to 127.0.0.1:PORT on to 127.0.0.1:ETCD, and runs COMMAND before the first transaction.
"""
import socket
import subprocess
import sys
import threading

PORT, ETCD, COMMAND = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def before(octets):
    if b"POST /v3/kv/txn " in octets and COMMAND:
        subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
        COMMAND.clear()
        print("was faster", flush=True)


def carry(source, to, look):
    try:
        while octets := source.recv(65536):
            look(octets)
            to.sendall(octets)
    except OSError:
        pass
    for s in (source, to):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


with socket.create_server(("127.0.0.1", PORT)) as listening:
    print("listening", flush=True)
    while True:
        client, _ = listening.accept()
        server = socket.create_connection(("127.0.0.1", ETCD))
        for way in (client, server, before), (server, client, lambda octets: None):
            threading.Thread(target=carry, args=way, daemon=True).start()
