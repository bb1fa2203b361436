#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Failure is not "nothing there": whichever of a command's allocations fails, it says
# so, and the state is that of before or after; what it calls success is one.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
NOMEM_SO=$WORLD_BUILD/tests/net/nomem.so

cat >"$WORLD_DIR/a.yaml" <<EOT
policy: {down: drop}
vips:
- {address: $VIP4, port: 443, protocol: udp, cid: true}
- {address: "$VIP6", port: 443, protocol: tcp}
backends:
- {name: s1, address: $(addr4 s1), vips: ["$VIP4:443/udp"], server_ids: ["01"]}
- {name: s2, forward: gue, address: $(addr4 s2), vips: ["$VIP4:443/udp", "[$VIP6]:443/tcp"]}
cid:
- {id: 0, format: quic-lb, server_id_length: 1, nonce_length: 4}
hosts:
- {name: h1, vxlan: $(addr4 s1), vni: 7}
- {name: h2, vxlan: $(addr4 s2), vni: 7}
vms:
- {mac: "52:54:00:00:00:01", at: h1, addresses: [10.9.0.1, "fd00:9::1"], lock: true}
- {mac: "52:54:00:00:00:02", at: h2, vlan: 7}
EOT
sed 's/at: h1/at: h2/; s/down: drop/down: fallback/; s/name: s2/name: s3/' \
	"$WORLD_DIR/a.yaml" >"$WORLD_DIR/b.yaml"

# under N ARGS...: xroam ARGS, whose N-th allocation fails
under()
{
	local n=$1

	shift
	in_ns lb1 env LD_PRELOAD="$NOMEM_SO" NOMEM="$n" \
		NOMEM_COUNT="$WORLD_DIR/count" "$XROAM" -i "$(instance lb1)" "$@"
}

FIRST=200 EVERY=41

# Of a command the first ones, which read its words and files, and then a sample.
numbers()
{
	local all=$1

	seq 1 $((all < FIRST ? all : FIRST))
	[ "$all" -le $FIRST ] || seq $((FIRST + 1)) $EVERY "$all"
}

# What is another second later is none of it; nor is what is said of the lack itself.
timeless()
{
	sed -E -e '/: Cannot allocate memory$/d; /^ *out of memory$/d' -e 's/ +[0-9]+ s of/ N s of/; s/^(instance .*since ).*/\1/; s/("(last_hit|created|seconds)[a-z_]*": *)[0-9.]+/\1N/g'
}

# What was said is what is said where nothing fails: before, or, as a neighbour's
# packet may be counted at any time, now.
is_right()
{
	cmp -s "$WORLD_DIR/said" "$WORLD_DIR/right" && return
	under 0 "$@" | timeless >"$WORLD_DIR/right"
	cmp -s "$WORLD_DIR/said" "$WORLD_DIR/right"
}

# reads WHAT ARGS...: says the same, or that it failed
reads()
{
	local what=$1 n lies=0 crashed=0 status

	shift
	under 0 "$@" | timeless >"$WORLD_DIR/right"
	[ "${PIPESTATUS[0]}" = 0 ] || bail "$what: $*"
	for n in $(numbers "$(<"$WORLD_DIR/count")"); do
		under "$n" "$@" 2>"$WORLD_DIR/why" | timeless >"$WORLD_DIR/said"
		status=${PIPESTATUS[0]}
		if [ "$status" -gt 125 ]; then
			crashed=$((crashed + 1))
			diag "$what: allocation $n: status $status"
		elif [ "$status" = 0 ] && ! is_right "$@"; then
			lies=$((lies + 1))
			diag "$what: allocation $n: $(diff "$WORLD_DIR/said" \
				"$WORLD_DIR/right" | head -n 4)"
		elif [ "$status" != 0 ] && ! [ -s "$WORLD_DIR/why" ]; then
			lies=$((lies + 1))
			diag "$what: allocation $n: status $status, and not a word"
		fi
	done
	is "$crashed $lies" "0 0" "$what: no crash, and nothing said that is not so"
}

xr apply "$WORLD_DIR/a.yaml" >/dev/null || bail "cannot apply"
xr export >"$WORLD_DIR/a"

reads "check" check "$WORLD_DIR/b.yaml"
# What all commands begin with has been tried by now.
FIRST=20
reads "export" export
reads "export, as JSON" -j export
reads "vm show" vm show
reads "backend show" backend show
reads "vip show" vip show
reads "vm show, as JSON" -j vm show
reads "backend show, as JSON" -j backend show

FIRST=1 EVERY=29	# it looks for a second
reads "status" status
FIRST=60 EVERY=41

# ---- what changes something ----

xr apply "$WORLD_DIR/b.yaml" >/dev/null || bail "cannot apply"
xr export >"$WORLD_DIR/b"
xr apply "$WORLD_DIR/a.yaml" >/dev/null || bail "cannot apply"

# changes WHAT ARGS...: from A to B
changes()
{
	local what=$1 n bad=0 status

	shift
	under 0 "$@" >/dev/null 2>&1 || bail "$what: $*"
	xr apply "$WORLD_DIR/a.yaml" >/dev/null || bail "cannot apply"
	for n in $(numbers "$(<"$WORLD_DIR/count")"); do
		under "$n" "$@" >/dev/null 2>"$WORLD_DIR/why"
		status=$?
		xr export >"$WORLD_DIR/now" || bail "$what: allocation $n: export"
		if cmp -s "$WORLD_DIR/now" "$WORLD_DIR/b"; then
			[ $status -le 1 ] || bad=$((bad + 1))
		elif [ $status = 0 ] || [ "$status" -gt 125 ] ||
		     ! cmp -s "$WORLD_DIR/now" "$WORLD_DIR/a"; then
			bad=$((bad + 1))
			diag "$what: allocation $n: status $status, $(
				diff "$WORLD_DIR/a" "$WORLD_DIR/now" | head -n 6)"
		fi
		cmp -s "$WORLD_DIR/now" "$WORLD_DIR/a" ||
			xr apply "$WORLD_DIR/a.yaml" >/dev/null ||
			bail "$what: allocation $n: the next apply"
	done
	is $bad 0 "$what: done or not, never half, and called what it is"
}

changes "apply" apply "$WORLD_DIR/b.yaml"

# ---- the kernel has none for the clock: for a moment, and for long ----

# clock N: a new instance, whose first N programs are told so
clock()
{
	xr destroy >/dev/null
	said=$(in_ns lb1 env LD_PRELOAD="$WORLD_BUILD/tests/net/noclock.so" NOCLOCK="$1" \
		"$XROAM" -i "$(instance lb1)" apply "$WORLD_DIR/a.yaml" 2>&1)
}
ok "no memory for the clock, for a moment" clock 3
is "$(xr export | cmp - "$WORLD_DIR/a" 2>&1)" "" "  and all is there"
clock 100000
is "$?" 1 "for long"
like "$said" "^xroam: .*starting the clock: Cannot allocate memory" "  and says so"
done_testing
