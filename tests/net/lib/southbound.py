#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
An OVN southbound database that is not there: southbound.py PORT N [WAIT]. It has N ports, of
the MACs 52:54:01:00:00:00 and up, all at chassis h2, and chassis h1 and h2 with the addresses
10.8.0.1 and 10.8.0.2. It says "asked" where it is asked for them, and tells WAIT seconds later.
"""
import json
import socket
import sys
import time

PORT, N = int(sys.argv[1]), int(sys.argv[2])
WAIT = float(sys.argv[3]) if len(sys.argv) > 3 else 0
COLUMNS = {
    "Port_Binding": "logical_port type datapath mac chassis options additional_chassis "
                    "requested_chassis requested_additional_chassis",
    "Chassis": "name hostname encaps",
    "Encap": "ip",
    "Datapath_Binding": "external_ids",
}
SCHEMA = {"tables": {table: {"columns": {c: {"type": "string"} for c in columns.split()}}
                     for table, columns in COLUMNS.items()}}


def uuid(table, i):
    return f"{table:08x}-0000-4000-8000-{i:012x}"


def port(i):
    none = ["set", []]
    return {"logical_port": f"lp{i}", "type": "", "datapath": ["uuid", uuid(3, 1)],
            "mac": f"52:54:01:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}",
            "chassis": ["uuid", uuid(1, 2)], "options": ["map", []],
            "additional_chassis": none, "requested_chassis": none,
            "requested_additional_chassis": none}


ROWS = json.dumps({
    "Chassis": {uuid(1, i): {"new": {"name": f"h{i}", "hostname": f"h{i}",
                                     "encaps": ["uuid", uuid(2, i)]}} for i in (1, 2)},
    "Encap": {uuid(2, i): {"new": {"ip": f"10.8.0.{i}"}} for i in (1, 2)},
    "Datapath_Binding": {uuid(3, 1): {"new": {"external_ids": ["map", [["name", "net1"]]]}}},
    "Port_Binding": {uuid(4, i): {"new": port(i)} for i in range(N)},
})


def result(message):
    method, params = message["method"], message["params"]
    if method == "echo":
        return json.dumps(params)
    if method == "get_schema":
        return json.dumps(SCHEMA)
    if params[0] == "_Server":
        return "{}"
    print("asked", flush=True)
    time.sleep(WAIT)
    return ROWS


def serve(c):
    text, decoder = "", json.JSONDecoder()
    while True:
        got = c.recv(65536)
        if not got:
            return
        text += got.decode()
        while text:
            try:
                message, used = decoder.raw_decode(text)
            except ValueError:
                break
            text = text[used:].lstrip()
            answer = f'{{"id":{json.dumps(message["id"])},"error":null,"result":'
            c.sendall(f"{answer}{result(message)}}}".encode())


with socket.create_server(("127.0.0.1", PORT)) as listening:
    print("listening", flush=True)
    while True:
        client, _ = listening.accept()
        with client:
            try:
                serve(client)
            except OSError:
                pass
