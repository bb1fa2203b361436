#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Proxmox VE's hookscript with nodes that do not answer, words that are none, and many cards: a
# VM's start waits for nobody long, and nobody is told what was not asked.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

HOOK=$(readlink -f "$(dirname "$0")/../../scripts/hooks/proxmox")
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
type jq timeout >/dev/null || skip_all "needs jq"

# fake NAME: what is read is the program of that name
fake()
{
	{
		echo "#!/bin/sh"
		cat
	} >"$DIR/bin/$1"
	chmod +x "$DIR/bin/$1"
}

mkdir -p "$DIR"/bin "$DIR"/nodes/{a,b,c}/qemu-server
fake hostname <<<"echo b"
fake xroam <<<"echo '[{\"name\": \"hb\", \"local\": true}]'"
# Node c has a connection and says nothing; node a knows of one card's move to here.
fake ssh <<EOT
shift 5
echo "\$*" >>"$DIR/log"
case "\$*" in
root@c*)	exec sleep 1000 ;;
*"show 52:54:00:00:00:01"*)	echo '{"mac": "52:54:00:00:00:01", "state": "prepared", "to": "hb"}' ;;
*show*)	exit 1 ;;
esac
EOT
for i in 1 2 3; do
	echo "net$i: virtio=52:54:00:00:00:0$i,bridge=vmbr0"
done >"$DIR/nodes/a/qemu-server/100.conf"
sed -i '1s/$/,tag=5/' "$DIR/nodes/a/qemu-server/100.conf"
echo "name: none" >"$DIR/nodes/a/qemu-server/101.conf"

# hook VMID PHASE: what node a is told
hook()
{
	: >"$DIR/log"
	XROAM_PVE_NODES=$DIR/nodes PATH=$DIR/bin:$PATH XROAM_PVE_PATIENCE=2 timeout 20 "$HOOK" "$@" >"$DIR/out" &&
		sed -n 's/^root@a xroam //p' "$DIR/log" | sort
}

is "$(hook 100 pre-start)" "vm prepare 52:54:00:00:00:01 vlan 5 to hb timeout 86400
vm prepare 52:54:00:00:00:02 to hb timeout 86400
vm prepare 52:54:00:00:00:03 to hb timeout 86400" "a node that does not answer keeps no VM from starting"
is "$(grep -c "node c is not told of VM" "$DIR/out")" 3 "  and is told of"
is "$(hook 100 post-stop | grep cancel)" "vm cancel 52:54:00:00:00:01 vlan 5" "what was prepared is cancelled, and nothing else"
is "$(grep -c "node a" "$DIR/out")" 0 "  where it is not known nothing is wrong"
for words in "101 pre-start" "../../a/qemu-server/102 pre-start" "no pre-start" "100" "" "100 x"; do
	# shellcheck disable=SC2086 # two words
	is "$(hook $words && echo and ends well)" "and ends well" "\"$words\" tells nobody anything"
done
done_testing
