#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What takes something away is written out, says what stops, and can be taken back; a
# file that leaves a list out deletes nothing; --dry-run says all and does nothing.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
whole=$WORLD_DIR/whole.yaml file=$WORLD_DIR/file.yaml
cat "$CONFIG" - >"$whole" <<-EOT
	devices:
	  - {name: eth0}
	cid:
	  - {id: 1, format: quic-lb, server_id_length: 4, nonce_length: 8, key: 000102030405060708090a0b0c0d0e0f}
	gateways:
	  - {address: 10.9.0.1, mac: "02:00:00:00:00:01"}
	protected: ["02:00:00:00:00:77"]
	vips:
	  - {address: 192.0.2.1, port: 443, protocol: udp, cid: true}
	  - {address: 192.0.2.2, port: 80, protocol: tcp}
	backends:
	  - {name: a, address: 10.8.0.2, vips: ["192.0.2.1:443/udp"], server_ids: ["00000001"]}
	  - {name: b, address: 10.8.0.3, vips: ["192.0.2.1:443/udp"], server_ids: ["00000002"]}
EOT
chmod 600 "$whole"

# state: all there is
state()
{
	xr export --keys 2>&1
	xr -j dev show | jq -c 'map([.device, .program_id])'
}

# ---- what would be done ----

xr apply "$whole" --dry-run >"$WORLD_DIR/would" 2>&1
is $? 3 "--dry-run: something would change"
is "$(xr status 2>&1 | grep -c 'no instance')" 1 "an instance is not made"
is "$(ls -d /sys/fs/bpf/xroam/"$WORLD"-n1* /run/xroam/"$WORLD"-n1*.yaml 2>/dev/null)" "" "nor anything left"
xr apply "$whole" >"$WORLD_DIR/did" 2>&1
is $? 0 "apply"
is "$(<"$WORLD_DIR/would")" "$(<"$WORLD_DIR/did")" "--dry-run said the same, line by line"
is "$(xr apply --dry-run "$whole"; echo $?)" $'nothing to change\n0' \
	"--dry-run in front, and nothing to change: 0"
{
	cat "$whole"
	cat <<-EOT
		sources: {fdb: [{bridge: br0}]}
		metrics: {}
		on_move: {command: [/bin/true]}
		vm_routes: {}
		etcd: {endpoints: ["http://127.0.0.1:2379"], prefix: x}
	EOT
} >"$file"
chmod 600 "$file"
is "$(xr apply --dry-run "$file" 2>&1)" \
	"xroam: warning: $file: sources, metrics, on_move, vm_routes, etcd: not of the instance, but the daemon's, which has them of its own file (run -c): at its start, and by SIGHUP
nothing to change" "what no command can make so is named"
state >"$WORLD_DIR/before"
sed -e '/name: b/d; s/cid: true/cid: false/; s/h3, vxlan: 10.8.0.3/h4, vxlan: 10.8.0.3/' \
	-e 's/name: eth0/name: eth1/; s/id: 1/id: 2/; s/10.9.0.10/10.9.0.11/' \
	"$whole" >"$file"
xr apply --dry-run "$file" >"$WORLD_DIR/would" 2>&1
is $? 3 "another file would change much"
is "$(state | diff - "$WORLD_DIR/before")" "" "but nothing changed"
is "$(xr -j apply --dry-run "$file" 2>/dev/null; echo $?)" \
	"$(xr apply --dry-run "$file" 2>/dev/null | jq -Rnc '{changes: [inputs]}'; echo 3)" \
	"the same as JSON"
xr apply "$file" >"$WORLD_DIR/did" 2>&1
is "$(<"$WORLD_DIR/would")" "$(<"$WORLD_DIR/did")" "and it is what apply does"
ok "back again" xr apply "$whole"
sed 's/443,/0,/' "$whole" >"$file"
refused 1 "file.yaml:.*port" "a bad file: 1" apply --dry-run "$file"
refused 2 "expected" "one FILE" apply "$whole" "$file" --dry-run

# ---- what a file leaves out ----

state >"$WORLD_DIR/before"
for section in hosts vms cid vips backends; do
	$PYTHON - "$whole" $section >"$file" <<-'EOT'
		import re, sys
		text = open(sys.argv[1]).read()
		print(re.sub(r"(?ms)^%s:.*?(?=^\S|\Z)" % sys.argv[2], "", text), end="")
	EOT
	case $section in
	vips) sed -i 's/, vips: \[[^]]*\]//' "$file" ;;
	cid) sed -i 's/, server_ids: \[[^]]*\]//; s/, cid: true//' "$file" ;;
	hosts) sed -i '/^vms/,/mac:/d' "$file" ;;
	esac
	chmod 600 "$file"
	refused 1 "leaves out.*$section \([1-9].*\"$section: \[\]\"" \
		"a file without $section" apply "$file"
done
echo 'policy: {flow_idle: 60}' >"$file"
refused 1 "hosts \(3\).*vms \(1\).*gateways \(1\).*protected \(1\).*cid \(1\).*vips \(2\).*backends \(2\).*\"backends: \[\]\"" \
	"one with a policy alone" apply "$file"
refused 1 "leaves out" "nor would it" apply --dry-run "$file"
is "$(state | diff - "$WORLD_DIR/before")" "" "nothing changed"
cat >"$file" <<-EOT
	vips: []
	backends: []
	cid: []
	hosts: []
	vms: []
EOT
refused 1 "gateways \(1\).*\"gateways: \[\]\"" "nor go gateways with a part of it" \
	apply --dry-run <(grep -v vips "$file")
cat >>"$file" <<-EOT
	gateways: []
	protected: []
EOT
ok "empty lists are meant" xr apply "$file"
is "$(xr -j vip show)$(xr -j host show)$(xr -j vm show)" "[][][]" "and obeyed"
is "$(xr -j dev show | pick '.[].device')" eth0 "devices that are left out stay"
xr export >"$file"
ok "back" xr apply "$whole"
ok "an export of nothing is whole" xr apply "$file"
ok "back" xr apply "$whole"

# ---- what stops ----

out=$(xr backend set a weight 0 2>&1)
is "$out" "" "one of two goes: nothing stops"
like "$(xr backend set b state down 2>&1)" \
	"warning: vip 192.0.2.1:443/udp: no backend is left" "the last one goes down"
ok "up" xr backend set b state up
like "$(xr backend set b weight 0 2>&1)" "warning: vip 192.0.2.1:443/udp: no backend" "or has no weight"
ok "weight" xr backend set b weight 1
like "$(xr backend del b 2>&1)" "warning: vip 192.0.2.1:443/udp: no backend" "or is deleted"
ok "again" xr backend set a weight 1
like "$(xr -j vip del 192.0.2.1:443/udp 2>&1)" \
	'^\{"warning":"vip 192.0.2.1:443/udp is taken away, and 1 backend served it' \
	"a VIP with a backend"
is "$(xr vip del 192.0.2.2:80/tcp 2>&1)" "" "one without: nothing stops"
like "$(xr dev detach eth0 2>&1)" "warning: the last device" "the last device"
ok "attach" xr dev attach eth0
like "$(xr dev detach all 2>&1)" "warning: the last device" "or all of them"
ok "back" xr apply "$whole"

# ---- whole words ----

state >"$WORLD_DIR/before"
for words in "destro" "des" "dest" "vip de 192.0.2.1:443/udp" "backend d a" \
	     "cid d 1" "host de h3" "vm l $VM" "vm leav $VM" "dev det all" \
	     "dev detac all" "backend set a state dow" "b set a st do"; do
	# shellcheck disable=SC2086
	refused 2 "in full|could be any" "not abbreviated: $words" $words
done
is "$(state | diff - "$WORLD_DIR/before")" "" "nothing was taken away"
ok "what takes nothing away is abbreviated" xr ba se a st up

# ---- destroy ----

kept=/run/xroam/$WORLD-n1.destroyed.yaml
like "$(xr -j destroy)" "\"export\":\"$kept\"" "destroy says where it keeps what was"
is "$(stat -c %a "$kept")" 600 "for nobody else's eyes"
ok "it can be taken back" xr apply "$kept"
is "$(xr export --keys)" "$(sed -n '1,/^\[{/{/^\[{/!p}' "$WORLD_DIR/before" | sed '/^\[\[/d')" "whole, with its keys"
like "$(xr destroy)" "is gone; what it was, its keys too, is in $kept" "destroy"
ok "an empty one" xr dev attach eth0
ok "no device either" xr dev detach eth0
is "$(xr destroy)" "instance \"$WORLD-n1\" is gone" "has nothing to keep"
ok "what was kept before stays" grep -q 192.0.2.2 "$kept"
# ---- the mode that was asked for ----

mode()
{
	xr export | grep mode: | tr -d ' '
}

ok "attach" xr dev attach eth0
is "$(mode)" mode:auto "auto is exported as what it was"
xr export >"$file"
is "$(xr apply "$file")" "nothing to change" "and means the same"
state >"$WORLD_DIR/before"
sed -i 's/mode: auto/mode: native/' "$file"
is "$(xr apply "$file")" "~ dev eth0: mode auto -> native" "another is asked for"
is "$(mode)" mode:native "and kept"
is "$(state | tail -1)" "$(tail -1 "$WORLD_DIR/before")" "the program is the same"
ok "detach" xr dev detach eth0
xr destroy >/dev/null

# No place to keep it: destroy is the way out all the same.
ok "once more" xr apply "$whole"
rm -f "$kept"; mkdir "$kept"
xr destroy >"$WORLD_DIR/out" 2>&1
is $? 0 "nowhere to keep it: it goes all the same"
like "$(<"$WORLD_DIR/out")" "warning: what the instance was is not kept: $kept" "with a warning"
rmdir "$kept"
# A disk that takes a part: nothing is kept, and the line says what is wrong.
cat >"$WORLD_DIR/full.sh" <<-'EOT'
	mount --make-rprivate / && mount -t tmpfs -o size=16k none /run/xroam
	{
		echo vips:
		for i in $(seq 100); do
			echo "  - {address: 192.0.2.$i, port: 80, protocol: tcp}"
		done
	} >"$1"
	net=$2
	full() { nsenter --net="/run/netns/$net" "$XROAM" -i "$net-full" "$@" 2>&1; }
	full apply "$1" | wc -l
	dd if=/dev/zero of=/run/xroam/fill bs=4096 2>/dev/null
	truncate -s -4096 /run/xroam/fill
	full vip add 192.0.4.1:80/tcp
	full destroy
	ls /run/xroam
EOT
out=$(XROAM=$XROAM unshare -m bash "$WORLD_DIR/full.sh" "$WORLD_DIR/full.yaml" "$WORLD-n1")
is "$(head -1 <<<"$out")" 100 "an instance, where there is little room"
like "$out" "writing the journal .*No space left on device: make room in /run" "none for a change"
like "$out" "warning: what the instance was is not kept: .*No space left on device" \
	"nor for what it was"
is "$(tail -1 <<<"$out")" fill "of which no part is left behind"
# Not to be read: the way out, but not in silence.
ok "once more" xr apply "$whole"
rm "/sys/fs/bpf/xroam/$WORLD-n1/backends"
xr destroy >"$WORLD_DIR/out" 2>&1
is $? 0 "one that cannot be read goes, too"
like "$(<"$WORLD_DIR/out")" "warning: what the instance was cannot be read, nor kept: " \
	"with a warning"
done_testing
