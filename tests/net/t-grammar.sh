#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# How commands are written: help in front and behind, options anywhere; and the files
# that they are given: nothing that keeps its reader waiting, in whatever shape.
# shellcheck source=tests/net/lib/daemonworld.sh
. "$(dirname "$0")/lib/daemonworld.sh"
daemon_world_up
ok "apply" xr apply "$CONFIG"

# ---- help ----

for object in dev apply check export reload status destroy drain undrain vip backend cid \
	      health host vm state stats top monitor explain doctor capture run; do
	is "$(xr help $object)" "$(xr $object help)" "help $object is $object help"
	like "$(xr $object --help)" "^Usage: xroam " "so is --help"
	is "$(xr help $object | grep -E '.{81}')" "" "and fits 80 columns"
done
is "$(xr help ba)" "$(xr backend help)" "help is abbreviated, too"
is "$(xr help)" "$(xr -h)" "help alone"
refused 2 "nosuch.*is unknown" "help of nothing there is" help nosuch
for verb in add prepare pause move cancel leave; do
	words=$(xr vm $verb x 2>&1; xr vm $verb "$VM" nosuch 2>&1)
	# shellcheck disable=SC2013
	for word in $(grep -o 'write one of .*' <<<"$words" | sed 's/write one of //; s/,//g'); do
		like "$(xr help vm | sed -n "/xroam vm $verb /,/xroam vm/p" | head -2 | paste -sd' ')" \
			"[[ ]$word( |\]|$)" "vm $verb takes $word, and help says so"
	done
done

words=$(xr help run | tr '\n' ' ')
like "$words" "prepare \(to, timeout, ttl, tap\)" "run help names what a notice may have"

# ---- values are named with what is wrong with them ----

refused 2 'server-id "1": hex needs' "half an octet" cid encode 1 server-id 1
refused 2 'CID "zz": .z. is not a hex digit' "no hex" cid decode zz
refused 2 '10.1.0.0/24.* leave the prefix length out' "a prefix" \
	backend add x vip 192.0.2.1:1/udp address 10.1.0.0/24
refused 1 'nonce length is missing' "no nonce length" cid add 4 format quic-lb server-id-length 4

# ---- options behind the object ----

for words in "vm show -j" "vm -j show" "vm show --json" "vm -jv show"; do
	# shellcheck disable=SC2086
	is "$(xr $words | pick '.[0].mac')" "$VM" "$words"
done
is "$(xr status -j | pick .instance)" "$WORLD-n1" "status -j"
is "$(xr vm show -p)" "$(xr -p vm show)" "-p"
is "$(in_ns n1 "$XROAM" vm show -j -i "$WORLD-n1" | jq length)" 1 "-i"
is "$(in_ns n1 "$XROAM" vm "--instance=$WORLD-n1" show -j | jq length)" 1 "--instance="
refused 2 "instance" "-i without a name" vm show -i
refused 2 "instance .a/b.: only letters, digits, '-' and '_'" "-i with a bad one" vm show -i 'a/b'
refused 2 "instance .a\.b.: only letters, digits, '-' and '_'" "with a dot" vm show -i 'a.b'
refused 2 "x" "others are not taken" vm show -x
ip -n "$WORLD-n1" link add dash type veth peer name dash1
if ip -n "$WORLD-n1" link set dev dash name -j 2>/dev/null; then
	ok "a device that is called so, behind --" xr dev attach -- -j
	is "$(xr dev show -j | pick '.[].device')" "-j" "is attached"
	ok "and detached" xr dev detach -- -j
else
	skip 3 "ip gives no device such a name"
fi
refused 2 '^\{"error":' "an error as JSON" vm show nosuch -j

# ---- what destroys is written in full, and the refusal says so ----

for words in "cid del 1 forc" "cid del 1 format plain forc" "dev det all" "backend set a state dow" \
	     "vm leav $VM" "destro" "vip de 192.0.2.1:1/udp" "host d h1"; do
	# shellcheck disable=SC2086
	refused 2 'write "[a-z ]+" in full' "$words" $words
done
refused 1 'write "detach all" in full' "dev detach al" dev detach al
refused 2 '"all" stands alone' "all, and a device" dev detach eth0 all
refused 2 'option "--dry" is unknown: write --dry-run' "an option, cut" apply --dry
refused 2 'option "--dry" is unknown' "check has none" check --dry
refused 2 'not expected here; .*--dry-run' "nor behind a file" apply "$CONFIG" --dry

# ---- roots that cannot be written ----

# rootless MOUNTS WORDS...: xroam WORDS in a mount namespace with these
rootless()
{
	local mounts=$1

	shift
	unshare -m sh -c "mount --make-rprivate / && $mounts && shift && exec \"\$@\"" \
		sh sh nsenter --net="/run/netns/$WORLD-n1" "$XROAM" -i "$WORLD-ro" "$@" 2>&1
}

for words in "apply $CONFIG" "dev attach eth0" "run -c $CONFIG"; do
	# shellcheck disable=SC2086
	like "$(rootless "mount -t tmpfs -o ro none /run/xroam" $words)" \
		"/run/xroam/.*: Read-only file system: .*remount,rw /run" "/run read-only: $words"
	# shellcheck disable=SC2086
	like "$(rootless "mount -t bpf -o ro none /sys/fs/bpf" $words)" \
		"/sys/fs/bpf/.*: Read-only file system: .*remount,rw /sys/fs/bpf" "bpffs read-only: $words"
	# shellcheck disable=SC2086
	like "$(rootless "mount -t tmpfs none /sys/fs" $words)" \
		"no directory /sys/fs/bpf: .*mount -t sysfs" "no bpffs: $words"
done

# ---- a port that is not there ----

refused 1 'no device "nosuch"' "vm prepare with a port that is not there" \
	vm prepare "$VM" to h2 dev nosuch
is "$(fact state)" stable "nothing is prepared"

# ---- files that are none ----

fifo=$WORLD_DIR/fifo
mkfifo -m 600 "$fifo"
cid="cid add 1 format quic-lb server-id-length 2 nonce-length 6 key-file"
for file in "$fifo" /dev/zero /dev/null /dev/tty "$WORLD_DIR"; do
	# shellcheck disable=SC2086
	refused 1 "$file: is a (FIFO|device|directory)" "a key in $file" $cid "$file"
	refused 1 "$file: is a (FIFO|device|directory)" "a configuration there" apply "$file"
	refused 1 "$file: is a (FIFO|device|directory)" "or checked" check "$file"
	echo "secret_file: $file" >"$WORLD_DIR/f.yaml"
	refused 1 "f.yaml:1: .*$file: is a (FIFO|device|directory)" "a secret there" \
		check "$WORLD_DIR/f.yaml"
done
# shellcheck disable=SC2086
ok "a key from a pipe" xr $cid <(printf %032x 7)
ok "a file from a pipe" xr check <(cat "$CONFIG")
ok "or from standard input" sh -c "$XROAM check - <'$CONFIG'"

# ---- shapes ----

deep=$WORLD_DIR/deep.yaml
shape()
{
	$PYTHON -c "import sys; sys.stdout.write($1)" >"$deep"
	refused 1 "$2" "$3" check "$deep"
}

# Minutes, were it read level by level.
shape '"a: " + "[" * 200000' "deep.yaml:1: nested too deeply" "lists in lists"
shape '"vips: " + "{a: " * 200000' "deep.yaml:1: nested too deeply" "mappings in mappings"
shape '"vms: " + "[" * 200000' "deep.yaml:1: nested too deeply" "where VMs are"
shape '"vms:\n- " + "{mac: " * 200000' "deep.yaml:2: nested too deeply" "in a VM"
shape '"vms:\n" + "".join(" " * i + "-\n" for i in range(3000))' \
	"deep.yaml:[0-9]+: (nested|vms)" "by indentation"
shape '"vips: &x []\nbackends: []\n"' "deep.yaml:1: YAML anchors are not read" "an anchor"
shape '"vips: &x []\nbackends: *x\n"' "deep.yaml:[12]: YAML (anchors|aliases) are not read" "an alias"
shape '"hosts: []\nvms: [&a {mac: x}, *a]\n"' "deep.yaml:2: " "among VMs"
shape '"a: &a [x,x]\n" + "".join("b%d: &b%d [%s]\n" % (i, i, ",".join(["*a"] * 9)) for i in range(50))' \
	"deep.yaml:1: " "a billion laughs"
done_testing
