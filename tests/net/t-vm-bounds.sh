#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a VM may send and get travels with it: kept at its port on the old host, at the new
# one before the first frame gets in, and at the old one no more once it has moved. Real
# frames through real ports; were it to fail, a VM would be open for as long as it moves.
# shellcheck source=tests/net/lib/vmworld.sh
. "$(dirname "$0")/lib/vmworld.sh"

vm_world_up -n 2
vm_places v1 h1 h2
vm_places n1 -m $N1_MAC h1
vm_attach h1 h2 || bail "cannot attach"
vm_hosts vxlan h1 h2 || bail "cannot add hosts"
for node in h1 h2; do
	policy $node blackout_timeout 600 >/dev/null || bail "no policy"
done
in_ns h1 bridge fdb replace $VM_MAC dev v1 master dynamic
fabric_believes h1

# bound WORDS...: the VM at h1, so bound, on both nodes
bound()
{
	on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" at h1 dev v1 "$@" >/dev/null
}

# both WORDS...: the new host first, as an operator would
both()
{
	on_each "h2 h1" "$@" >/dev/null
}

# at FRAME: how often it came to the old place and to the new one
at()
{
	echo "$(arrived v1:h1 "$1") $(arrived v1:h2 "$1")"
}

# refusals NODE: denied in and out, limited in and out
refusals()
{
	xr_on "$1" -j vm show $VM_MAC |
		jq -r '[.[0] | .denied, .limited | .in, .out] | join(" ")'
}

# c1's is denied, the neighbour's is not; what the VM sends is.
probe=$(vm_probe)
near=$(neighbour_probe)
said=$(frame make udp $VM_MAC $C1_MAC $VM_ADDR4 $C1_ADDR4 9 "what the VM says, unpadded")
other=$(frame make udp $VM_MAC $C1_MAC $VM_ADDR4 $C1_ADDR4 10 "what else it says, unpadded")

# each_once: the frames, one after the other
each_once()
{
	play -q 400 -w v1:h1 -w v1:h2 -w c1:eth0 "c1:eth0=$probe" "n1:h1=$near" "$@"
}

each_once "v1:h1=$said" "v1:h1=$other"
is "$(at "$probe") $(at "$near")" "1 0 1 0" "without rules all comes in"
is "$(arrived c1:eth0 "$said") $(arrived c1:eth0 "$other")" "1 1" "and goes out"

bound rule "deny in udp peer $C1_ADDR4" rule 'deny out udp port 9'
each_once "v1:h1=$said" "v1:h1=$other"
is "$(at "$probe") $(at "$near")" "0 0 1 0" "what a rule denies does not come in, the rest does"
is "$(arrived c1:eth0 "$said") $(arrived c1:eth0 "$other")" "0 1" "likewise out"
is "$(refusals h1)" "1 1 0 0" "and each refusal counts"
is "$(reason rule-denied h1)" 2 "as the reason rule-denied"

both vm prepare $VM_MAC to h2
each_once
is "$(at "$probe") $(at "$near")" "0 0 1 0" "the same while its move is prepared"
both vm pause $VM_MAC
each_once
is "$(at "$probe") $(at "$near")" "0 0 1 1" "in the blackout neither place gets what is denied"
is "$(refusals h1) $(refusals h2)" "2 1 0 0 1 0 0 0" "which counts at the new place alone"

# Its first frame at the new place is one that it may not send.
play -q 400 -w c1:eth0 "v1:h2=$said"
is "$(arrived c1:eth0 "$said")" 0 "its first frame at the new place is held to the rules"
is "$(vm_fact h2 $VM_MAC host)" h2 "and shows that it runs there"
is "$(refusals h2)" "1 1 0 0" "counted there"
both vm move $VM_MAC to h2
was=$(refusals h1)
each_once "v1:h2=$said" "v1:h2=$other"
is "$(at "$probe") $(at "$near")" "0 0 0 1" "moved: the new place alone has the rules"
is "$(arrived c1:eth0 "$said") $(arrived c1:eth0 "$other")" "0 1" "what it may send goes out"
is "$(refusals h1)" "$was" "the old place judges nothing any more"
is "$(refusals h2)" "2 2 0 0" "the new one does"
# Nor where somebody has its bridge send to the port that the VM has left.
in_ns h1 bridge fdb replace $VM_MAC dev v1 master static
denied=$(frame make udp $N1_MAC $VM_MAC $C1_ADDR4 $VM_ADDR4 9 "what its neighbour there may not say")
play -q 400 -w v1:h1 -w v1:h2 "n1:h1=$denied" "n1:h1=$near"
is "$(at "$denied") $(at "$near") $(refusals h1)" "0 0 0 1 $was" "nor what a neighbour there sends to it"
is "$(refusals h2)" "3 2 0 0" "which the new one does, too"

# A burst of 3 s at a packet a second, and one more.
ok "a limit in the place of the rules" on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" at h2 \
	dev v1 limit 'in packets 1 burst 3000'
play -q 400 -w v1:h2 "c1:eth0=$probe*40"
cmp_ok "$(arrived v1:h2 "$probe")" -ge 4 "a burst comes in"
cmp_ok "$(arrived v1:h2 "$probe")" -lt 40 "and no more"
# Of many alike one gets another IPv4 ID on its way: see echo.h.
cmp_ok "$(($(arrived v1:h2 "$probe") + $(vm_fact h2 $VM_MAC limited | pick .in)))" -ge 39 \
	"each frame came in or was counted"

ok "without any" on_each "h1 h2" vm add "$VM_MAC" address "$VM_ADDR4" at h2 dev v1
probe=$(vm_probe "what the client says now")
play -q 400 -w v1:h2 "c1:eth0=$probe*6"
is "$(arrived v1:h2 "$probe") $(vm_fact h2 $VM_MAC limits)" "6 null" "all comes in again"
done_testing
