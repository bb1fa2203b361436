#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guide's lab in which a VM moves, and the README's tour of servers, line by
# line as they stand, in fresh namespaces; what they say is printed is printed.
# shellcheck source=tests/net/lib/walk.sh disable=SC2317 # called by ok
. "$(dirname "$0")/lib/walk.sh"

world_begin
cd "$WORLD_DIR" || bail "no directory"
[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"

# in_world: its names are this test's
in_world()
{
	sed "s/lab-/$WORLD-/g"
}

# ---- the lab ----

walk 'world|without|with|end' <"$GUIDE" | in_world >lab.sh
shown 'world|without|with|end' <"$GUIDE" >lab.shown
cmp_ok "$(wc -l <lab.sh)" -gt 100 "the guide has a lab where a VM moves"
cmp_ok "$(wc -l <lab.shown)" -ge 16 "and what it prints"
ok "each of its lines is done" run_lines lab.sh
ok "and prints what it says, but for numbers" alike lab.sh lab.shown
# While it moves it asks as long as that takes, which may be twenty times, too.
is "$(grep "^asked 20 " lab.sh.out | head -n 2)" \
	"$(grep "^asked 20 " lab.shown)" "without: all lost; and with: none"
is "$(find /run/netns /run/xroam -name "$WORLD-*")" "" \
	"and nothing is left"
is "$(ls)" "$(printf '%s\n' lab.sh{,.out,.words} lab.shown{,.words} | sort)" \
	"nor in its directory"

# ---- the same where the VMs' frames come by another uplink than the tunnel's ----

# apart: eth0 is in no bridge, as where the guide prepares machines; eth1 is in br0
# shellcheck disable=SC2016 # n is the lines'
apart()
{
	sed '/^on cl ip link set eth0 mtu/i\
on fab ip link add under mtu 1600 type bridge\
on fab ip link set under up\
for n in h1 h2; do on fab ip link set to-$n master under; done\
for n in h1 h2; do on fab ip link add vm-$n type veth peer name eth1 netns lab-$n; done\
for n in h1 h2; do on fab ip link set vm-$n master fab up; on $n ip link set eth1 up; done
		s/ip link set eth0 master br0/ip link set eth1 master br0/
		s/\(10.8.0.[12].24 dev\) br0/\1 eth0/
		s/dev to-h1 master/dev vm-h1 master/
		s/role pass/vm-h1 vm-h2 &/
		s/dev attach eth0/& eth1/'
}

walk 'world|with|end' <"$GUIDE" | apart | in_world >apart.sh
is "$(grep -c "eth1\|vm-h1" apart.sh)" 6 "eth0 is the tunnel's alone"
ok "each line is done" run_lines apart.sh
like "$(<apart.sh.out)" "asked [0-9]* times: none lost, none answered twice" \
	"none lost, none twice"

# ---- the README's tour, in the lab's world ----

block "^### A VM moves" <"$README" >tour
# tour_line REGEX: as it stands on h1
tour_line()
{
	commands <tour | grep -E "^xroam $1"
}

# The same for h2, which is local there.
at_h2()
{
	sed -E '/host add h1/s/ local//; /host add h2/s/$/ local/'
}

# on_both REGEX: first on h2
on_both()
{
	tour_line "$1" | at_h2 | sed 's/^/on h2 /'
	tour_line "$1" | sed 's/^/on h1 /'
}

# until_said LINE WORD: that says it
until_said()
{
	echo "until $1 | grep -q $2; do sleep 0.05; done"
}

{
	walk world <"$GUIDE"
	echo "on fab xroam dev attach to-h1 to-h2 role pass"
	# However long a busy machine takes.
	walk with <"$GUIDE" | grep slow.yaml
	on_both "(dev|host|vm add)"
	echo "on h1 $(tour_line monitor | sed 's/xroam/& -v/') >events 2>listens &"
	until_said "cat listens" watching
	echo "on cl python3 ask.py 1000000 60 >asked &"
	until_said "on h1 xroam stats reason" vm-here
	on_both "vm prepare"
	echo "say h1 stop"
	on_both "vm pause"
	until_said "on h1 xroam stats reason" copied
	echo "say h2 cont"
	on_both "vm move"
	echo "say h1 quit"
	until_said "on h1 xroam stats reason" moved
	tour_line "(vm show|stats)" | sed 's/^/on h1 /'
	until_said "cat events" moved
	echo "touch enough"
	until_said "cat asked" asked
	echo "cat events asked"
	walk end <"$GUIDE"
} | in_world >tour.sh
printed <tour >tour.shown
is "$(commands <tour | wc -l) $(wc -l <tour.shown)" "10 9" "the README moves a VM"
ok "each of its lines is done" run_lines tour.sh
ok "and prints what it says, but for numbers" alike tour.sh tour.shown
is "$(grep warning tour.sh.out)" "" "without a warning"
like "$(<tour.sh.out)" "asked [0-9]* times: none lost, none answered twice" \
	"none lost, none twice"

# ---- the daemon's file, and its socket ----

world_lone h1 10.8.0.1/24 fabric
walk hypervisor <"$GUIDE" | grep "^ip " >hypervisor.sh
printf "%s\n" "ip tuntap add tap7 mode tap" "ip link set tap7 master br0 up" >>hypervisor.sh
ok "a hypervisor" as_on h1 hypervisor.sh
block "^### With QEMU" <"$GUIDE" | sed "s|/etc/xroam/||" >daemon
script <daemon | grep -v "^systemctl" >daemon.sh
echo "xroam check default.yaml" >>daemon.sh
cmp_ok "$(wc -l <daemon.sh)" -ge 12 "the guide has a daemon's file"
ok "and it is right" as_on h1 daemon.sh
start daemon h1 "$XROAM" -i "$(instance h1)" -v run -c default.yaml
ok "a daemon runs by it" wait_for 10 grep -q watching daemon.err
is "$(xr_on h1 -j vm show | jq -r '[.. | .host? // empty] | join(" ")')" h1 \
	"and knows its VM"

# talk HEADING FILE: what is said there gets the answers that are shown
talk()
{
	local lines said

	block "$1" <"$2" | grep "^{" >talked
	mapfile -t lines < <(grep notice talked)
	said=$(/usr/bin/python3 "$WORLD_TOP/tests/net/lib/notify.py" \
		"/run/xroam/$(instance h1).sock" say "${lines[@]}")
	[ ${#lines[@]} -gt 0 ] && is "$said" "$(grep -v notice talked)" "answers: $1"
}

talk "^### Nobody need say it" "$README"
xr_on h1 vm add 52:54:00:12:34:56 vlan 5 at h1 dev tap7 >/dev/null
talk "^### The socket" "$GUIDE"
is "$(xr_on h1 -j vm show | jq -r '[.. | .host? // empty] | join(" ")')" "h2 h2" \
	"and both are there"
ok "the daemon ends" stop daemon
done_testing
