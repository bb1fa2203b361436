# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A libvirt that says what the test has it say, by a helper beside the daemon's program.
# Beside world.sh:
#
#	says_begin		from now on $XROAM is a copy that has such a helper; each of
#				its libvirts is a pipe, $(of URI)
#	tell [-r] LINE...	$URI's, or $REMOTE's, says so
#	domain, life, event	such lines
#
# shellcheck disable=SC2034 # for who sources it
URI=qemu:///system

says_begin()
{
	mkdir -p "$WORLD_DIR/bin/libexec"
	cp "$XROAM" "$WORLD_DIR/bin"
	cp "${XROAM%/*}/libexec/xroam" "$WORLD_DIR/bin/libexec"
	cat >"$WORLD_DIR/bin/libexec/xroam-libvirt" <<EOT
#!/bin/sh
of="$WORLD_DIR/of-\$(echo "\$1" | tr -c a-z0-9 _)"
[ -p "\$of" ] || mkfifo "\$of"
exec 3<>"\$of" 4<&0
cat <&4 >>"\$of.heard" &
echo \$\$ \$! >>"\$of.started"
exec cat <&3
EOT
	chmod +x "$WORLD_DIR/bin/libexec/xroam-libvirt"
	XROAM=$WORLD_DIR/bin/xroam
}

of()
{
	echo "$WORLD_DIR/of-$(echo "$1" | tr -c a-z0-9 _)"
}

# tell [-r] LINE...: this machine's libvirt, or h2's, says so
tell()
{
	local to

	to=$(of $URI)
	[ "$1" != -r ] || { to=$(of "$REMOTE"); shift; }
	wait_for 5 test -s "$to.started" || fail "no helper"
	printf '%s\n' "$@" | timeout 5 tee "$to" >/dev/null || fail "nobody reads"
}

# domain UUID STATE [CARD...]: its description; STATE as words of true things; CARD is
# MAC, MAC/VLAN or MAC/VLAN/TAP
domain()
{
	local uuid=$1 state=$2

	shift 2
	# shellcheck disable=SC2016 # jq's own
	jq -nc --arg u "$uuid" --arg s "$state" '($s | split(" ")) as $s | {domain: $u, name: "d\($u[0:1])",
		running: ($s | any(. == "running")), incoming: ($s | any(. == "incoming")),
		came: ($s | any(. == "came")), migration: (if $s | any(. == "still") then "device" elif $s | any(. == "sends") then "active" else "none" end),
		monitor: ($s | any(. == "monitor")), left_out: 0,
		cards: [$ARGS.positional[] | split("/") | {mac: .[0], vlan: ((.[1] // "0") | tonumber), tap: .[2]}]}' \
		--args "$@"
}

life() { echo "{\"life\":\"$2\",\"domain\":\"$1\"}"; }
event() { echo "{\"event\":\"$2\",\"at\":1,\"domain\":\"$1\",\"data\":{\"status\":\"${3-}\"}}"; }
