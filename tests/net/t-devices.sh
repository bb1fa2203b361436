#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A device is known by its namespace, its number and the program on it: names,
# namespaces and their inode numbers are given to others.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_begin

space() # NODE [DEV]...
{
	local node=$1 dev

	shift
	world_node "$node"
	ip -n "$(ns "$node")" link set lo up
	for dev in "${@:-eth0}"; do
		veth "$node" "$dev"
	done
}

peers=0
veth() # NODE DEV
{
	peers=$((peers + 1))
	ip -n "$(ns "$1")" link add "$2" type veth peer name "peer$peers" &&
		ip -n "$(ns "$1")" link set "$2" up &&
		ip -n "$(ns "$1")" link set "peer$peers" up
}

# NODE ARGS...: the one instance, from that namespace
from()
{
	local node=$1

	shift
	in_ns "$node" "$XROAM" -i "$(instance lb1)" "$@"
}

known()
{
	local known

	known=$(from "${1-n1}" -j dev show | pick '.[].device,namespace,state')
	echo "${known//$'\n'/, }"
}

programs() # NODE DEV
{
	in_ns "$1" ip -d link show "$2" | grep -c 'prog/xdp'
}

wrong()
{
	from n1 -j status | pick '.wrong[]' | grep "^dev " | grep -v "its other end"
}

file=$WORLD_DIR/file.yaml
cat >"$file" <<EOT
devices:
- {name: eth0}
hosts:
- {name: h1, ipip: 10.8.0.1, local: true}
- {name: h2, ipip: 10.8.0.2}
vms:
- {mac: "52:54:00:12:34:56", at: h1, addresses: [10.9.0.10]}
vips: []
EOT
node()
{
	space n1
	ip -n "$(ns n1)" addr add 10.8.0.1/24 dev eth0
}

# ---- a namespace is made anew, as a container's is ----

hooked()
{
	bpftool -j map dump pinned "/sys/fs/bpf/xroam/$(instance lb1)/tc_hooks" |
		pick '.[].formatted.value.ifindex' | grep -c '^[1-9]'
}

# The old one's inode number is given out anew as soon as it is free.
with_inode() # INODE
{
	local i found=1

	for ((i = 0; i < 20 && found; i++)); do
		ip netns add "$(ns "x$i")"
		[ "$(stat -Lc %i "/run/netns/$(ns "x$i")")" != "$1" ] || found=0
	done
	i=$((i - 1))
	if [ "$found" = 0 ]; then
		: >"/run/netns/$(ns n1)"
		mount --bind "/run/netns/$(ns "x$i")" "/run/netns/$(ns n1)"
	fi
	for ((; i >= 0; i--)); do
		ip netns del "$(ns "x$i")"
	done
	return "$found"
}

again() # what is right after the namespace n1 was made anew
{
	like "$(wrong)" "^dev eth0: its network namespace is gone.*detach" \
		"$1: status says that the old one is gone"
	is "$(known)" "eth0 net:[$inode] device-gone" "dev show, too"
	from n1 export >"$WORLD_DIR/e" 2>"$WORLD_DIR/err"
	is "$(grep -c eth0 "$WORLD_DIR/e")" 0 "it is nothing to apply"
	like "$(<"$WORLD_DIR/err")" "eth0 is left out.*namespace is gone" \
		"export says what it leaves out"
	ok "a single edit goes on" from n1 vip add "192.0.2.1:$2/udp"
	ok "reload" from n1 reload
	is "$(programs n1 eth0)" 0 "the new device has no program by that"
	is "$(from n1 apply "$file" | grep dev)" "+ dev eth0 role node
- dev eth0: its network namespace is gone" "apply mends it"
	is "$(programs n1 eth0)" 1 "the new device has one"
	is "$(known)" "eth0 null attached" "one device is known"
	is "$(wrong)" "" "nothing is wrong with it"
	is "$(hooked)" "$hooks" "its tc programs are as they were"
	is "$(from n1 apply "$file")" "nothing to change" "and that is all"
}

node
ok "a node" from n1 apply "$file"
hooks=$(hooked)
cmp_ok "$hooks" -gt 0 "with tc programs on its uplink"
inode=$(stat -Lc %i "/run/netns/$(ns n1)")
ip netns add "$(ns y)"	# what it leaves is not the first that is free
ip netns del "$(ns n1)"
node
again "a namespace made anew" 80

inode=$(stat -Lc %i "/run/netns/$(ns n1)")
ip netns del "$(ns n1)"
if wait_for 2 with_inode "$inode"; then
	ip -n "$(ns n1)" link set lo up
	veth n1 eth0
	ip -n "$(ns n1)" addr add 10.8.0.1/24 dev eth0
	again "with the same inode number" 81
else
	skip 13 "nobody gave the inode number out again"
	node
fi

ip netns del "$(ns n1)"
node
ok "dev attach takes the place of what is gone" from n1 dev attach eth0
is "$(known)" "eth0 null attached" "one is known"
ip netns del "$(ns n1)"
node
ok "dev detach forgets it" from n1 dev detach eth0
is "$(known)" "" "none is known"

# ---- an interrupted change is finished where it was begun ----

ok "apply" from n1 apply "$file"
hooks=$(hooked)
pins=/sys/fs/bpf/xroam/$(instance lb1)
space n2
# NAME MAP: a number of 64 bits, of the map's first used value
number()
{
	bpftool -j map dump pinned "$pins/$2" | python3 -c '
import json, sys
print(next(v[sys.argv[1]] for v in (e["formatted"]["value"]
      for e in json.load(sys.stdin)) if v.get("ifindex", 1)))' "$1"
}
netns=$(number netns devices)
from n1 export --keys >"$WORLD_DIR/e"
ok "detach" from n1 dev detach eth0
# The instance's journal: who it is of, and where.
{
	printf '# %u %016x\n# netns %016x\n' "$(number created meta)" \
		"$(number id meta)" "$netns"
	cat "$WORLD_DIR/e"
} >"/run/xroam/$(instance lb1)/journal.yaml"
ok "a command in another namespace finishes it" from n2 vip add 192.0.2.3:80/udp
is "$(known)" "eth0 null attached" "the device is that of the first"
is "$(programs n1 eth0) $(programs n2 eth0)" "1 0" "and not of the other"
ok "detach" from n1 dev detach eth0
ip netns del "$(ns n2)"

# ---- a table full of them ----

ok "attach again" from n1 dev attach eth0
map=/sys/fs/bpf/xroam/$(instance lb1)/devices
ghosts()
{
	bpftool -j map lookup pinned "$map" key 0 0 0 0 | python3 -c '
import json, sys
value = [int(o, 0) for o in json.load(sys.stdin)["value"]]
for slot in range(1, 64):
    v = value[:]
    v[4:8] = (1 << 30 | slot).to_bytes(4, "little")  # of no program
    v[16:24] = (1 << 56 | slot).to_bytes(8, "little")
    v[32:40] = list(b"gone%-4d" % slot)
    print("map update pinned", sys.argv[1], "key", slot, "0 0 0 value",
          " ".join(map(str, v)))' "$map" >"$WORLD_DIR/ghosts" &&
		bpftool batch file "$WORLD_DIR/ghosts"
}
ok "63 restarts of others" ghosts
is "$(from n1 -j dev show | jq length)" 64 "the table is full"
ok "one more device" veth n1 eth1
ok "finds room" from n1 dev attach eth1
is "$(known)" "eth0 null attached, eth1 null attached" "and those are all"
ok "detach" from n1 dev detach eth1
is "$(programs n1 eth0)" 1 "the other one keeps its program"
ok "63 more" ghosts
ok "status" from n1 status
ok "detach all" from n1 dev detach all
is "$(known)" "" "none is left"

ok "apply" from n1 apply "$file"
hook_ghosts()
{
	bpftool -j map dump pinned "$pins/tc_hooks" | python3 -c '
import json, sys
found = [e for e in json.load(sys.stdin) if int(e["value"][0], 0) or
         int(e["value"][1], 0)]
slots = [e["key"] for e in found]
value = [int(o, 0) for o in found[0]["value"]]
for slot in range(1024):
    key = list(slot.to_bytes(4, "little"))
    if [hex(o) for o in key] in [[hex(int(o, 0)) for o in s] for s in slots]:
        continue
    v = value[:]
    v[16:24] = (1 << 56 | 1).to_bytes(8, "little")
    print("map update pinned", sys.argv[1], "key", *key, "value", *v)
' "$pins/tc_hooks" >"$WORLD_DIR/ghosts" && bpftool batch file "$WORLD_DIR/ghosts"
}
ok "a thousand tc programs of namespaces that are gone" hook_ghosts
is "$(hooked)" 1024 "the table is full"
ip netns del "$(ns n1)"
node
ok "in a namespace made anew" from n1 apply "$file"
is "$(hooked)" "$hooks" "the tc programs find room, and the numbers are theirs"
ip netns del "$(ns n1)"
node
ok "destroy, with nothing of it left" from n1 destroy
ok "it is gone" test ! -e "$pins"
ok "detach all" from n1 apply "$file"
ok "and again" from n1 dev detach all

# ---- one name in two namespaces ----

space n2 eth0
ok "attach here" from n1 dev attach eth0
ok "attach there, where the name is the same" from n2 dev attach eth0 mode generic
both="eth0 null attached, eth0 $(ns n2) attached"
is "$(known)" "$both" "both are known"
ok "an edit" from n1 vip add 192.0.2.9:80/udp
from n1 export >"$WORLD_DIR/e"
like "$(sed -n '/^devices/,/^hosts/p' "$WORLD_DIR/e")" \
	"name: .?eth0.*name: .?eth0.*namespace: .?$(ns n2)" "export tells them apart"
ok "check" from n1 check "$WORLD_DIR/e"
is "$(from n1 apply "$WORLD_DIR/e")" "nothing to change" "it is what is"
ok "detach there, from there" from n2 dev detach eth0
is "$(known)" "eth0 null attached" "the one here stays"
is "$(from n1 apply "$WORLD_DIR/e")" "+ dev eth0 netns $(ns n2) role node" \
	"the file brings it back, from here"
is "$(known)" "$both" "both again"
is "$(programs n2 eth0)" 1 "with a program"
is "$(from n1 apply "$file" | grep dev)" "" \
	"a file that does not name the other namespace leaves it alone"
is "$(programs n2 eth0)" 1 "it has its program still"
world_node n3
said=$(from n3 dev detach eth0 2>&1)
is $? 1 "from a third place the name says too little"
like "$said" "eth0 .*$(ns n1).*$(ns n2)|eth0 .*$(ns n2).*$(ns n1)" "$said"
sed "s/namespace: .*/namespace: nosuch/" "$WORLD_DIR/e" >"$WORLD_DIR/no"
said=$(from n1 apply "$WORLD_DIR/no" 2>&1)
is $? 1 "a namespace that is not there"
like "$said" 'no network namespace "nosuch"' "$said"
sed "s/- {name: eth0}/&\n- {name: eth0, namespace: $(ns n1)}/" "$file" \
	>"$WORLD_DIR/twice"
said=$(from n1 apply "$WORLD_DIR/twice" 2>&1)
is $? 1 "one device by two names of its namespace"
like "$said" "eth0 is given twice" "$said"
ok "detach all, from here" from n1 dev detach all
is "$(programs n1 eth0) $(programs n2 eth0)" "0 0" "no program is left"

# ---- what is gone, and one of its name that serves ----

space n4 eth0
ok "attach here" from n1 dev attach eth0 role backend
ok "and there" from n4 dev attach eth0 role backend vni 8
ip -n "$(ns n4)" link set eth0 down
is "$(wrong)" "dev eth0 netns $(ns n4): it is down, no packet is seen; there, \"ip link set eth0 up\"" \
	"status says where its cure is to be said"
ip netns del "$(ns n4)"
like "$(wrong)" "^dev eth0: its network namespace is gone.*would take another eth0: apply of what \"xroam export\" prints forgets it$" \
	"a cure that does not take the one that serves"
is "$(from n1 reload)" 'reloaded on 1 device; 1 is gone, see "xroam status"' "reload counts no ghost"
from n1 export >"$WORLD_DIR/e" 2>/dev/null
is "$(from n1 apply "$WORLD_DIR/e")" "- dev eth0: its network namespace is gone" "the cure"
is "$(known) $(programs n1 eth0) $(wrong)" "eth0 null attached 1 " "works"
ok "detach" from n1 dev detach eth0

# ---- renamed ----

rename() # NODE DEV NAME
{
	ip -n "$(ns "$1")" link set "$2" down &&
		ip -n "$(ns "$1")" link set "$2" name "$3" &&
		ip -n "$(ns "$1")" link set "$3" up
}
ok "attach" from n1 apply "$file"
ok "the device is renamed" rename n1 eth0 wan0
is "$(known)" "wan0 null attached" "dev show has the new name"
like "$(from n1 status)" "devices *wan0:" "status, too"
sed 's/name: eth0/name: wan0/' "$file" >"$WORLD_DIR/wan"
is "$(from n1 apply "$WORLD_DIR/wan")" "nothing to change" \
	"a file with the new name changes nothing"
ok "another gets the old one" veth n1 eth0
is "$(from n1 apply "$file")" "+ dev eth0 role node
- dev wan0" "a file with the old name means that one"
is "$(programs n1 eth0) $(programs n1 wan0)" "1 0" "and so it is"
ok "both" from n1 dev attach wan0
ok "they change names" eval 'rename n1 eth0 tmp0 && rename n1 wan0 eth0 &&
	rename n1 tmp0 wan0'
is "$(known | tr ' ' '\n' | grep -c attached)" 2 "both are attached still"
ok "detach by the new name" from n1 dev detach wan0
is "$(programs n1 eth0) $(programs n1 wan0)" "1 0" "takes that one off"

# ---- moved to another namespace ----

ok "moved" ip -n "$(ns n1)" link set eth0 netns "$(ns n3)" name up0
if [ "$(programs n3 up0)" = 1 ]; then
	is "$(known)" "up0 $(ns n3) attached" "dev show says where it is"
	is "$(known n3)" "up0 null attached" "from there, too"
	ok "an edit" from n1 vip add 192.0.2.9:81/udp
	ok "reload" from n1 reload
	is "$(programs n3 up0)" 1 "it goes on there"
	ok "moved once more" ip -n "$(ns n3)" link set up0 netns "$(ns n2)"
	ok "destroy finds it" from n1 destroy
	is "$(programs n2 up0)" 0 "and takes its program off"
	like "$(<"/run/xroam/$(instance lb1).destroyed.yaml")" \
		"name: .?up0.?.*namespace: .?$(ns n2)" "what it keeps says where"
else
	skip 8 "this kernel takes the program off a device that moves"
	from n1 destroy
fi

# ---- who cannot look has not seen that nothing is there ----

space n4
ok "an instance" from n4 dev attach eth0
said='' refused=0
for ((files = 40; files < 300; files++)); do
	said=$( (ulimit -n $files; from n4 dev detach eth0) 2>&1)
	status=$?
	on=$(programs n4 eth0)
	[ "$status $on" = "1 1" ] || break
	[[ $said != *"ulimit -n"* ]] || refused=$((refused + 1))
done
is "$status $on" "0 0" "detach with ever more descriptors: refused, then done"
cmp_ok $((files - 40)) -gt 0 "refused with few"
is $refused $((files - 40)) "  and told what to raise"
from n4 destroy >/dev/null

done_testing
