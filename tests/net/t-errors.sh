#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Bad input: the exit status, one line that says what is wrong, and no change.
# shellcheck source=tests/net/lib/world.sh
. "$(dirname "$0")/lib/world.sh"
world_up
file=$WORLD_DIR/file.yaml
base="vips:
  - { address: $VIP4, port: 80, protocol: tcp }
  - { address: $VIP4, port: 443, protocol: udp, cid: on }
cid:
  - { id: 0, format: quic-lb, server_id_length: 2, nonce_length: 6 }
backends:
  - { name: a, address: $(addr4 s1), vips: [\"$VIP4:80/tcp\"] }
  - { name: b, address: $(addr4 s2), vips: [\"$VIP4:443/udp\"], server_ids: [0a0b] }"
echo "$base" >"$file"
chmod 600 "$file"
ok "a good file" xr check "$file"
ok "is applied" xr apply "$file"
xr export >"$WORLD_DIR/before"

# bad REGEX DESCRIPTION SED: the file, changed so, is refused by check and apply
bad()
{
	echo "$base" | sed -e "$3" >"$file"
	cmp -s "$file" <(echo "$base") && fail "$2: the file is unchanged"
	refused 1 "$1" "check: $2" check "$file"
	refused 1 "$1" "apply: $2" apply "$file"
}

bad "file.yaml:2: .*colour" "an unknown key" '2s/port/colour: red, port/'
bad "file.yaml:2: .*port" "a wrong type" '2s/80/eighty/'
bad "file.yaml:2: .*port" "a port out of range" '2s/80/70000/'
bad "file.yaml:2: .*protocol" "an unknown protocol" '2s/tcp/sctp/'
bad "file.yaml:2: .*address" "no address" '2s/192.0.2.10/server-one/'
bad "file.yaml:2: .*protocol" "a key is missing" '2s/, protocol: tcp//'
bad "file.yaml:3: .*192.0.2.10:80/tcp" "a VIP twice" \
	'3s/port: 443, protocol: udp, cid: on/port: 80, protocol: tcp/'
bad "file.yaml:5: .*server_id_length" "a server ID too long" \
	'5s/length: 2/length: 16/'
bad "file.yaml:5: .*(nonce|4)" "a nonce too short" '5s/nonce_length: 6/nonce_length: 3/'
bad "file.yaml:5: .*config 7" "config ID 7" '5s/id: 0/id: 7/'
bad "file.yaml:5: .*key" "a key of the wrong size" '5s/ }/, key: 0011 }/'
bad "file.yaml:6: .*0" "a config ID twice" '5{p}'
bad "file.yaml:8: .*0a0b" "a server ID twice" '7s/ }/, server_ids: [0a0b] }/'
bad "file.yaml:8: .*0a0" "a server ID of half octets" '8s/0a0b/0a0/'
bad "file.yaml:8: .*server ID" "a server ID of 16 octets" \
	'8s/0a0b/000102030405060708090a0b0c0d0e0f/'
bad "file.yaml:8: .*a" "a backend twice" '8s/name: b/name: a/'
bad "file.yaml:7: .*99" "a VIP that is not there" '7s/:80/:99/'
bad "file.yaml:7: .*forward" "an unknown way" '7s/ }/, forward: pigeon }/'
bad "file.yaml:7: .*weight" "a negative weight" '7s/ }/, weight: -1 }/'
bad "file.yaml:7: .*IPv6" "an address family that cannot be reached" \
	"2s/$VIP4/\"$VIP6\"/; 7s/\"$VIP4/\"[$VIP6]/"
bad "file.yaml:7: .*mac" "VXLAN without the inner MAC" \
	'7s/ }/, forward: vxlan }/'
bad "file.yaml:[0-9]+: " "not YAML" '4s/cid:/cid: [/'
bad "file.yaml:1: .*vip" "an unknown section" '1s/vips/vip/'
is "$(xr export | md5sum)" "$(md5sum <"$WORLD_DIR/before")" \
	"none of these changed anything"

head -c 16 /dev/zero >"$WORLD_DIR/key"
chmod 644 "$WORLD_DIR/key"
refused 1 "key.*(others|600|0600)" "a key file others can read" \
	cid add 1 format quic-lb server-id-length 2 nonce-length 6 \
	key-file "$WORLD_DIR/key"
chmod 600 "$WORLD_DIR/key"
head -c 15 /dev/zero >"$WORLD_DIR/key"
refused 1 "key.*16" "a key file of the wrong size" \
	cid add 1 format quic-lb server-id-length 2 nonce-length 6 \
	key-file "$WORLD_DIR/key"
mkfifo -m 666 "$WORLD_DIR/fifo"
exec {writer}<>"$WORLD_DIR/fifo"
head -c 16 /dev/zero >&$writer
refused 1 "fifo.*(others|600)" "a pipe that others can write to" \
	cid add 1 format quic-lb server-id-length 2 nonce-length 6 \
	key-file "$WORLD_DIR/fifo"
exec {writer}>&-
refused 1 "nosuch" "a file that is not there" apply "$WORLD_DIR/nosuch"
refused 1 "nosuch" "nor to check" check "$WORLD_DIR/nosuch"

refused 1 "$VIP4:80/tcp" "a VIP twice" vip add "$VIP4:80/tcp"
refused 1 "$VIP4:9/tcp" "del a VIP that is not there" vip del "$VIP4:9/tcp"
refused 1 "nosuch" "set a backend that is not there" \
	backend set nosuch weight 1
refused 1 "nosuch" "del a backend that is not there" backend del nosuch
refused 1 "5" "del a CID config that is not there" cid del 5
refused 1 "0" "a config ID twice" cid add 0 format quic-lb \
	server-id-length 2 nonce-length 6
refused 1 "0a0b" "a server ID twice" backend add c \
	vip "$VIP4:443/udp" address "$(addr4 s3)" server-id 0a0b

for words in "vip add" "vip add nonsense" "vip add 1.2.3.4:80" \
	     "vip add 1.2.3.4:80/sctp" "vip add $VIP4:81/tcp flow maybe" \
	     "backend add x" "backend set a" "backend set a state ill" \
	     "backend set a weight -1" "cid add 9 format quic-lb" \
	     "cid add 1 format morse" "cid decode xyz" "nonsense" \
	     "vip nonsense" "dev attach" "dev attach eth0 mode wrong" \
	     "stats nonsense" "--nonsense" "apply"; do
	# shellcheck disable=SC2086
	refused 2 "^xroam: ." "wrong usage: $words" $words
done
refused 2 "^xroam: ." "a word of two lines" $'non\nsense'
is "$(xr export | md5sum)" "$(md5sum <"$WORLD_DIR/before")" \
	"none of these changed anything, either"
echo "$base" | sed '5s/ }/, key: 000102030405060708090a0b0c0d0e0f }/' >"$file"
chmod 644 "$file"
like "$(xr check "$file" 2>&1)" "warning: .*holds keys.*0644" \
	"a file with keys that others can read is warned of"

xr dev attach eth0 >/dev/null
rm "/sys/fs/bpf/xroam/$(instance lb1)/meta"
refused 1 "no instance" "an instance whose meta was removed by hand" status
refused 1 "meta.*destroy" "nor can another be made in its place" \
	vip add "$VIP4C:80/tcp"
ok "destroy removes what there is" xr destroy
is "$(in_ns lb1 ip -d link show eth0 | grep -c prog/xdp)" 0 \
	"and the program from the device"
refused 1 "no instance" "an instance that is not there" -i "xrt-$$-none" status
done_testing
