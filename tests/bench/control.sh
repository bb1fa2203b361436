#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a change costs where there is much: the processor time of commands, user and system, with
# half as many and with all of SCALE per cent of 2^20 server IDs, 16,000 VIPs with a backend
# each, 60,000 VIPs of one backend, a million VMs. Twice the size is to cost 2.2 times as much
# at most. And how long a notice waits while the daemon reads its file of VMs again.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/../net/lib/daemonworld.sh"
SCALE=${1-100}
daemon_world_up
TIMEFORMAT='%U %S'

# file KIND SIZE [CHANGE]: weight, id; or so many VMs that have moved
file()
{
	$PYTHON - "$@" <<-'EOT'
		import sys
		kind, n = sys.argv[1], int(sys.argv[2])
		change = sys.argv[3] if len(sys.argv) > 3 else ""
		w = sys.stdout.write
		ip = lambda net, i: f"{net}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
		if kind == "ids":
		    w(f"limits: {{server_ids: {n}}}\ncid: [{{id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8}}]\n")
		    w("vips: [{address: 192.0.2.1, port: 443, protocol: udp, cid: true}]\nbackends:\n")
		    for b in range(16):
		        w(f"  - name: b{b}\n    address: 10.8.0.{b + 1}\n    weight: {1 + (b == 3 and change == 'weight')}\n")
		        w("    vips: ['192.0.2.1:443/udp']\n    server_ids:\n")
		        ids = [b * n // 16 + i for i in range(n // 16)]
		        if b == 3 and change == "id":
		            ids[5] = 1 << 31
		        w("".join(f"      - '{i:08x}'\n" for i in ids))
		elif kind == "vms":
		    w(f"limits: {{vms: {n}}}\nvips: []\nbackends: []\ncid: []\nhosts:\n")
		    w("".join(f"  - {{name: h{h}, vxlan: 10.9.0.{h + 1}, vni: 5}}\n" for h in range(4)) + "vms:\n")
		    moved = int(change or 0)
		    w("".join(f"  - {{mac: '02:00:{i >> 24:02x}:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}', "
		              f"at: h{(i + (i < moved)) % 4}}}\n" for i in range(n)))
		else:
		    own = kind == "own"
		    w(f"limits: {{vips: {n}, backends: {n if own else n // 16 + 1}, maglev: 4099}}\nvips:\n")
		    w("".join(f"  - {{address: {ip(172, i + 1)}, port: 80, protocol: tcp}}\n" for i in range(n)))
		    w("backends:\n")
		    for b in range(n if own else 1):
		        vips = [b] if own else range(n)
		        w(f"  - {{name: b{b}, address: {ip(10, b + 1)}, weight: {1 + (b == 0 and change == 'weight')}, vips: [")
		        w(", ".join(f"'{ip(172, v + 1)}:80/tcp'" for v in vips) + "]}\n")
	EOT
}

# cpu CMD...: milliseconds, user and system
cpu()
{
	local spent

	spent=$({ time "$@" >"$WORLD_DIR/said" 2>&1; } 2>&1) || diag "$*: $(tail -n 1 "$WORLD_DIR/said")"
	awk '{ printf "%.0f\n", 1000 * ($1 + $2) }' <<<"$spent"
}

declare -A HALF
# row WHOLE WHAT CMD...: the second time, WHOLE, beside the first. What takes less than 30 ms is
# what any command takes.
row()
{
	local whole=$1 what=$2 ms times

	shift 2
	ms=$(cpu "$@")
	if ! "$whole"; then
		HALF[$what]=$ms
		return
	fi
	times=$(awk -v a="${HALF[$what]}" -v b="$ms" 'BEGIN { printf "%.1f", b / (a > 0 ? a : 1) }')
	printf '# %-58s %8s %8s %6s%s\n' "$what" "${HALF[$what]}" "$ms" "$times" \
		"$(awk -v t="$times" -v ms="$ms" 'BEGIN { if (t > 2.2 && ms > 30) print "  MORE than 2.2" }')"
}

# rows WHOLE KIND SIZE WHAT
rows()
{
	local whole=$1 kind=$2 n=$3 what=$4 changes=(weight)

	file "$kind" "$n" >"$WORLD_DIR/a.yaml"
	[ "$kind" != ids ] || changes+=(id)
	[ "$kind" != vms ] || changes=($((n / 10)))
	row "$whole" "$what: check" xr check "$WORLD_DIR/a.yaml"
	row "$whole" "$what: apply, from nothing" xr apply "$WORLD_DIR/a.yaml"
	row "$whole" "$what: apply, nothing to change" xr apply "$WORLD_DIR/a.yaml"
	for change in "${changes[@]}"; do
		file "$kind" "$n" "$change" >"$WORLD_DIR/b.yaml"
		row "$whole" "$what: apply, another $([ "$kind" = vms ] && echo "place of each tenth" || echo "$change")" \
			xr apply "$WORLD_DIR/b.yaml"
	done
	if [ "$kind" = vms ]; then
		row "$whole" "$what: vm move" xr vm move 02:00:00:00:00:07 to h0
	else
		row "$whole" "$what: backend set weight" xr backend set b0 weight 3
	fi
	row "$whole" "$what: status --now" xr status --now
	row "$whole" "$what: export" xr export
	xr destroy >/dev/null 2>&1
}

printf '# %-58s %8s %8s %6s\n' "milliseconds of processor time" half all times
while read -r kind n what; do
	n=$((n * SCALE / 100 / 32 * 32))
	rows false "$kind" $((n / 2)) "$n $what"
	rows true "$kind" "$n" "$n $what"
done <<-EOT
	ids 1048576 server IDs
	own 16000 VIPs with a backend each
	one 60000 VIPs of one backend
	vms 1000000 VMs
EOT

# waits SECONDS: the longest time for an answer, in milliseconds
waits()
{
	in_ns n1 $PYTHON - "$SOCKET" "$1" <<-'EOT'
		import socket, sys, time
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		end, worst = time.time() + float(sys.argv[2]), 0
		while time.time() < end:
		    begin = time.time()
		    s.sendall(b'{"notice": "add", "mac": "02:00:00:00:00:01", "at": "h1"}\n')
		    s.recv(4096)
		    worst = max(worst, time.time() - begin)
		    time.sleep(0.002)
		print("%.0f" % (1000 * worst))
	EOT
}

file vms $((1000000 * SCALE / 100)) >"$WORLD_DIR/a.yaml"
ok "VMs" xr apply "$WORLD_DIR/a.yaml"
ok "a daemon that has them in its file" run_daemon -c "$WORLD_DIR/a.yaml"
quiet=$(waits 3)
kill -HUP "$(pid daemon)"
echo "# $((1000000 * SCALE / 100)) VMs: a notice waits $quiet ms at most, $(waits 10) while a SIGHUP is obeyed (50)"
ok "the file was read again" wait_for 20 grep -q "read again" "$WORLD_DIR/daemon.err"
daemon_end
done_testing
