#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# xroam capture of kinds of packets: QUIC by its CID, with tags, too big for the
# tunnel; whole, before and after, in what tcpdump reads.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 2 -m 1500
LIB=$WORLD_TOP/tests/net/lib
file=$WORLD_DIR/file.pcapng
ok "attach" attach_lb
attach_servers
ok "a VIP" xr vip add "$VIP4:443/udp" cid
ok "connection IDs" xr cid add 1 format quic-lb server-id-length 3 nonce-length 5
for n in 1 2; do
	xr backend add s$n vip "$VIP4:443/udp" address "$(addr4 s$n)" server-id 00000$n >/dev/null
done
lb=$(mac lb1 eth0)

# sees FRAME ARGS...: a capture of that one packet; its parts in the file $PACKETS
sees()
{
	local frame=$1

	shift
	start cap lb1 "$XROAM" -i "$(instance lb1)" -v capture -c 1 -w "$file" "$@"
	wait_for 10 grep -q capturing "$WORLD_DIR/cap.err"
	play "r:lb1-eth0=$frame"
	finish cap || return
	PACKETS=$(python3 "$LIB/pcapng.py" "$file") || return
	is "$(tcpdump -nr "$file" 2>/dev/null | grep -c '^[0-9][0-9]:')" "$(wc -l <<<"$PACKETS")" "tcpdump reads it"
}

# part NUMBER FIELD: of the first or second frame: 1 device, 2 way, 5 length, 6 octets, 7 comment
part() { sed -n "$1p" <<<"$PACKETS" | cut -f"$2"; }

quic=$(python3 "$LIB/quicframe.py" short "$lb" 270000021122334455 900)
sees "$quic" reason cid
like "$(part 1 7)" "^reason=cid kind=tx vip=$VIP4:443/udp backend=s2 " "QUIC, by its connection ID"
is "$(part 1 6)" "$quic" "as it came, whole"
like "$(part 2 6)" "^.{24}0800.{18}04" "as it left,"
is "$(part 2 5)" $((900 + 20)) "in a tunnel"
is "$(part 2 6 | cut -c"$((2 * (14 + 20 + 20) + 1))-")" "${quic:$((2 * (14 + 20)))}" \
	"with the whole packet in it"

# Longer than the packet: no octet of another one, nor one that is not there.
sees "$quic" -s 16000 udp port 443
is "$(part 1 6) $(part 1 5)" "$quic 900" "-s longer than the packet: it is as long as it is"

tagged=${quic:0:24}81000064${quic:24}
sees "$tagged" vlan 100 and udp port 443
is "$(part 1 6)" "$tagged" "a tag is in the frame"
like "$(part 2 6)" "^.{24}810000640800" "and in what left"
like "$(part 1 7)" "backend=s2" "a CID behind a tag"

# No room for an outer header: the sender is told.
big=$(python3 "$LIB/quicframe.py" short "$lb" 270000021122334455 1514)
sees "$big" reason too-big-reply
is "$(part 1 6)" "$big" "too big for the tunnel: as it came, whole"
like "$(part 2 6)" "^.{24}0800.{18}01.{20}0304" "what left is ICMP, fragmentation needed"
like "$(part 1 7)" "^reason=too-big-reply kind=reply .*action=tx" "and why"

# Into a pipe, whose reader has enough.
# shellcheck disable=SC2016 # bash expands it
start pipe lb1 bash -c '"$1" -v -i "$2" capture udp | tcpdump -nc 1 -r - ; echo "${PIPESTATUS[0]}"' \
	bash "$XROAM" "$(instance lb1)"
wait_for 10 grep -q capturing "$WORLD_DIR/pipe.err"
# shellcheck disable=SC2317 # called by name
on_wire() { play "r:lb1-eth0=$quic"; ! kill -0 "$(pid pipe)" 2>/dev/null; }
ok "tcpdump -c 1 ends it" wait_for 10 on_wire
finish pipe
is "$(tail -1 "$WORLD_DIR/pipe.out")" 0 "with status 0"
is "$(xr -j dev show | pick '.[0].program_id' | xargs bpftool -j prog show id | pick .name)" xroam_node \
	"and the plain program is back"

# A VM's, which has moved from here.
VM=52:54:00:12:34:56
xr host add here vxlan "$(addr4 lb1)" vni 7 local >/dev/null
xr host add there vxlan "$(addr4 s1)" vni 7 >/dev/null
xr vm add $VM at here >/dev/null
xr vm move $VM to there >/dev/null
frame=$(python3 "$LIB/quicframe.py" other $VM)
sees "$frame" vm $VM
is "$(part 1 6)" "$frame" "a VM's, which has moved: as it came, whole"
like "$(part 1 7)" "^reason=moved kind=tx vm=$VM host=there dev=eth0 .* way=vxlan,$(addr4 s1)" "  whose, and where it is"
like "$(part 2 6)" "^.{24}0800.{18}11.*$frame\$" "  as it left, in a tunnel, whole"
done_testing
