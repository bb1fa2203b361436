# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The release before and this one, on one instance. Beside world.sh or vmworld.sh:
#
#	$OLD, $NEW		the two commands; $XROAM is the one that xr is
#	read_defaults NODE	after world_up, on a node without an instance: for settings
#	settings <EXPORT	it without lines that are so in every instance of which nothing
#				else is said: what the old one does not know is no difference
#
NEW=$XROAM
OLD=$WORLD_BUILD/tests/upgrade/layout-3/build/xroam
[ -x "$OLD" ] || bail "no $OLD: run make tests first"

read_defaults()
{
	local one=("$NEW" -i "$(instance defaults)")

	in_ns "$1" "${one[@]}" apply - <<<"vips: []" >/dev/null || bail "no instance on $1"
	DEFAULTS=$(in_ns "$1" "${one[@]}" export | grep '^  ')
	in_ns "$1" "${one[@]}" destroy >/dev/null
}

settings()
{
	grep -vxF "$DEFAULTS"
}
