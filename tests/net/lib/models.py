#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random configurations, and whether an export is one of them.

    models.py make SEED N DIR		DIR/1.yaml ... DIR/N.yaml
    models.py same FILE EXPORT		what differs, and exit status 1

Each file says everything, so that an export has to say the same. Half of them
are the one before with a single thing changed: what is overlooked is small.
"""
import json
import random
import sys

import yaml

VIPS = [("192.0.2.1", 80, "udp"), ("192.0.2.1", 80, "tcp"),
        ("192.0.2.1", 443, "udp"), ("192.0.2.2", 80, "udp"),
        ("2001:db8:99::1", 443, "udp"), ("2001:db8:99::1", 444, "tcp")]
# By format: config IDs, server ID lengths, nonce lengths, key. None: the format's.
FORMATS = {
    "quic-lb": ([0, 1, 2, 6], [1, 4, 8], [4, 8], "may"),
    "quic-lb-2bit": ([0, 1, 2], [1, 4, 8], [4, 8], "never"),
    "mvfst-v1": ([1], [2], [2], "never"),
    "mvfst-v2": ([2], [3], [2], "never"),
    "mvfst-v3": ([3], [4], [2], "never"),
}
POLICY = {
    "too_big": ["reply", "drop"], "down": ["drop", "fallback"],
    "flow_idle": [60, 61, 600], "reply_rate": [100, 101],
    "source": ["10.8.0.0/24", "10.8.0.0/25"],
    "source6": ["fd00::/64", "fd00::/72"],
    "vip_other": ["drop", "pass"], "vip_echo": [True, False],
    "vip_route": [True, False], "moves": ["expected", "ports", "any"],
    "tunnels": ["hosts", "any"], "announce": [True, False],
    "announce_rate": [100, 1000], "flap_moves": [3, 4],
    "flap_seconds": [10, 11], "vm_ttl": [30, 60], "prepare_timeout": [60, 61],
    "blackout_timeout": [30, 31], "vip_table": [254, 1977], "vip_hold": [0, 3],
    "health_rate": [10, 10000], "health_flaps": [5, 6], "health_flap_seconds": [60, 120],
    "health_failed": ["keep", "none"],
}


def codepoints(fmt, number):
    if fmt == "quic-lb":
        return {number}
    return {2 * number, 2 * number + 1}


def some(r, things, least=0):
    return r.sample(things, r.randint(least, len(things)))


def cids(r):
    found, taken = [], set()
    for _ in range(r.randint(0, 4)):
        fmt = r.choice(list(FORMATS))
        ids, lengths, nonces, key = FORMATS[fmt]
        number = r.choice(ids)
        if codepoints(fmt, number) & taken:
            continue
        taken |= codepoints(fmt, number)
        one = {"id": number, "format": fmt,
               "server_id_length": r.choice(lengths),
               "nonce_length": r.choice(nonces)}
        if key == "may" and r.randint(0, 1):
            one["key"] = "%032x" % r.randint(1, 3)
        found.append(one)
    return found


def backends(r, vips, hosts):
    found, ids = [], list(range(1, 30))
    r.shuffle(ids)
    for name in some(r, ["a", "b", "c", "d", "no"]):
        one = {"name": name, "address": r.choice(["10.8.0.2", "10.8.0.3"]),
               "vips": ["%s:%u/%s" % (("[%s]" % v["address"]) if ":" in
                                      v["address"] else v["address"],
                                      v["port"], v["protocol"])
                        for v in some(r, vips)],
               "server_ids": ["%08x" % ids.pop()
                              for _ in range(r.randint(0, 3))],
               "weight": r.choice([0, 1, 2]),
               "state": r.choice(["up", "draining", "down"]),
               "forward": r.choice(["ipip", "gue", "vxlan"])}
        if one["forward"] == "ipip":	# no IPv6 in it to an IPv4 address
            one["vips"] = [v for v in one["vips"] if v[0] != "["]
        if r.randint(0, 1):
            one["initial_rate"] = r.choice([10, 11])
        if r.randint(0, 1):
            one["dev"] = r.choice(["eth0", "eth1"])
        if one["forward"] == "gue" and r.randint(0, 1):
            one["port"] = r.choice([6080, 6081])
        if one["forward"] == "vxlan":
            one["vni"] = r.choice([7, 8])
            one["mac"] = r.choice(["02:00:00:00:00:07", "02:00:00:00:00:08"])
        if r.randint(0, 2) == 0:
            one["vm"] = {"mac": "02:00:00:00:01:0%u" % r.randint(1, 3)}
            if r.randint(0, 1):
                one["vm"]["vlan"] = r.choice([5, 6])
        found.append(one)
    return found


def hosts(r):
    found = []
    for i, name in enumerate(some(r, ["h1", "h2", "h3", "h4"])):
        how = r.choice(["vxlan", "ipip", "gue", "dev"])
        one = {"name": name}
        if how == "dev":
            one["dev"] = "port%u" % i
        else:
            one[how] = "10.8.1.%u" % (i + 1)
        if how == "vxlan":
            one["vni"] = r.choice([100, 101])
        if how in ("vxlan", "gue") and r.randint(0, 1):
            one["port"] = r.choice([4790, 4791])
        found.append(one)
    return found


def vms(r, places):
    found = []
    for i in range(1, r.randint(1, 5) if places else 1):
        one = {"mac": "02:00:00:00:01:0%u" % i,
               "at": r.choice(places)["name"]}
        if r.randint(0, 1):
            one["vlan"] = r.choice([5, 6])
        if r.randint(0, 1):
            one["addresses"] = some(r, ["10.9.0.%u" % i, "fd00:9::%u" % i], 1)
        if r.randint(0, 1):
            one["lock"] = True
        if r.randint(0, 1):
            one["limits"] = some(r, ["in bits 100M packets 20K burst 50", "out bits 8K burst 100"], 1)
        if r.randint(0, 1):
            one["rules"] = some(r, ["allow in tcp peer 10.9.0.0/24 port 22", "deny udp",
                                    "deny out 89 peer fd00::/8"], 1)
            one["default"] = r.choice(["allow", "deny"])
        found.append(one)
    return found


def devices(r):
    found = []
    for name in some(r, ["eth0", "eth1"]):
        one = {"name": name, "mode": "native",
               "role": r.choice(["node", "node", "backend"])}
        if r.randint(0, 1):
            one["trusted"] = True
        if one["role"] == "backend" and r.randint(0, 1):
            one["vnis"] = some(r, [7, 8], 1)
            one["addresses"] = some(r, ["10.8.0.7", "fd00::7"], 1)
        found.append(one)
    return found


def part(r, key, m):
    if key == "policy":
        return {k: r.choice(v) for k, v in POLICY.items()}
    if key == "vips":
        return [{"address": a, "port": p, "protocol": t,
                 "cid": bool(r.randint(0, 1)) and t == "udp",
                 "flow": bool(r.randint(0, 1))} for a, p, t in some(r, VIPS)]
    if key == "backends":
        return backends(r, m["vips"], m["hosts"])
    if key == "vms":
        return vms(r, m["hosts"])
    if key == "gateways":
        return [{"address": a, "mac": "02:00:00:00:02:0%u" % r.randint(1, 2)}
                for a in some(r, ["10.8.2.1", "10.8.2.2"])]
    if key == "protected":
        return some(r, ["02:00:00:00:03:01", "02:00:00:00:03:02",
                        "10.8.3.1", "fd00:3::1"])
    return {"cid": cids, "hosts": hosts, "devices": devices}[key](r)


ORDER = ["policy", "devices", "hosts", "gateways", "protected", "cid", "vips",
         "backends", "vms"]
# What is made of another thing is made anew with it.
FOLLOW = {"hosts": ["vms"], "vips": ["backends"]}


def vary(r, m):
    """One field of one thing, or one thing more or less."""
    m = json.loads(json.dumps(m))
    key = r.choice(ORDER)
    if key == "policy":
        word = r.choice(list(POLICY))
        m[key][word] = r.choice(POLICY[word])
        return m
    fresh = part(r, key, m)
    same = [x for x in fresh for y in m[key]
            if x != y and name(key, x) == name(key, y)]
    if key in ("vips", "hosts") or not same:
        m[key] = fresh
        for other in FOLLOW.get(key, []):
            m[other] = part(r, other, m)
        return m
    if key in ("cid", "backends"):	# what is unique among them stays so
        m[key] = fresh
        return m
    new = r.choice(same)
    m[key] = [new if name(key, x) == name(key, new) else x for x in m[key]]
    return m


def name(key, x):
    if key == "protected":
        return x
    if key == "vips":
        return (x["address"], x["port"], x["protocol"])
    if key == "cid":
        return (x["id"], x["format"])
    if key == "vms":
        return (x["mac"], x.get("vlan", 0))
    if key == "gateways":
        return x["address"]
    return x["name"]


def fit(m):
    """What one VM has, another has not: the file would be refused."""
    seen, kept = set(), []
    for v in m["vms"]:
        if name("vms", v) not in seen:
            seen.add(name("vms", v))
            kept.append(v)
    m["vms"] = kept
    return m


def make(seed, n, where):
    r = random.Random(seed)
    m = None
    for i in range(1, n + 1):
        if m is None or r.randint(0, 1):
            m = {}
            for key in ORDER:
                m[key] = part(r, key, m)
        else:
            m = vary(r, m)
        m = fit(m)
        written = {k: list(v) if isinstance(v, list) else v
                   for k, v in m.items()}
        for key in ORDER[1:]:
            r.shuffle(written[key])	# the order says nothing
        with open("%s/%u.yaml" % (where, i), "w") as f:
            json.dump(written, f, indent=1)


def plain(key, x):
    """One thing with what is the default left out, in one order."""
    if not isinstance(x, dict):
        return str(x)
    out = {}
    for k, v in x.items():
        if key == "backends" and k == "weight" or v not in (False, 0, [], ""):
            out[k] = sorted(map(str, v)) if isinstance(v, list) else \
                plain(None, v) if isinstance(v, dict) else str(v)
    return out


def parts(m):
    for key in ORDER:
        if key == "policy":
            yield "policy", plain(key, m.get(key) or {})
            continue
        for x in m.get(key) or []:
            yield "%s %s" % (key, name(key, x)), plain(key, x)


def same(wanted, got):
    with open(wanted) as f, open(got) as g:
        want, have = dict(parts(yaml.safe_load(f))), \
            dict(parts(yaml.safe_load(g)))
    for key in sorted(set(want) | set(have)):
        if want.get(key) != have.get(key):
            print("%s: wanted %s, got %s" % (key, want.get(key),
                                             have.get(key)))
    return want == have


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(0 if same(sys.argv[2], sys.argv[3]) else 1)
