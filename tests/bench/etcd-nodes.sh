#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# NODES nodes that watch one etcd on this machine, each the four lists and SEGMENTS of its
# segments over one stream, as the daemon does: what they cost etcd, and how long it takes
# until all that watch a key are told of it. The nodes are played: a line is read, and no more.
# shellcheck source=tests/net/lib/etcd.sh
. "$(dirname "$0")/../net/lib/etcd.sh"
NODES=${1-1000} SEGMENTS=${2-4} PUTS=${3-50}
ulimit -n $((2 * NODES + 1000))
daemon_world_up
etcd_up 1
in_ns n1 "$PYTHON" - "$(etcd_port 1)" "$NODES" "$SEGMENTS" "$PUTS" "$(pid etcd1)" <<-'EOF'
	import asyncio, base64, json, os, random, sys, time
	port, nodes, per_node, puts, pid = map(int, sys.argv[1:])
	lists = ["hosts/", "cid/", "vips/", "backends/"]
	all_segments = max(1, nodes * per_node // 20)  # each is watched by some 20 nodes
	b64 = lambda s: base64.b64encode(s.encode()).decode()
	told = {}  # key to the times at which its watchers were
	created = 0

	def watch(below):
	    end = below[:-1] + chr(ord(below[-1]) + 1)
	    return json.dumps({"create_request": {"key": b64("cluster/" + below), "range_end": b64("cluster/" + end)}})

	def request(path, body):
	    return ("POST /v3/%s HTTP/1.1\r\nHost: m\r\nGrpc-Metadata-hasleader: true\r\n"
	            "Content-Length: %d\r\n\r\n%s" % (path, len(body), body)).encode()

	async def node(segments):
	    global created
	    r, w = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
	    w.write(request("watch", "\n".join(map(watch, lists + ["segments/%x/vms/" % s for s in segments]))))
	    while True:
	        line = await r.readline()
	        if not line.startswith(b"{"):
	            if not line:
	                sys.exit("a stream has ended")
	            continue
	        now = time.monotonic()
	        result = json.loads(line)["result"]
	        created += "created" in result
	        for e in result.get("events", []):
	            told.setdefault(base64.b64decode(e["kv"]["key"]).decode(), []).append(now)

	def cost():
	    with open("/proc/%d/stat" % pid) as f:
	        cpu = sum(map(int, f.read().split()[13:15])) / os.sysconf("SC_CLK_TCK")
	    with open("/proc/%d/status" % pid) as f:
	        return cpu, int([l for l in f if l.startswith("VmRSS")][0].split()[1])

	async def until(done):
	    end = time.monotonic() + 120
	    while not done():
	        if time.monotonic() > end:
	            sys.exit("not all are told")
	        await asyncio.sleep(0.002)

	async def put(c, key):
	    body = json.dumps({"key": b64("cluster/" + key), "value": b64('{"mac": "02:00:00:00:00:01", "at": "h1"}')})
	    c[1].write(request("kv/put", body))
	    head = await c[0].readuntil(b"\r\n\r\n")
	    await c[0].readexactly(int([l for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")][0].split()[1]))

	async def measure(c, what, keys):
	    took, before = [], cost()[0]
	    for key, watchers in keys:
	        told.pop("cluster/" + key, None)
	        begin = time.monotonic()
	        await put(c, key)
	        await until(lambda: len(told.get("cluster/" + key, [])) >= watchers)
	        took.append([(t - begin) * 1000 for t in sorted(told["cluster/" + key])])
	        await asyncio.sleep(0.01)
	    middle = sorted(t[len(t) // 2] for t in took)
	    last = sorted(t[-1] for t in took)
	    print("# %s, %d watchers: the middle one after %.1f ms, the last after %.1f ms (medians of %d); %.1f ms of etcd's CPU each" % (
	        what, keys[0][1], middle[len(middle) // 2], last[len(last) // 2], len(keys), (cost()[0] - before) * 1000 / len(keys)))

	async def main():
	    r = random.Random(1)
	    has = [r.sample(range(all_segments), per_node) for _ in range(nodes)]
	    watchers = [sum(s in h for h in has) for s in range(all_segments)]
	    cpu, rss = cost()
	    begin = time.monotonic()
	    tasks = [asyncio.ensure_future(node(h)) for h in has]
	    await until(lambda: created == nodes * (len(lists) + per_node))
	    took = time.monotonic() - begin
	    now = cost()
	    print("# %d nodes with %d watches each: all are there after %.1f s, %.1f s of etcd's CPU, %d kB of its memory each" % (
	        nodes, len(lists) + per_node, took, now[0] - cpu, (now[1] - rss) // nodes))
	    c = await asyncio.open_connection("127.0.0.1", port)
	    some = [s for s in range(all_segments) if 15 <= watchers[s] <= 25] or [0]
	    await measure(c, "a VM of one segment", [("segments/%x/vms/02:00:00:00:00:01" % s, watchers[s]) for s in r.choices(some, k=puts)])
	    await measure(c, "a host, in a list of all", [("hosts/h%d" % i, nodes) for i in range(puts // 5)])
	    for t in tasks:
	        t.cancel()

	asyncio.run(main())
	EOF
is $? 0 "$NODES nodes are told"
done_testing
