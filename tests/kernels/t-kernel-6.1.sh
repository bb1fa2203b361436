#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The oldest kernel that is supported, emulated and thus slow: its verifier is shown
# every program with every knob, and each of its helpers is called once. The rest,
# which it says it leaves out, is for "make kernels", which runs all on every kernel.
KERNEL_TESTS=${KERNEL_TESTS-'@(activate|budget|copy|decap|dispatcher|flow|formats|forward|ports|steer|stray|too_big|vm_redirect)'}
KERNEL_WORDS=${KERNEL_WORDS-"
	activate:on_the_port activate:next_frame activate:in_the_tunnel
	copy:by_uplink copy:remembered
	decap:every_tunnel decap:vlan_tags decap:congestion_checksums decap:checksums
	flow:entry_and_promotion flow:idle_out
	formats:each_format formats:rotation
	ports:switches ports:vlan_of_a_bridge ports:vlan_of_a_vni
	forward:each_method forward:jumbo_frames
	steer:cid_of_another_service
	stray:pings stray:others_are_dropped stray:the_machines_own
	too_big:whole_replies too_big:jumbo
	vm_redirect:whole_frames vm_redirect:vlan_tags vm_redirect:ip_hosts
"}
export KERNEL_TESTS KERNEL_WORDS
exec "$(dirname "$0")/run.sh" 6.1
