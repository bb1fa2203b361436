#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A program for each VM that moved: what it gets, where and how often it runs, what is said
# where it fails; and scripts/hooks/dns-update before a real BIND.
# shellcheck source=tests/net/lib/daemonworld.sh disable=SC2317 # called by name
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
HOOK=$WORLD_DIR/hook RAN=$WORLD_DIR/ran GO=$WORLD_DIR/go

# hook LINES: what the program does once it has noted what it got
hook()
{
	printf '#!/bin/sh\ncat >>%s\necho >>%s\n%s\n' "$RAN" "$RAN" "$1" >"$HOOK.new"
	chmod +x "$HOOK.new"
	mv "$HOOK.new" "$HOOK"
}

# on_move LINES: the daemon's file, with these in on_move
on_move()
{
	{
		cat "$CONFIG"
		printf 'on_move:\n  command: ["%s"]\n%s\n' "$HOOK" "$1"
	} >"$WORLD_DIR/with.yaml"
}

# ran N: the Nth time
ran()
{
	sed -n "${1}p" "$RAN"
}

ran_times()
{
	[ "$(wc -l <"$RAN")" = "$1" ]
}

reload()
{
	local before
	before=$(grep -c 'read again' "$WORLD_DIR/daemon.err")
	kill -HUP "$(pid daemon)"
	wait_for 10 sh -c "[ \"\$(grep -c 'read again' '$WORLD_DIR/daemon.err')\" -gt $before ]"
}

# ---- what it gets, and where it runs ----

: >"$RAN"
hook true
on_move ""
ok "a daemon with on_move" run_daemon -c "$WORLD_DIR/with.yaml"
ok "a VM leaves" xr vm move $VM to h2
ok "and comes back" xr vm move $VM to h1
ok "its program runs" wait_for 10 ran_times 1
is "$(ran 1 | jq -cS .)" "$(jq -cnS --arg i "$WORLD-n1" --arg mac $VM '{event: "moved", instance: $i,
	mac: $mac, vlan: 0, addresses: ["10.9.0.10"], host: "h1", from: "h2", local: true, source: "cli"}')" \
	"once, where the VM came to, and what it gets"
ok "another VM, by the socket" notify say '{"notice":"add","mac":"52:54:00:00:00:07","at":"h2","vlan":7}'
notify say '{"notice":"moved","mac":"52:54:00:00:00:07","vlan":7,"to":"h1","seq":9}'
ok "its program runs" wait_for 10 ran_times 2
is "$(ran 2 | pick .mac,vlan,addresses,from,host,source)" \
	"52:54:00:00:00:07 7 [] h2 h1 socket" "its VLAN, no address, whose notice"

on_move "  everywhere: true"
ok "everywhere" reload
ok "it leaves" xr vm move $VM to h3
ok "told, too" wait_for 10 ran_times 3
is "$(ran 3 | pick .host,local)" "h3 false" "from afar"

# ---- slow, and again ----

hook "while [ ! -e $GO ]; do sleep 0.02; done"
xr vm move $VM to h1
ok "a slow one begins" wait_for 10 ran_times 4
for to in h2 h3 h2; do
	xr vm move $VM to $to
done
: >"$GO"
ok "after it another one" wait_for 10 ran_times 5
is "$(ran 5 | pick .host)" h2 "with where the VM is by then"
hook true
ok "others go on" xr vm move $VM to h3
ok "as before" wait_for 10 ran_times 6

# ---- it fails ----

hook 'echo "no such zone"; exit 3'
xr vm move $VM to h1
ok "one that fails is tried again, and given up" wait_for 60 ran_times 11
problem_is()
{
	xr status | grep -q "on_move: VM $VM: .*: exit status 3: no such zone, 5 times"
}
ok "status says so" wait_for 10 problem_is
like "$(daemon_says)" "on_move: VM $VM: $HOOK: exit status 3: no such zone" "the log, too"
hook true
xr vm move $VM to h2
ok "the next one that works" wait_for 10 ran_times 12
no_problem()
{
	! xr status | grep -q on_move
}
ok "ends that" wait_for 10 no_problem

hook "echo \$\$ >$WORLD_DIR/slow; exec sleep 1000"
on_move "  everywhere: true
  timeout: 0.2"
ok "a time" reload
xr vm move $VM to h1
ok "one that does not end is ended" wait_for 30 grep -q "on_move: VM $VM: .*: no end within 0.200 s" "$WORLD_DIR/daemon.err"
slow_is_gone()
{
	! kill -0 "$(<"$WORLD_DIR/slow")"
}
ok "and is gone" wait_for 10 slow_is_gone
hook true
ok "and tried again" wait_for 60 no_problem

# ---- a program that is not there ----

on_move "  everywhere: true"
sed -i "s|$HOOK|$WORLD_DIR/nothing|" "$WORLD_DIR/with.yaml"
ok "no program" reload
xr vm move $VM to h2
ok "told" wait_for 10 grep -q "nothing: exit status 127: $WORLD_DIR/nothing: No such file" "$WORLD_DIR/daemon.err"

# ---- at the start ----

hook true
on_move "  everywhere: true"
ok "its program is there again" reload
: >"$RAN"
ok "the VM is here" xr vm move $VM to h1
last_host_is() { [ "$(tail -n 1 "$RAN" | pick .host)" = "$1" ]; }
ok "  as it hears, too" wait_for 10 last_host_is h1
ok "the daemon ends, whatever runs" daemon_end
: >"$RAN"
on_move "  at_start: true"
ok "it begins again" run_daemon -c "$WORLD_DIR/with.yaml"
ok "those that are here are told" wait_for 10 ran_times 2
is "$(pick .event,mac,host,from "$RAN" | sort)" \
	"$(printf 'present %s h1 null\n' 52:54:00:00:00:07 $VM | sort)" "as present"
ok "it ends" daemon_end

# ---- names ----

Z=$WORLD_DIR/dns NAME=vm1.example.com
mkdir "$Z"
tsig-keygen xroam >"$Z/key"
tsig-keygen other >"$Z/other"
cat >"$Z/zone" <<-'EOT'
	$TTL 60
	@	SOA ns hostmaster 1 3600 600 86400 60
	@	NS ns
	ns	A 10.8.0.1
	vm1	A 198.51.100.1
	vm1	AAAA 2001:db8::1
	EOT
cat >"$Z/named.conf" <<-EOT
	include "$Z/key";
	options { directory "$Z"; listen-on port 5353 { 10.8.0.1; }; listen-on-v6 { none; };
		pid-file "$Z/pid"; session-keyfile "$Z/session"; recursion no; dnssec-validation no; allow-transfer { none; }; };
	controls { };
	zone example.com { type primary; file "$Z/zone";
		update-policy { grant xroam zonesub A AAAA; }; };
	EOT
cat >"$Z/xroam" <<-EOT
	server 10.8.0.1 5353
	zone example.com
	key $Z/key
	ttl 30
	name $VM $NAME
	address h1 198.51.100.1 2001:db8::1
	address h2 198.51.100.2
	address h3 198.51.100.3 198.51.100.33 2001:db8::3
	EOT
start named n1 named -c "$Z/named.conf" -g

# points: to what, A and AAAA
points()
{
	in_ns n1 dig +short +tries=1 +time=2 -p 5353 @10.8.0.1 $NAME A $NAME AAAA | sort | tr '\n' ' '
}

points_to()
{
	[ "$(points)" = "$1 " ]
}
H1="198.51.100.1 2001:db8::1" H3="198.51.100.3 198.51.100.33 2001:db8::3"
ok "BIND" wait_for 20 points_to "$H1"

DNS=$WORLD_TOP/scripts/hooks/dns-update
# update FILE LINE: as the daemon would
update()
{
	in_ns n1 "$DNS" "$1" <<<"$2" >"$WORLD_DIR/told" 2>&1
}

# told FROM HOST [FILE]
told()
{
	update "${3-$Z/xroam}" "{\"mac\":\"$VM\",\"vlan\":0,\"from\":\"$1\",\"host\":\"$2\"}"
}

fails()
{
	local what=$1

	shift
	if "$@"; then
		fail "$what"
	else
		pass "$what"
	fi
}
ok "h1 -> h2" told h1 h2
is "$(points)" "198.51.100.2 " "its name, and no IPv6 address where there is none"
ok "told twice" told h1 h2
is "$(points)" "198.51.100.2 " "changes nothing"
ok "h2 -> h3: several" told h2 h3
is "$(points)" "$H3 " "all of them"
fails "an older one that comes late" told h1 h2
like "$(<"$WORLD_DIR/told")" "$NAME: points neither to h1 nor to h2" "is refused, and says why"
is "$(points)" "$H3 " "and changed nothing"
sed "s|key $Z/key|key $Z/other|" "$Z/xroam" >"$Z/wrong"
fails "another key" told h3 h1 "$Z/wrong"
like "$(<"$WORLD_DIR/told")" "$NAME: .*BADKEY" "says what is wrong"
ok "a VM without a name is nobody's" update "$Z/xroam" \
	'{"mac":"52:54:00:00:00:07","vlan":7,"host":"h1"}'
fails "no line of on_move" update "$Z/xroam" ""
grep -v '^key' "$Z/xroam" >"$Z/wrong"
fails "no key" told h3 h1 "$Z/wrong"
is "$(<"$WORLD_DIR/told")" "dns-update: $Z/wrong: no line \"key\"" "the line that is missing"

{
	cat "$CONFIG"
	printf 'on_move:\n  command: ["%s", "%s"]\n' "$DNS" "$Z/xroam"
} >"$WORLD_DIR/with.yaml"
ok "a daemon with it" run_daemon -c "$WORLD_DIR/with.yaml"
xr vm move $VM to h3
xr vm move $VM to h1
ok "the VM comes, and its name with it" wait_for 20 points_to "$H1"
stop named
xr vm move $VM to h2
xr vm move $VM to h1
ok "the name server is away" wait_for 30 grep -q "on_move: VM $VM: .*dns-update: exit status 1" "$WORLD_DIR/daemon.err"
start named n1 named -c "$Z/named.conf" -g
ok "it comes back" wait_for 20 points_to "$H1"
ok "and is told" wait_for 60 no_problem
ok "the end" daemon_end
done_testing
