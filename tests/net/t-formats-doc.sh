#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/formats.md: what its Python program mints, xroam finds the server in; what
# it shows of a terminal, a terminal shows.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
DOC=$WORLD_TOP/docs/formats.md
VIP=$VIP4:443/udp

for command in python3 openssl; do
	command -v $command >/dev/null || skip_all "no $command"
done
world_begin
world_node lb1
cd "$WORLD_DIR" || bail "no directory"

sed -n '/^<!-- file: mint.py -->$/,/^```$/p' "$DOC" | grep -v '^```\|^<!--' >mint.py
cmp_ok "$(wc -l <mint.py)" -gt 30 "the guide to formats has the program"
(umask 077; echo 8f95f09245765f80256934e50c66207f >cid.key)

# decoded CID: server ID and backend
decoded()
{
	xr -j cid decode "$1" | pick .server_id,backend
}

# instance_with CONFIG-ID SERVER-ID LENGTH NONCE-LENGTH [KEY-FILE]
instance_with()
{
	xr cid add "$1" format quic-lb server-id-length "$3" nonce-length "$4" \
		${5:+key-file "$5"} &&
		xr vip add "$VIP" cid &&
		xr backend add s1 vip "$VIP" address 10.1.0.21 server-id "$2" \
			2>/dev/null
}

# Clear; single pass; four pass: even, odd, a server ID longer than the nonce.
for mode in "0 4 8" "1 4 12 key" "2 4 6 key" "3 4 5 key" "4 9 5 key" \
	"5 1 18 key" "6 15 4 key"; do
	read -r id sid_len nonce_len key <<<"$mode"
	key=${key:+cid.key}
	sid=$(printf "%0$((2 * sid_len))x" $((16 + id)))
	xr destroy >/dev/null 2>&1
	instance_with "$id" "$sid" "$sid_len" "$nonce_len" "$key" ||
		bail "cannot make the instance"
	got=''
	for _ in 1 2 3; do
		# shellcheck disable=SC2086
		got+=$(decoded "$(python3 mint.py "$id" "$sid" "$nonce_len" $key)")' '
	done
	is "$got" "$sid s1 $sid s1 $sid s1 " "what it mints is decoded: $mode"
done

# The session that is shown.
xr destroy >/dev/null
instance_with 1 00000001 4 6 cid.key
shown=$(sed -n '/^    # xroam cid decode/,/^$/p' "$DOC" | sed 's/^    //; /^$/d')
cid=$(sed -n 's/^# xroam cid decode //p' <<<"$shown")
is "$(xr cid decode "$cid")" "$(sed 1d <<<"$shown")" "and what it shows is so"
done_testing
