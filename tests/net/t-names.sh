#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A device may have almost any name, and others give VMs' ports theirs: a file that
# is written is one that can be read, a terminal gets no commands, JSON is UTF-8, a
# message has its end; and a journal that cannot be read stops nobody.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
run=/run/xroam/$WORLD-n1
file=$WORLD_DIR/file.yaml

# only_text FILE DESCRIPTION: printable UTF-8 and line ends, and no more
only_text()
{
	if $PYTHON - "$1" <<-'EOT'
		import sys, unicodedata
		text = open(sys.argv[1], "rb").read().decode()
		bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
		sys.exit("".join(map(repr, bad)) or None)
	EOT
	then pass "$2"; else fail "$2"; fi
}

# ---- names that a file takes ----

esc=$'e\e]0;x\a'
names=('q"x' 'b\s' "$esc" $'c1\xc2\x9bJ' $'rl\xe2\x80\xaeo' '#h' '{f}' on 0x10 1e3 "a'b" -- -j help)
i=0
for name in "${names[@]}"; do
	ip -n "$WORLD-n1" link add v$i type veth peer name w$i
	ip -n "$WORLD-n1" link set v$i name "$name" 2>/dev/null || {
		skip 1 "the kernel takes no such name"
		continue
	}
	ip -n "$WORLD-n1" link set dev "$name" up
	i=$((i + 1))
done
ok "apply" xr apply "$CONFIG"
attached='attached with a name of any kind'
for name in 'q"x' 'b\s' "$esc" $'c1\xc2\x9bJ' on 0x10; do
	xr dev attach "$name" >>"$WORLD_DIR/attach" 2>&1 || attached=
done
is "$attached" 'attached with a name of any kind' "devices"
ok "a backend behind one" sh -c "nsenter --net=/run/netns/$WORLD-n1 sh -c '
	$XROAM -i $WORLD-n1 vip add 192.0.2.1:80/udp &&
	$XROAM -i $WORLD-n1 backend add a vip 192.0.2.1:80/udp address 10.8.0.2 dev eth0'"
for show in "dev show" "status" "export" "stats dev" "vm show" "-v status"; do
	# shellcheck disable=SC2086
	xr $show >"$WORLD_DIR/out" 2>&1
	only_text "$WORLD_DIR/out" "$show: no commands for a terminal"
	# shellcheck disable=SC2086
	xr -j $show >"$WORLD_DIR/out" 2>&1
	only_text "$WORLD_DIR/out" "nor -j $show"
done
only_text "$WORLD_DIR/attach" "nor attach"
like "$(xr dev show)" 'e\\u001b]0;x\\u0007' "what is escaped can be told apart"
is "$(xr -j dev show | jq -r '.[].device | select(startswith("e\u001b"))')" "$esc" \
	"JSON has the name itself"
ok "export" sh -c "nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 export >$file"
ok "check takes it" xr check "$file"
is "$(xr apply "$file" 2>&1)" "nothing to change" "it says the same"
if $PYTHON -c 'import yaml' 2>/dev/null; then
	is "$($PYTHON -c 'import sys, yaml
print([d["name"] for d in yaml.safe_load(open(sys.argv[1]))["devices"]][-2:])' "$file")" \
		"['on', '0x10']" "to another reader, too"
fi

# ---- not UTF-8: no file could name it ----

ip -n "$WORLD-n1" link add raw type veth peer name war
ip -n "$WORLD-n1" link set dev raw name $'r\xff\x9bJ'
refused 1 "not UTF-8" "a name that is not UTF-8 is not attached" \
	dev attach $'r\xff\x9bJ'
refused 2 "not UTF-8" "nor a backend sent there" \
	backend add z vip 192.0.2.1:80/udp address 10.8.0.2 dev $'r\xff\x9bJ'
xr -j dev attach $'r\xff\x9bJ' 2>"$WORLD_DIR/out"
only_text "$WORLD_DIR/out" "and JSON says so in UTF-8"
is "$(jq -r 'keys[0]' "$WORLD_DIR/out")" error "as JSON"

# ---- ports that somebody else names ----

ok "the daemon" run_daemon
# shellcheck disable=SC1003
for tap in 'a\"b' 'a\\\\' '\u001b]0;x\u0007' '{' "a'b: c"; do
	notify say "{\"notice\":\"add\",\"mac\":\"52:54:00:00:01:01\",\"at\":\"h1\",\"tap\":\"$tap\"}"
	xr export >"$file"
	only_text "$file" "tap $tap: export is text"
	ok "that check takes" xr check "$file"
	notify say '{"notice":"leave","mac":"52:54:00:00:01:01"}'
done
only_text "$WORLD_DIR/daemon.err" "no commands in the daemon's log"
cp "$file" "$file.tap"
cat >"$file.tap" <<-EOT
	hosts:
	  - {name: h1, vxlan: 10.8.0.1, vni: 100, local: true}
	vms:
	  - {mac: "$VM", at: h1, tap: "a\"b\\\\\\e"}
EOT
ok "a file with such a port" xr check "$file.tap"

# ---- a journal that cannot be read ----

xr export >"$file"
meta=$(bpftool -j map dump pinned "/sys/fs/bpf/xroam/$WORLD-n1/meta")
created=$(grep -o '"created":[0-9]*' <<<"$meta" | head -1 | cut -d: -f2)
id=$(grep -o '"id":[0-9]*' <<<"$meta" | head -1 | cut -d: -f2)
journal()
{
	printf '# %s %016x\n%s\n' "$created" "$id" "$1" >"$run/journal.yaml"
}

journal 'a_key_of_tomorrow: 1'
notify say "{\"notice\":\"prepare\",\"mac\":\"$VM\",\"to\":\"h2\"}"
like "$PRINTED" '"ok":true' "nor is the daemon stopped by one of another xroam"
like "$(daemon_says)" "warning: .*a_key_of_tomorrow" "it logs why"
notify say "{\"notice\":\"cancel\",\"mac\":\"$VM\"}"
daemon_end
# With no daemon, which would meet it first.
journal 'vms: [{mac: "'
xr vip add 192.0.2.7:80/udp >"$WORLD_DIR/out" 2>&1
is $? 0 "a damaged journal: a command goes on"
like "$(<"$WORLD_DIR/out")" "warning: .*journal.yaml:.*apply FILE" \
	"says what was lost and what to do"
ok "and has kept it" grep -q mac "$run/journal.yaml.unreadable"
ok "the next one knows nothing of it" sh -c \
	"nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 vip show 2>&1 | grep -q 192.0.2.7 &&
	 ! nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 vip show 2>&1 | grep -q warning"
journal 'nonsense'
ok "export goes on" sh -c "nsenter --net=/run/netns/$WORLD-n1 $XROAM -i $WORLD-n1 export >$file.2 2>/dev/null"
is "$(grep -c 192.0.2.7 "$file.2")" 1 "with what there is"
# One that can be read, but not be done: a whole file says more.
journal 'limits: {vips: 7}'
refused 1 "cannot be finished.*limits.vips.*apply FILE" \
	"a change that cannot be finished is told of" vip show
ok "apply takes its place" xr apply "$file"
ok "and all is well" xr vip show
is "$(ls "$run/journal.yaml" 2>/dev/null)" "" "without a journal"
ok "destroy" xr destroy

# ---- words without end ----

long=$(head -c 10000 /dev/zero | tr '\0' x)
for words in "$long" "vip add $long" "vm add $long at h1" "dev attach $long" \
	     "-i $long status" "apply $long" "cid decode $long" "host add $long dev x" \
	     "backend add a address $long" "stats $long" "vip add 192.0.2.1:$long/udp"; do
	# shellcheck disable=SC2086
	out=$(xr $words 2>&1)
	cmp_ok "${#out}" -lt 520 "${words:0:18}...: told in a line that can be read"
done
like "$(xr "$long" 2>&1)" 'xxx\.\.\.x+" is unknown: write one of dev,.*run' \
	"with what would be right at its end"
done_testing
