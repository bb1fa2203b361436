#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The distribution's browser, through xroam: a page whose script downloads and posts
# back what came, the servers checking each octet, in connections that last.
# shellcheck source-path=SCRIPTDIR source=lib/quic.sh
. "$(dirname "$0")/lib/quic.sh"

CHROMIUM=$(command -v chromium) || skip_all "no chromium"
TIMES=5 OCTETS=300000
NAME=xroam.test

# browse PAGE: in the background, as a user who has never been anywhere
browse()
{
	local pins

	pins=$(for server in "${WORLD_SERVERS[@]}"; do
		quic_get "$server" .spki
	done | paste -sd ,)
	rm -rf "$WORLD_DIR/profile"
	mkdir "$WORLD_DIR/profile"
	HOME=$WORLD_DIR/profile start browser c1 "$CHROMIUM" --headless \
		--no-sandbox --disable-gpu --disable-dev-shm-usage \
		--no-first-run --disable-background-networking \
		--disable-component-update --disable-sync \
		--user-data-dir="$WORLD_DIR/profile" \
		--host-resolver-rules="MAP $NAME $(quic_host), MAP * ~NOTFOUND" \
		--origin-to-force-quic-on="$NAME:$QUIC_PORT" \
		--ignore-certificate-errors-spki-list="$pins" \
		"https://$NAME:$QUIC_PORT$1"
}

quic_host()
{
	case $QUIC_VIP in
	*:*)	echo "[$QUIC_VIP]" ;;
	*)	echo "$QUIC_VIP" ;;
	esac
}

has_come()
{
	quic_snapshot
	[ "$(quic_sum .bytes_in)" -ge "$1" ]
}

visit()
{
	quic_servers
	browse "/page/$TIMES/$OCTETS"
	wait_for 120 has_come $((TIMES * OCTETS)) ||
		diag "$(tail -n 20 "$WORLD_DIR/browser.err")"
	stop browser
	quic_servers_stop
	diag "$(quic_sum .connections) connections," \
		"$(quic_sum ".bytes_in .bytes_out") octets," \
		"$(quic_sum .strays) strays of $(quic_sum .packets) packets"
}

quic_world
quic_lb on
visit
is "$(quic_sum .bytes_in)" $((TIMES * OCTETS)) "the browser posts all that it got"
is "$(quic_sum .bad)" 0 "and each octet of it is right"
is "$(quic_sum .failed)" 0 "no connection fails"
is "$(quic_sum .strays)" 0 "no stray packet"
cmp_ok "$(reason cid)" -gt $((TIMES * OCTETS / 1500)) "by its connection IDs"
done_testing
