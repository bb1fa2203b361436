#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# xroam capture shows what tcpdump sees at both ends, whole, with the verdict; costs
# nothing before and after, also when it is killed; and whatever happens to devices, the
# instance or the reader meanwhile, it ends as it should.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up -s 2 -b
NG=$(dirname "$0")/lib/pcapng.py
file=$WORLD_DIR/file.pcapng
ok "attach" attach_lb
attach_servers
serve 80
ok "a TCP VIP" balance "$VIP4:80/tcp"
ok "a UDP VIP" xr vip add "[$VIP6]:80/udp"
ok "and its backend" xr backend add six vip "[$VIP6]:80/udp" address "$(addr6 s1)"

# program DEV [NODE] -> "NAME TAG" of what is on it
program()
{
	local id

	id=$(xr_on "${2-lb1}" -j dev show | pick -w device="$1" .program_id)
	bpftool -j prog show id "$id" | pick .name,tag
}

# capture NAME ARGS...: begins, and waits until it does
capture()
{
	local name=$1

	shift
	start "$name" lb1 "$XROAM" -i "$(instance lb1)" -v capture "$@"
	wait_for 10 grep -q capturing "$WORLD_DIR/$name.err"
}

# traffic PROTOCOL: three flows of c1
traffic()
{
	local vip=$VIP4

	[ "$1" = tcp ] || vip=$VIP6
	ask c1 -c 3 -u 200 -d 200 "$1" "$vip" 80 >/dev/null
}

# shellcheck disable=SC2317
# traffic_until_ended PID: whether it has ended; if not, more of it
traffic_until_ended()
{
	kill -0 "$1" 2>/dev/null || return 0
	traffic tcp
	traffic udp
	return 1
}

captures()
{
	[ "$(program "$1" | cut -d' ' -f1)" = xroam_cap_node ]
}

is_plain()
{
	[ "$(program eth0)" = "$plain" ]
}

plain=$(program eth0)
like "$plain" '^xroam_node ' "the plain program"

# ---- whole, before and after ----

dump_begin()
{
	start "$1" r tcpdump -i "lb1-$1" -Q "$2" -U --immediate-mode -w "$WORLD_DIR/$1.pcap" "ether proto 0x0800 or ip6"
	wait_for 10 grep -q 'listening on' "$WORLD_DIR/$1.err"
}

# Of tcpdump's files: the frames for the VIPs, and those in tunnels.
dumped()
{
	python3 "$NG" -p "$WORLD_DIR/$1.pcap" | grep -E "$2" | sort
}

dump_begin eth0 out
dump_begin eth1 in
capture cap -w "$file"
is "$(program eth0 | cut -d' ' -f1) $(program eth1 | cut -d' ' -f1)" "xroam_cap_node xroam_cap_node" \
	"a program that captures is on both devices"
traffic tcp
traffic udp
sleep 0.3
stop cap INT
is $? 0 "Ctrl-C ends it"
is "$(program eth0)" "$plain" "the plain program is back, the same to the instruction"
is "$(program eth1 | cut -d' ' -f1)" xroam_node "on the other device, too"
like "$(tail -1 "$WORLD_DIR/cap.err")" \
	'^xroam: [0-9]+ captured, 0 over the rate, 0 lost in the ring, 0 filtered$' "the counts"
is "$(stat -c %a "$file")" 600 "the file is nobody else's to read"
python3 "$NG" "$file" >"$WORLD_DIR/packets"
is $? 0 "the file is pcapng, to the letter"
# tcpdump drops what it has not read when it is stopped.
# shellcheck disable=SC2317
dumped_all()
{
	[ "$(python3 "$NG" -p "$WORLD_DIR/eth1.pcap" | wc -l)" -ge "$(grep -c $'^eth1\tout' "$WORLD_DIR/packets")" ] &&
		[ "$(python3 "$NG" -p "$WORLD_DIR/eth0.pcap" | wc -l)" -ge "$(grep -c $'^eth0\tin\t[34]' "$WORLD_DIR/packets")" ]
}
wait_for 2 dumped_all
stop eth0 INT
stop eth1 INT
dumped eth0 '^.{24}(0800.{32}c000020a|86dd.{48}20010db8009900000000000000000010)' >"$WORLD_DIR/before"
awk -F'\t' '$1 == "eth0" && $2 == "in" && $3 != 2 {print $6}' "$WORLD_DIR/packets" | sort >"$WORLD_DIR/saw"
cmp_ok "$(wc -l <"$WORLD_DIR/saw")" -ge 12 "there are packets"
is "$(<"$WORLD_DIR/saw")" "$(<"$WORLD_DIR/before")" "as XDP saw them: what the far end sent, whole"
dumped eth1 '^.{24}(0800.{18}04|0800.{18}29|86dd.{12}(04|29))' >"$WORLD_DIR/after"
awk -F'\t' '$1 == "eth1" && $2 == "out" {print $6}' "$WORLD_DIR/packets" | sort >"$WORLD_DIR/left"
is "$(<"$WORLD_DIR/left")" "$(<"$WORLD_DIR/after")" "as XDP left them: what the far end got, whole"
like "$(grep -m1 "notes=.*flow-new" "$WORLD_DIR/packets" | cut -f7)" \
	"^reason=hash kind=tx vip=$VIP4:80/tcp backend=s[12] dev=eth0 action=redirect out=eth1 way=ipip,10.3.0.2[12] notes=.*flow-new" \
	"a comment says what was done, and why"
is "$(awk -F'\t' '{print $4}' "$WORLD_DIR/packets" | sort | uniq -c | awk '$1 > 2' | wc -l)" 0 \
	"two frames with an id are one packet"
like "$(python3 "$NG" -i "$file" | sed -n 1p)" "^eth0.network namespace of the command, instance $(instance lb1), role node, native" \
	"devices are described"
is "$(python3 "$NG" -c "$file" | awk -F'\t' '{n += $5} END {print n}')" \
	"$(grep -o '^xroam: [0-9]*' "$WORLD_DIR/cap.err" | tail -1 | cut -d' ' -f2)" "the file has the counts, too"
is "$(tcpdump -nr "$file" 2>/dev/null | wc -l)" "$(wc -l <"$WORLD_DIR/packets")" "tcpdump reads it all"

# ---- what is wanted ----

# some PACKETS FIELD ARGS...: of a capture of that many, with traffic; what a field has
some()
{
	local n=$1 field=$2

	shift 2
	capture some -c "$n" -w "$file" dev eth0 "$@"
	wait_for 3 traffic_until_ended "$(pid some)" || stop some INT
	finish some 2>/dev/null
	python3 "$NG" "$file" | cut -f"$field" | sort -u
}

# every REGEX: whether all lines match it, and there are some
every()
{
	awk -v re="$1" '$0 ~ re { n++ } END { print n && n == NR ? "all" : n + 0 " of " NR }'
}

is "$(some 4 2 before udp)" "in" "before: as they came"
is "$(python3 "$NG" "$file" | wc -l)" 4 "-c 4: four packets"
is "$(python3 "$NG" "$file" | cut -f6 | cut -c25-28 | sort -u)" 86dd "the filter: UDP alone"
is "$(some 4 2 after tcp port 80)" "out" "after: as they left"
is "$(some 3 7 reason hash before | every reason=hash)" all "by reason"
is "$(some 3 7 reason flow-new before | every "notes=.*flow-new")" all "by a note"
is "$(some 3 7 vip "[$VIP6]:80/udp" before | every "vip=.$VIP6.:80/udp")" all "by VIP"
is "$(some 3 1 before)" eth0 "by device"
is "$(some 3 7 vm "$(mac lb1 eth0)" before | every dev=eth0)" all "by MAC"
is "$(some 1 7 vm 02:00:00:00:00:77 seconds 1)" "" "  and by one that nobody has"
cmp_ok "$(python3 "$NG" -c "$file" | awk -F'\t' '{n += $2} END {print n}')" -gt 0 "  though packets came"
some 2 6 -s 20 tcp >/dev/null
is "$(python3 "$NG" "$file" | awk -F'\t' '{print length($6) / 2, ($5 > 20)}' | sort -u)" "20 1" \
	"-s: so many octets of each, and the length that it had"
# What is beyond that is there for the filter.
is "$(some 2 7 -s 20 "tcp[13] & 2 != 0" before | every reason=hash)" all \
	"the filter sees what is not kept"
xr capture -j -c 2 tcp >"$WORLD_DIR/json" 2>"$WORLD_DIR/json.err" &
wait_for 10 traffic_until_ended $!
is "$(jq -r '.kind + .vip' "$WORLD_DIR/json" | sort -u)" "tx$VIP4:80/tcp" "-j: an object a packet"
is "$(pick .captured "$WORLD_DIR/json.err")" 2 "and the counts"
is "$(is_plain && echo yes)" yes "the plain program is back each time"

# ---- readers ----

xr capture 2>"$WORLD_DIR/pipe.err" | tcpdump -nc 3 -r - >"$WORLD_DIR/pipe.out" 2>/dev/null &
wait_for 10 traffic_until_ended $!
wait_for 10 grep -q captured "$WORLD_DIR/pipe.err"
is "$(wc -l <"$WORLD_DIR/pipe.out")" 3 "into a pipe: tcpdump reads along"
like "$(<"$WORLD_DIR/pipe.err")" '^xroam: [0-9]+ captured' "and ends it by going away, with no error"
(xr capture; echo "status $?" >&2) 2>"$WORLD_DIR/pipe.err" | head -c 300 >/dev/null &
wait_for 10 traffic_until_ended $!
wait_for 5 grep -q '^status' "$WORLD_DIR/pipe.err"
like "$(<"$WORLD_DIR/pipe.err")" 'status 0$' "a pipe that is closed: 0"
(xr -j capture; echo "status $?" >&2) 2>"$WORLD_DIR/pipe.err" | head -n 1 >/dev/null &
wait_for 10 traffic_until_ended $!
wait_for 10 grep -q '^status' "$WORLD_DIR/pipe.err"
like "$(<"$WORLD_DIR/pipe.err")" '"captured":[0-9].*status 0$' "lines of JSON: the same"
is "$(grep -c error "$WORLD_DIR/pipe.err")" 0 "with no error"
(xr capture tcp port 9; echo "status $?" >&2) 2>"$WORLD_DIR/pipe.err" | true
ok "nothing comes: a reader who goes ends it, too" wait_for 10 grep -q '^status 0' "$WORLD_DIR/pipe.err"
# A reader that takes nothing: packets are lost, and said to be; nothing else waits.
mkfifo "$WORLD_DIR/fifo"
# shellcheck disable=SC2016
start deaf lb1 sh -c 'exec sleep 1000 <>"$1"' sh "$WORLD_DIR/fifo"
capture slow -w "$WORLD_DIR/fifo"
for _ in 1 2 3 4 5 6 7 8; do
	ask c1 -c 3 -u 9000 -d 9000 tcp "$VIP4" 80 >/dev/null
done
ok "commands work while the reader takes nothing" xr vip add "$VIP4B:81/tcp"
ok "and it still captures" [ "$(program eth0 | cut -d' ' -f1)" = xroam_cap_node ]
stop slow INT
is $? 0 "it ends"
stop deaf
start screen lb1 script -qec "$XROAM -i $(instance lb1) capture -c 1 tcp reason hash" /dev/null
wait_for 10 traffic_until_ended "$(pid screen)"
finish screen
like "$(<"$WORLD_DIR/screen.out")" \
	"^[0-9:]{8}.[0-9]{6} eth0 hash 10.11.0.2:[0-9]+ > $VIP4:80 tcp length [0-9]+ vip $VIP4:80/tcp backend s[12] > eth1 ipip 10.3.0.2[12] length [0-9]+ notes " \
	"on a terminal: a line a packet"
mkdir "$WORLD_DIR/small"
# shellcheck disable=SC2016
start full lb1 unshare -m sh -c '
	mount -t tmpfs -o size=16k none "$1"
	"$2" -v -i "$3" capture -w "$1/f"
	status=$?
	cp "$1/f" "$1.pcapng"
	exit $status' sh "$WORLD_DIR/small" "$XROAM" "$(instance lb1)"
wait_for 10 traffic_until_ended "$(pid full)"
finish full
is $? 1 "a disk that is full: refused"
like "$(<"$WORLD_DIR/full.err")" "small/f: No space left on device: what was captured before is whole" "and it says so"
ok "the file ends with a whole packet" python3 "$NG" "$WORLD_DIR/small.pcapng"
is "$(is_plain && echo yes)" yes "the plain program is back"

# ---- rate ----

capture rate rate 5 seconds 3 -w "$file" dev eth0
for _ in 1 2 3 4; do
	traffic tcp
done
finish rate
over=$(grep -o '[0-9]* over' "$WORLD_DIR/rate.err" | cut -d' ' -f1)
cmp_ok "$over" -gt 0 "above the rate: counted"
cmp_ok "$(python3 "$NG" "$file" | cut -f4 | sort -u | wc -l)" -le 25 "and not captured"
is "$(python3 "$NG" -c "$file" | awk -F'\t' '{print $4}')" "$over" "in the file, too"

# ---- what is wrong ----

refused 2 'filter "tcp port nonsense nonsense": ' "a filter that is none" capture tcp port nonsense nonsense
refused 2 "reason \"nonsense\" is unknown" "a reason that is none" capture reason nonsense
refused 2 "stands apart from the filter" "a filter in two pieces" capture tcp -c 1 port 80
refused 2 "option -x is unknown" "an unknown option" capture -x
refused 2 "-s" "more octets than are kept" capture -s 100000
refused 1 "there is no VIP 192.0.2.99:1/tcp" "an unknown VIP" capture vip 192.0.2.99:1/tcp
refused 1 "nix0 is not attached" "an unknown device" capture dev nix0 -w "$file"
refused 1 "/nonexistent/f: No such file" "a file that cannot be made" capture -w /nonexistent/f
like "$(in_ns lb1 setpriv --reuid 65534 --clear-groups --inh-caps=-all "$XROAM" -i "$(instance lb1)" capture 2>&1 >/dev/null)" \
	"^xroam: .*(CAP_|root|capabilit)" "who may not: what lacks"
capture one -w "$file"
refused 1 "captured by another process \(pid $(pid one)\)" "two at a time: refused, and whose it is" capture -w /dev/null
stop one INT
is "$(is_plain && echo yes)" yes "nothing of all that is left on the devices"
ok "nor in /run" [ ! -e "/run/xroam/$(instance lb1)/capture" ]

# ---- things that happen meanwhile ----

capture on -w "$file"
ok "reload" xr reload
ok "it captures again" wait_for 5 captures eth0
ok "detach" xr dev detach eth1
ok "attach" xr dev attach eth1
ok "a device that comes is captured" wait_for 5 captures eth1
traffic tcp
stop on TERM
like "$(<"$WORLD_DIR/on.err")" "the program was replaced [0-9]+ times? \(reload, apply\)" "it says that packets are missing"
cmp_ok "$(python3 "$NG" "$file" | wc -l)" -gt 0 "the file is whole"

# Killed: whoever changes something next puts the plain programs back.
capture killed -w "$file"
stop killed KILL
captures eth0
is $? 0 "killed: its programs are there"
like "$(xr status)" "a capture was killed" "status says so, and the cure"
ok "the next command" xr vip del "$VIP4B:81/tcp"
is "$(program eth0)" "$plain" "puts the plain one back"
like "$(xr status)" 'eth0' "status"
is "$(xr status | grep -c "capture was killed")" 0 "has nothing to say of it"
capture killed -w "$file"
stop killed KILL
start daemon lb1 "$XROAM" -i "$(instance lb1)" run
ok "a daemon puts it back by itself" wait_for 10 is_plain
stop daemon
capture killed -w "$file"
stop killed KILL
ok "and another capture can begin at once" some 2 1 tcp
is "$(is_plain && echo yes)" yes "after which the plain one is back"

ok "generic mode: detach" xr dev detach all
ok "attach" xr dev attach eth0 eth1 mode generic
is "$(some 3 7 tcp | every "vip=$VIP4:80/tcp")" all "in generic mode"
capture gone -w "$file"
ip -n "$(ns lb1)" link del eth1
ok "a device that vanishes: it goes on" kill -0 "$(pid gone)"
ok "destroy" xr destroy
finish gone
is $? 1 "the instance is gone: it ends"
like "$(<"$WORLD_DIR/gone.err")" 'instance ".*" is gone' "and says why"
python3 "$NG" "$file" >/dev/null
is $? 0 "the file is whole"
done_testing
