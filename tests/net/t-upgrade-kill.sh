#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A reload that converts the instance of the release before, killed between any two of its
# steps: traffic goes on, the pins are the old ones or the new ones, and the next reload
# finishes it.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
# shellcheck source=tests/net/lib/upgrade.sh
. "$(dirname "$0")/lib/upgrade.sh"

world_up
read_defaults c2
pins=/sys/fs/bpf/xroam/$(instance lb1)

XROAM=$OLD
ok "the old one attaches" attach_lb
attach_servers
serve 80
ok "UDP" balance "$VIP4:80/udp"
xr export --keys >"$WORLD_DIR/file"
settings <"$WORLD_DIR/file" >"$WORLD_DIR/before"
start udp c1 "$PEER" ask -c 20 -n 0 -i 2 udp "$VIP4" 80

# by COMMAND ARGS...
by()
{
	local XROAM=$1

	shift
	xr "$@"
}

# as_before COMMAND: it reads the instance, which is as it was
as_before()
{
	by "$1" export --keys >"$WORLD_DIR/export" 2>"$WORLD_DIR/why" || return
	settings <"$WORLD_DIR/export" | diff "$WORLD_DIR/before" - >"$WORLD_DIR/why"
}

# whose: who reads the instance
whose()
{
	local who=''

	! as_before "$OLD" || who=old
	! as_before "$NEW" || who+=new
	echo "${who:-neither: $(<"$WORLD_DIR/why")}"
}

# killed BEFORE|BEHIND STEP: a reload, there; 1: it did not come there
killed()
{
	# In a shell of its own, which would tell of the kill.
	(
		export "DIES_$1=$2" STEPS="$WORLD_DIR/steps" LD_PRELOAD=$WORLD_BUILD/tests/net/dies.so
		by "$NEW" reload
		exit
	) >/dev/null 2>&1
	[ $? = 137 ]
}

# chosen: of the steps those that differ from the ones around them. One pin, or old file, is
# as another, but for that by which the layout is known.
chosen()
{
	awk '!/^(pin|unlink|rename) .*~next/ || /\/(meta|dev_)/ || ++n % 25 == 1'
}

# ---- until the new pins are in their place: under traffic, from one kill to the next ----

ok "killed before the pins are exchanged" killed BEFORE "exchange $pins"
head -n -1 "$WORLD_DIR/steps" | chosen >"$WORLD_DIR/chosen"
wrong='' kills=1
while read -r step; do
	kills=$((kills + 1))
	# Each other one goes on where the last was killed. Not to an update, which has but a
	# number: maps that are there already are not filled as they are made.
	[[ $((kills % 2)) = 0 && $step != update* ]] || rm -rf "$pins~next"
	killed BEFORE "$step" || wrong+="; $step: not killed"
	who=$(whose)
	[ "$who" = old ] || wrong+="; $step: $who"
	case $step in
	device*)	killed BEHIND "$step" || wrong+="; $step: not killed"
		who=$(whose)
		[ "$who" = old ] || wrong+="; behind $step: $who"
		;;
	esac
	[ $((kills % 4)) != 0 ] || by "$OLD" reload >"$WORLD_DIR/why" 2>&1 ||
		wrong+="; $step: the old command's reload: $(<"$WORLD_DIR/why")"
	[ -z "$wrong" ] || break
done <"$WORLD_DIR/chosen"
is "$wrong" "" "$kills kills before: the old instance, as it was, which the old command can reload"
ok "killed as they were" killed BEHIND "exchange $pins"
is "$(whose)" new "it is the new instance"
ok "a whole reload finishes it" by "$NEW" reload
client_end udp
is "$(figure lost) $(figure moved) $(figure broken)" "0 0 0" \
	"no datagram of $(figure asked) was lost, or went astray"

# tidy: the new instance is whole, and has the device, once
tidy()
{
	echo "$(whose) $(by "$NEW" -j dev show | pick '.[].device,state')$(
		find "$pins~next" 2>/dev/null)"
}
is "$(tidy)" "new eth0 attached" "nothing of the old one is left"

# ---- from then on: behind each step, of an old instance ----

anew()
{
	by "$NEW" destroy && by "$OLD" apply "$WORLD_DIR/file"
} >/dev/null 2>&1

ok "an old one again" anew
STEPS=$WORLD_DIR/steps LD_PRELOAD=$WORLD_BUILD/tests/net/dies.so by "$NEW" reload >/dev/null
# The last old pin; and of what follows each fifth.
sed "1,/^exchange/d" "$WORLD_DIR/steps" >"$WORLD_DIR/behind"
{
	grep "^unlink" "$WORLD_DIR/behind" | chosen
	grep "^unlink" "$WORLD_DIR/behind" | tail -n 1
	grep -v "^unlink" "$WORLD_DIR/behind" | grep -vxFf <(sed "/^exchange/q" "$WORLD_DIR/steps") |
		awk 'NR % 5 == 1'
} >"$WORLD_DIR/chosen"
wrong='' kills=0
while read -r step; do
	kills=$((kills + 1))
	anew || wrong+="; $step: no old one"
	killed BEHIND "$step" || wrong+="; $step: not killed"
	who=$(whose)
	[ "$who" = new ] || wrong+="; $step: $who"
	by "$NEW" reload >/dev/null 2>"$WORLD_DIR/why" || wrong+="; $step: $(<"$WORLD_DIR/why")"
	[ "$(tidy)" = "new eth0 attached" ] || wrong+="; $step: left: $(tidy)"
	[ -z "$wrong" ] || break
done <"$WORLD_DIR/chosen"
is "$wrong" "" "$kills kills behind: the new instance, as it was, and the next reload finishes it"
ok "destroy" by "$NEW" destroy
is "$(in_ns lb1 ip -d link show eth0 | grep -c 'prog/xdp')" 0 "leaves no program on the device"
done_testing
